// SPDX-License-Identifier: GPL-3.0-or-later
// Whole architectures in words: sizes, what a layer is made of, and the curves as CSV.
#pragma once

#include "core/stack/stack_curve.h"

#include <QString>
#include <QVector>

#include <vector>

namespace attnscope {

/// "97.4 MiB", "16 KiB", "512 B".
QString bytesText(double bytes);

/// "8.03 billion", "135 million", "512".
QString countText(double count);

/// "2.3 ms", "1.4 s", "3.2 min", "5 µs".
QString timeText(double milliseconds);

/// "4k", "256k", "1M", "700": tokens, in units of 1024.
QString tokensText(double tokens);

/// "12,345": with thin groups, for tables and tooltips.
QString groupedText(double whole);

/// "Mamba-2", "full attention", "sliding window of 2,048", "full attention and Mamba-2 side by side", "feed-forward only".
QString mixerTitle(const StackLayer& layer);

/// Of a recurrent mixer by its id: "Mamba-2"; the id itself where it isn't known.
QString recurrentTitle(const std::string& method);

/// "dense, 14,336 wide", "mixture of 16 experts, 2 at work, each 14,336 wide".
QString ffnTitle(const FfnShape& ffn);

/// Dimensions, KV and state bytes, weights, and the key of the file that decided: one tooltip of several lines of HTML.
QString layerTip(const Architecture& architecture, Index layer);

struct Fact {
    QString label;
    QString value;
    QString tip;
};

/// KV bytes per token, state, weights, parameters, context, the deciding key: the rows of the table of architectures.
QVector<Fact> factsOf(const Architecture& architecture);

/// As `attnscope-cli stack --csv` writes them; `curves` one per architecture.
QString curvesCsv(const std::vector<Architecture>& architectures, const std::vector<std::vector<StackPoint>>& curves);

} // namespace attnscope
