// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON header of a .safetensors file: parsed strictly, so that a hostile one is refused before anything is read.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

struct SafetensorsEntry {
    std::string name;
    std::string dtype; ///< as written: "F32", "BF16", "I64"
    std::vector<Index> shape;
    std::uint64_t begin = 0; ///< bytes from the end of the header
    std::uint64_t end = 0;
};

struct SafetensorsHeader {
    std::vector<SafetensorsEntry> entries;
    std::map<std::string, std::string> metadata;
};

/// Checks the grammar, shapes against bytes, and that the entries fill `dataBytes` without overlap or hole. Errors are Parse and
/// begin with "has" or "holds", for parseError(path, ...) to complete.
Result<SafetensorsHeader> parseSafetensorsHeader(std::string_view json, std::uint64_t dataBytes);

} // namespace attnscope
