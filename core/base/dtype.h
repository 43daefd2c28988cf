// SPDX-License-Identifier: GPL-3.0-or-later
// The number formats in which a backend may hold q, k, v and multiply them; sums are float32 in all of them.
#pragma once

#include "core/base/result.h"

#include <array>
#include <string>
#include <string_view>

namespace attnscope {

/// F32: float32 accuracy throughout. TF32: float32 storage, products of 11 significant bits. F16 and BF16: stored and multiplied so.
enum class Dtype { F32, TF32, F16, BF16 };

inline constexpr std::array<std::string_view, 4> kDtypeNames{"f32", "tf32", "f16", "bf16"};

constexpr std::string_view toString(Dtype dtype) { return kDtypeNames[static_cast<std::size_t>(dtype)]; }

/// Bytes of one stored number.
constexpr int bytesOf(Dtype dtype) { return dtype == Dtype::F32 || dtype == Dtype::TF32 ? 4 : 2; }

/// The format of that name ("fp32" is read as "f32"), or Unsupported with the names there are.
inline Result<Dtype> parseDtype(std::string_view name)
{
    std::string plain(name);
    if (const auto at = plain.find("fp"); at != std::string::npos)
        plain.erase(at + 1, 1);
    for (std::size_t i = 0; i < kDtypeNames.size(); ++i)
        if (plain == kDtypeNames[i])
            return static_cast<Dtype>(i);
    return Error{Errc::Unsupported, "There is no number format \"" + std::string(name) + "\".", "Formats: f32, tf32, f16, bf16."};
}

} // namespace attnscope
