// SPDX-License-Identifier: GPL-3.0-or-later
// The panels of the main window and where they dock; no behaviour.
#pragma once

#include "core/backend.h"

#include <QString>

#include <string>
#include <vector>

class QDockWidget;
class QMainWindow;
class QSplitter;
class QTableView;
class QTextBrowser;

namespace attnscope {

class Board;
class HeadGrid;
class InputPanel;
class JobQueue;
class JobsPanel;
class LatencyPanel;
class MethodsPanel;
class MetricsModel;
class RowPlot;

struct WindowPanels {
    Board* board = nullptr;
    RowPlot* row = nullptr;
    InputPanel* input = nullptr;
    HeadGrid* heads = nullptr;
    MethodsPanel* methods = nullptr;
    MetricsModel* metrics = nullptr;
    QTableView* metricsView = nullptr;
    LatencyPanel* latency = nullptr;
    JobsPanel* jobs = nullptr;
    QTextBrowser* machine = nullptr;
    QDockWidget* latencyDock = nullptr;
    QDockWidget* metricsDock = nullptr;
};

/// Makes all panels, as docks of `window` around board and row plot.
WindowPanels makePanels(QMainWindow& window, JobQueue& jobs, const std::vector<const Backend*>& backends, const std::string& cudaNote);

} // namespace attnscope
