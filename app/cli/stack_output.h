// SPDX-License-Identifier: GPL-3.0-or-later
// What `stack` prints: the JSON document, CSV, and tables for people.
#pragma once

#include "core/stack/decision_helper.h"

#include <string>
#include <vector>

namespace attnscope::cli {

struct PredictedStack {
    Architecture architecture;
    std::vector<StackPoint> curve;
};

struct StackAnswer {
    Card card;
    std::string scenario;
    double batch = 1.0;
    std::vector<PredictedStack> stacks;
    std::vector<StackCrossover> crossovers;
};

/// {"architectures": [...], "crossovers": [...]}.
void printStackJson(const StackAnswer& answer);

/// The curves, one line a point.
void printStackCsv(const StackAnswer& answer);

void printStackTables(const StackAnswer& answer);

void printDecisions(const std::vector<Decision>& decisions);
void printDecisionsJson(const std::vector<Decision>& decisions);

} // namespace attnscope::cli
