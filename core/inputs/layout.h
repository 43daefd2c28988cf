// SPDX-License-Identifier: GPL-3.0-or-later
// Which axis of an array is which: guessed from the shapes of q, k and v, explained, and corrected by naming it.
#pragma once

#include "core/base/result.h"
#include "core/base/shape.h"

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// B batch, H heads, N tokens, D width.
enum class Layout { ND, HND, NHD, BHND, BNHD };

const char* nameOf(Layout layout);                        ///< "BHND"
std::optional<Layout> layoutNamed(std::string_view name); ///< upper or lower case
std::vector<Layout> layoutsOfRank(std::size_t rank);      ///< those that an array of so many axes can have

/// The sizes {B, H, N, D} of an array; missing axes are 1. `shape` must have the rank of the layout.
std::array<Index, 4> sizesIn(Layout layout, std::span<const Index> shape);

struct ArrayShapes {
    std::vector<Index> q, k, v;
};

struct LayoutReading {
    Layout layout = Layout::ND;
    bool guessed = false;
    std::string explanation; ///< "q [8, 1024, 64] read as H, N, D"
    std::string reason;      ///< why, where it was guessed
};

/// Two axes means N, D. Of three or four, the heads come before or after the tokens; decided by the first of these that decides:
///  1. the number of tokens, where it is known (`tokenCount` > 0);
///  2. which reading lets k and v fit q at all (heads divide, as many values as keys);
///  3. which reading has as many queries as keys, with at most 256 heads;
///  4. tokens come first only where that axis is the longer one and longer than 64; heads come first otherwise.
/// InvalidShape where the arrays have different or unusable ranks, or not the rank of `given`.
Result<LayoutReading> readLayout(const ArrayShapes& shapes, std::optional<Layout> given = std::nullopt, Index tokenCount = 0);

/// Copies an array in the given layout into [B, H, N, D] order; both have as many elements.
void copyAsBHND(Layout layout, std::span<const Index> shape, const float* from, float* to);

/// Whether the array is in [B, H, N, D] order as it stands.
inline bool isBHND(Layout layout) { return layout == Layout::ND || layout == Layout::HND || layout == Layout::BHND; }

} // namespace attnscope
