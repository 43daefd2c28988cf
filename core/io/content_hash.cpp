// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/content_hash.h"

#include "core/io/mapped_file.h"

#include <xxhash.h>

#include <algorithm>
#include <memory>

namespace attnscope {

namespace {

constexpr std::size_t kChunk = std::size_t{16} << 20; // between two looks at whether to stop

using HashState = std::unique_ptr<XXH3_state_t, void (*)(XXH3_state_t*)>;

HashState startedState()
{
    HashState state(XXH3_createState(), [](XXH3_state_t* s) { XXH3_freeState(s); });
    XXH3_128bits_reset(state.get());
    return state;
}

std::string textOf(XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    constexpr const char* digits = "0123456789abcdef";
    std::string text = "xxh3-";
    for (const unsigned char byte : canonical.digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

} // namespace

Result<std::string> contentHash(const std::filesystem::path& path, const RunContext& context)
{
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    const auto state = startedState();
    const auto bytes = file->bytes();
    for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
        if (context.cancelled())
            return cancelledError();
        context.report(static_cast<double>(at) / static_cast<double>(bytes.size()));
        XXH3_128bits_update(state.get(), bytes.data() + at, std::min(kChunk, bytes.size() - at));
    }
    return textOf(XXH3_128bits_digest(state.get()));
}

std::string contentHash(std::span<const MatrixView<const float>> arrays, std::string_view text)
{
    const auto state = startedState();
    XXH3_128bits_update(state.get(), text.data(), text.size());
    for (const auto& array : arrays) {
        const Index size[] = {array.rows, array.cols};
        XXH3_128bits_update(state.get(), size, sizeof size);
        for (Index i = 0; i < array.rows; ++i)
            XXH3_128bits_update(state.get(), array.row(i), static_cast<std::size_t>(array.cols) * sizeof(float));
    }
    return textOf(XXH3_128bits_digest(state.get()));
}

} // namespace attnscope
