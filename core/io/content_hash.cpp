// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/io/content_hash.h"

#include "core/io/mapped_file.h"

#include <xxhash.h>

namespace attnscope {

Result<std::string> contentHash(const std::filesystem::path& path)
{
    const auto file = MappedFile::open(path);
    if (!file)
        return file.error();
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(file->bytes().data(), file->bytes().size()));
    constexpr const char* digits = "0123456789abcdef";
    std::string text = "xxh3-";
    for (const unsigned char byte : canonical.digest) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

} // namespace attnscope
