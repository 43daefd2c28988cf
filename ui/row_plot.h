// SPDX-License-Identifier: GPL-3.0-or-later
// One query's whole row of the map: exact attention as bars, approximations as lines over the keys.
#pragma once

#include "core/base/shape.h"
#include "ui/executor.h"
#include "ui/pane_content.h"

#include <QStringList>
#include <QWidget>

#include <memory>
#include <optional>
#include <vector>

class QCPPainter;
class QCustomPlot;

namespace attnscope {

struct PlotTheme;

class RowPlot : public QWidget {
    Q_OBJECT

public:
    explicit RowPlot(Executor executor = poolExecutor(), QWidget* parent = nullptr);
    ~RowPlot() override;

    /// Exact and approximations; error panes and panes without a source are left out. The row is read again on a worker.
    void setSources(const std::vector<PaneContent>& panes);
    void setTokens(const QStringList& tokens);
    void setQuery(std::optional<Index> query); ///< none: the plot says what to click
    std::optional<Index> query() const;
    void setLogScale(bool log);
    bool isIdle() const; ///< what is shown belongs to the sources and query set last
    /// Values of series `at` as shown: one per key.
    const std::vector<float>& values(std::size_t at) const;

    QSize figureSize() const;
    void renderTo(QCPPainter& painter, const QRect& target);

Q_SIGNALS:
    void hovered(attnscope::Index query, attnscope::Index key);
    void painted();
    void failed(const QString& what);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace attnscope
