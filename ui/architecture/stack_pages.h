// SPDX-License-Identifier: GPL-3.0-or-later
// The page's texts as HTML: which architecture suits what, what others published, and the curves in numbers.
#pragma once

#include "ui/architecture/architecture_set.h"

#include <QString>

namespace attnscope {

/// The decision helper's answers: what is favoured, the numbers it rests on, and what was assumed.
QString decisionPage(const StackAnswer& answer);

/// Every published study with its numbers, source, and what differs besides the mixer. A study that architectures of ours stand for
/// has a link "study:ID".
QString publishedPage(const std::vector<PublishedStudy>& studies);

/// Architectures of ours that a study measured, without repetition.
std::vector<std::string> architecturesOf(const PublishedStudy& study);

/// Prefill, decoding and memory at powers of two, and the crossovers.
QString numbersPage(const StackAnswer& answer);

} // namespace attnscope
