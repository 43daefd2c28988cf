// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/content_hash.h"

#include "core/io/mapped_file.h"

#include <xxhash.h>

#include <memory>

#include <algorithm>
#include <memory>

namespace attnscope {

namespace {

constexpr std::size_t kChunk = std::size_t{16} << 20; // between two looks at whether to stop

} // namespace

namespace {

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

Result<std::string> contentHash(const std::filesystem::path& path)
{
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    return textOf(XXH3_128bits(file->bytes().data(), file->bytes().size()));
}

std::string contentHash(std::span<const MatrixView<const float>> arrays, std::string_view text)
{
    const std::unique_ptr<XXH3_state_t, void (*)(XXH3_state_t*)> state(XXH3_createState(), [](XXH3_state_t* s) { XXH3_freeState(s); });
    XXH3_128bits_reset(state.get());
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
