// SPDX-License-Identifier: GPL-3.0-or-later
// The page of architectures in files: pictures, tables, saved designs; from the window and without one.
#pragma once

#include "core/base/result.h"
#include "ui/architecture/architecture_set.h"
#include "ui/figure_export.h"

#include <QStringList>

namespace attnscope {

class StackPlot;

/// Stacks with captions and sizes, their legend, and the curves below; `plot` must live as long.
Figure architectureFigure(const std::vector<Architecture>& architectures, StackPlot& plot);
Figure stacksFigure(const std::vector<Architecture>& architectures);
Figure curvesFigure(StackPlot& plot);

/// One line an architecture: layers, which of them attend, bytes and parameters.
QString sizesCsv(const std::vector<Architecture>& architectures);

/// What the figures are of, for their captions: card, scenario, batch, and that it is predicted.
QString stackCaption(const StackAnswer& answer);

/// Whether it is a file of stackSessionToJson().
bool holdsStackSession(const QString& path);

/// A config.json, one of that kind, or saved architectures, as they come from a file on their own.
Result<StackSession> openStackFile(const QString& path);

/// Figures (PNG, SVG, PDF) and tables (CSV) of a file that openStackFile() reads; the files written. Needs no display.
Result<QStringList> renderArchitectures(const QString& path, const QString& folder);

} // namespace attnscope
