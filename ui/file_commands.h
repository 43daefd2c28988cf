// SPDX-License-Identifier: GPL-3.0-or-later
// Open and export as a person meets them: dialogs, and one sentence where something fails.
#pragma once

#include "ui/window_panels.h"

#include <QString>

class QWidget;

namespace attnscope {

class SessionController;
class Settings;

/// A text, tensor or session file; empty where the dialog was cancelled.
QString askForInput(QWidget& window, Settings& settings);

/// A Hugging Face folder; empty where the dialog was cancelled.
QString askForModel(QWidget& window, Settings& settings);

/// Board, one pane, the row or the latency plot as PNG, SVG or PDF.
void exportFigures(QWidget& window, Settings& settings, SessionController& controller, const WindowPanels& panels);

/// The board with its caption on one page.
void printBoard(QWidget& window, SessionController& controller, const WindowPanels& panels);

/// A map (what is visible, or all of it) as CSV or NPY, or the metrics table as CSV.
void exportData(QWidget& window, Settings& settings, SessionController& controller, const WindowPanels& panels);

/// Puts a picture of what is under the pointer on the clipboard, or of the board; says what it was.
QString copyPane(const WindowPanels& panels);

} // namespace attnscope
