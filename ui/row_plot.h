// SPDX-License-Identifier: GPL-3.0-or-later
// One query's whole row of the map: exact attention as bars, approximations as lines over the keys.
#pragma once

#include "core/base/shape.h"
#include "ui/executor.h"
#include "ui/pane_content.h"

#include <QStringList>
#include <QWidget>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

class QCPPainter;
class QCustomPlot;
class QWheelEvent;

namespace attnscope {

class RowFigure;
struct TextMarks;

class RowPlot : public QWidget {
    Q_OBJECT

public:
    explicit RowPlot(Executor executor = poolExecutor(), QWidget* parent = nullptr);
    ~RowPlot() override;

    /// Exact and approximations; error panes and panes without a source are left out. The row is read again on a worker, and
    /// what is shown stays until it is there.
    void setSources(const std::vector<PaneContent>& panes);
    void setTokens(const QStringList& tokens);
    void setQuery(std::optional<Index> query); ///< none: the plot says what to click
    /// The last pin's query with all sources; of those before, the exact rows as thin lines with the pins' numbers.
    void setPins(const std::vector<MapCell>& pins);
    std::optional<Index> query() const { return m_query; }
    void setMarks(std::shared_ptr<const TextMarks> marks); ///< searched tokens as keys: bands, or a veil over all others; null: none
    void setLogScale(bool log);                            ///< linear all the same where the row has negative weights
    void setCursorKey(std::optional<Index> key);
    bool isIdle() const { return m_shown == m_wanted; } ///< what is shown belongs to the sources and query set last
    /// The row of series `at` as shown: one value per key. Sources first, then the earlier pins' rows.
    std::vector<float> values(std::size_t at) const;

    QSize figureSize() const { return {1020, 240}; }
    void renderTo(QCPPainter& painter, const QRect& target);

Q_SIGNALS:
    void hovered(attnscope::Index query, attnscope::Index key);
    void left();
    void clicked(attnscope::Index query, attnscope::Index key);
    void painted();
    void failed(const QString& what);

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void read();
    void setRows(std::optional<Index> query, std::vector<std::pair<std::size_t, Index>> earlier);
    QString describe(Index query) const;
    QString describeQuery() const;
    QString describeKey() const;
    void zoom(QWheelEvent* event);
    bool mouse(QEvent* event);

    Executor m_executor;
    std::vector<PaneContent> m_sources;
    QStringList m_tokens;
    std::optional<Index> m_query;
    std::vector<std::pair<std::size_t, Index>> m_earlier; // number and query of further pins
    std::optional<Index> m_key;                           // under the cursor
    std::stop_source m_stop;
    std::uint64_t m_wanted = 0;
    std::uint64_t m_shown = 0;
    QCustomPlot* m_plot;
    std::unique_ptr<RowFigure> m_figure;
};

} // namespace attnscope
