// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/content_hash.h"

#include "core/io/mapped_file.h"

#include <xxhash.h>

#include <algorithm>
#include <memory>

namespace attnscope {

namespace {

constexpr std::size_t kChunk = std::size_t{16} << 20; // between two looks at whether to stop

} // namespace

Result<std::string> contentHash(const std::filesystem::path& path, const RunContext& context)
{
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    XXH128_canonical_t canonical;
    const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
    XXH3_128bits_reset(state.get());
    const auto bytes = file->bytes();
    for (std::size_t at = 0; at < bytes.size(); at += kChunk) {
        if (context.cancelled())
            return cancelledError();
        context.report(static_cast<double>(at) / static_cast<double>(bytes.size()));
        XXH3_128bits_update(state.get(), bytes.data() + at, std::min(kChunk, bytes.size() - at));
    }
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state.get()));
    constexpr const char* digits = "0123456789abcdef";
    std::string text = "xxh3-";
    for (const unsigned char byte : canonical.digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

} // namespace attnscope
