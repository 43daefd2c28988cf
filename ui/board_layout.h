// SPDX-License-Identifier: GPL-3.0-or-later
// Which pane stands where on a board: one row, or two with each error below its approximation; all of one size.
#pragma once

#include "ui/pane_content.h"

#include <QRect>
#include <QSize>

#include <vector>

namespace attnscope {

/// One rectangle per pane; empty where it isn't shown.
std::vector<QRect> boardLayout(const std::vector<PaneContent>& panes, const std::vector<bool>& shown, const QSize& size);

/// In units of 1/96 inch: panes of a size that reads well on paper.
QSize boardFigureSize(const std::vector<PaneContent>& panes, const std::vector<bool>& shown);

} // namespace attnscope
