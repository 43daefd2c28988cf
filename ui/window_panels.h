// SPDX-License-Identifier: GPL-3.0-or-later
// The panels of the main window and where they dock; no behaviour.
#pragma once

#include "core/backend.h"

#include <QSize>
#include <QString>

#include <string>
#include <vector>

class QDockWidget;
class QMainWindow;
class QSplitter;
class QTableView;
class QTextBrowser;
class QWidget;

namespace attnscope {

class AdvicePanel;
class Board;
class HeadGrid;
class HelpPage;
class InputPanel;
class JobQueue;
class JobsPanel;
class LatencyPanel;
class MapStrip;
class MethodsPanel;
class MetricsModel;
class RowPlot;
class TextPanel;
class TheoryPanel;

struct WindowPanels {
    Board* board = nullptr;
    RowPlot* row = nullptr;
    MapStrip* rowStrip = nullptr;    ///< left of the board
    MapStrip* columnStrip = nullptr; ///< below it
    InputPanel* input = nullptr;
    TextPanel* text = nullptr;
    HeadGrid* heads = nullptr;
    MethodsPanel* methods = nullptr;
    MetricsModel* metrics = nullptr;
    QTableView* metricsView = nullptr;
    AdvicePanel* advice = nullptr;
    LatencyPanel* latency = nullptr;
    TheoryPanel* theory = nullptr;
    JobsPanel* jobs = nullptr;
    QTextBrowser* machine = nullptr;
    HelpPage* help = nullptr;
    QDockWidget* textDock = nullptr;
    QDockWidget* headsDock = nullptr;
    QDockWidget* latencyDock = nullptr;
    QDockWidget* metricsDock = nullptr;
};

/// Makes all panels, as docks of `window` around board and row plot.
WindowPanels makePanels(QMainWindow& window, JobQueue& jobs, const std::vector<const Backend*>& backends, const std::string& cudaNote);

/// The size to start with: the whole window, its frame too, inside the screen.
QSize fittingSize(const QWidget& window);

/// The head grid in its dock <-> floating over the window at most of its size.
void toggleHeadGrid(const WindowPanels& panels, const QMainWindow& window);

} // namespace attnscope
