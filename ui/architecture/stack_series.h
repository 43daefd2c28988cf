// SPDX-License-Identifier: GPL-3.0-or-later
// What the plots of architectures against length consist of: lines, shares, crossings and axis ticks; no painting.
#pragma once

#include "ui/architecture/architecture_set.h"

#include <QVector>

#include <utility>

namespace attnscope {

enum class StackQuantity { Memory, Prefill, Decode };

/// "Memory held", "Prefill", "Decoding, a token".
QString quantityTitle(StackQuantity quantity);

/// What the prediction is sure of: low and high.
std::pair<double, double> intervalOf(const StackPoint& point, StackQuantity quantity);

/// Bytes, or milliseconds.
double valueOf(const StackPoint& point, StackQuantity quantity);
QString valueText(double value, StackQuantity quantity);

/// A part of a curve that is drawn in one style.
struct StackLine {
    std::size_t architecture = 0;
    bool reuse = false;        ///< of a conversation with prefix reuse
    bool extrapolated = false; ///< as its points' label says
    bool fits = true;
    QVector<double> n;
    QVector<double> value;
    QVector<double> low; ///< of the prediction; of memory the value itself
    QVector<double> high;
};

/// Parts that follow each other share their common point. Decoding is the same with and without prefix reuse: drawn once.
std::vector<StackLine> stackLines(const StackAnswer& answer, StackQuantity quantity);

/// Shares of weights, attention and state in what one curve shows, stacked: each from the one before to itself, the last is 1.
struct StackShares {
    QVector<double> n;
    QVector<double> weights;
    QVector<double> attention;
    QVector<double> state;
};
StackShares stackShares(const StackAnswer& answer, std::size_t architecture, StackQuantity quantity);

/// Where two curves of this quantity cross.
struct StackCrossing {
    double n = 0.0;
    double low = 0.0;
    double high = 0.0;
    double value = 0.0; ///< of both there
};
std::vector<StackCrossing> stackCrossings(const StackAnswer& answer, StackQuantity quantity);

/// One sentence a pair and quantity: where they cross and who is faster then.
QStringList crossoverSentences(const StackAnswer& answer);

/// "tokens of the prompt", ...
QString lengthTitle(const StackQuestion& question);

/// Ticks of a logarithmic axis, at most about `most`: of lengths and bytes powers of two, of times powers of ten.
std::vector<std::pair<double, QString>> lengthTicks(double low, double high, int most);
std::vector<std::pair<double, QString>> valueTicks(double low, double high, StackQuantity quantity, int most);

} // namespace attnscope
