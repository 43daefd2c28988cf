// SPDX-License-Identifier: GPL-3.0-or-later
// Published times of whole models beside what the formulas predict for them.
#pragma once

#include "core/stack/published_figures.h"
#include "core/stack/stack_curve.h"

namespace attnscope {

struct ComparedRun {
    std::string series;       ///< as published
    std::string architecture; ///< that predicts it
    std::string quantity;     ///< "prefill" (of n tokens) or "decode" (one step while n are written after n read)
    double n = 0.0;
    double batch = 1.0;
    double publishedMs = 0.0;
    double predictedMs = 0.0;
    double lowMs = 0.0;
    double highMs = 0.0;
    bool fits = true; ///< in the card's memory; else the published run must have gone in waves
};

/// The reading-faster, writing-slower table of Mamba-3's authors ("mamba3-prefill" and "mamba3-prefill-decode") on a card: every
/// series that has an architecture, prefill first. Io or Parse where an architecture that comes with the program can't be read.
Result<std::vector<ComparedRun>> comparePrefillAndDecode(const std::vector<PublishedStudy>& studies, const Card& card);

} // namespace attnscope
