// SPDX-License-Identifier: GPL-3.0-or-later
// The drawing of a row plot: series over keys, shaded masked keys, header with values under the cursor. Private header of ui.
#pragma once

#include "core/base/shape.h"
#include "ui/plot_theme.h"

#include <QStringList>
#include <qcustomplot.h>

#include <memory>
#include <optional>
#include <vector>

namespace attnscope {

class TokenBands;
struct TextMarks;

struct RowSeries {
    QString title;
    bool exact = false;
    std::vector<float> values; ///< one per key
    std::size_t pin = 0;       ///< number of the earlier pin whose exact row this is: a thin line; 0: a row of the shown query
    KeyRange visible;          ///< keys that the row's query sees
};

/// Largest value (farthest from zero) of each of `bins` even parts of values[from, to); the values themselves where there are
/// fewer than bins.
std::vector<std::pair<double, double>> downsample(const std::vector<float>& values, double from, double to, int bins);

class RowFigure {
public:
    explicit RowFigure(QCustomPlot* plot);
    ~RowFigure();

    void setSeries(std::vector<RowSeries> series, KeyRange visible);
    void setTokens(const QStringList& tokens);
    void setTheme(const PlotTheme& theme);
    void setLog(bool log);
    void setMarks(std::shared_ptr<const TextMarks> marks);
    void setHeader(const QString& title, const QString& key, std::optional<Index> cursor);
    void setRange(double from, double to); ///< keys; clamped
    void layout(const QSize& size);
    void replot();

    const std::vector<RowSeries>& series() const { return m_series; }
    Index keys() const { return m_series.empty() ? 0 : Index(m_series.front().values.size()); }
    QCPRange range() const;
    QRect plotRect() const { return m_rect; }

private:
    class Decor;
    class Cursor;

    void rebuild();
    QColor colorOf(std::size_t series) const;
    void updateValueAxis();

    QCustomPlot* m_plot;
    std::vector<RowSeries> m_series;
    Decor* m_decor = nullptr; // owned by m_plot
    TokenBands* m_bands = nullptr;
    Cursor* m_cursor = nullptr; // owned by m_plot, like the bands
    PlotTheme m_theme;
    QRect m_rect;
    QSize m_size;
    bool m_log = false;
    bool m_hasTokens = false;
};

} // namespace attnscope
