// SPDX-License-Identifier: GPL-3.0-or-later
// One map with its title, axes, token labels, colour bar and cross-hair.
#pragma once

#include "core/color/color_scale.h"
#include "ui/executor.h"
#include "ui/figure_tiles.h"
#include "ui/pane_content.h"

#include <QStringList>
#include <QWidget>

#include <memory>
#include <optional>

class QCPPainter;
class QCustomPlot;

namespace attnscope {

class ChainButton;
class CrossHair;
class HeatmapPlottable;
class MapInteraction;
class PaneCompare;
class PaneDecor;
class TilePyramid;
class TokenBands;
class ViewState;
struct PlotTheme;
struct TextMarks;

class MapPane : public QWidget {
    Q_OBJECT

public:
    /// `view` outlives the pane; panes with the same view are linked until one is unlinked.
    explicit MapPane(ViewState* view, Executor tiles = poolExecutor(), QWidget* parent = nullptr);
    ~MapPane() override;

    /// A new source of the same size keeps the zoom, and the old picture until the new one is there.
    void setContent(const PaneContent& content);
    const PaneContent& content() const { return m_content; }
    void setTokens(std::shared_ptr<const QStringList> tokens); ///< one per position, or none
    void setMarks(std::shared_ptr<const TextMarks> marks);     ///< searched tokens' rows and columns; null: none
    void setPool(Pool pool);
    void setHideSink(bool hide); ///< valueRange() ignores key 0, which is hatched; the data stay as they are
    void setScale(const ColorScale& scale, const QString& badge); ///< badge: why the scale is the pane's own; may be empty
    const ColorScale& scale() const;
    void setTransposed(bool transposed); ///< keys top to bottom, queries left to right
    void setDragMode(DragMode mode);
    /// Shows the map of `other`, which has the same size, beside this one's or in turn with it; to be called again when the other
    /// changes. None, or null: this map alone.
    void setCompare(CompareMode mode, const MapPane* other);
    const PaneCompare& compare() const { return *m_compare; }
    /// An unlinked pane has its own zoom, which starts at the shared one.
    void setLinked(bool linked);
    bool isLinked() const { return m_view == m_shared; }
    ViewState* view() const { return m_view; } ///< the shared one, or its own
    void setCursorCell(std::optional<MapCell> cell);
    void setPins(const std::vector<MapCell>& pins); ///< the last one is the one whose row is shown

    /// Widens valueRange() to what was once seen of this source; until another one, pooling or hidden sink.
    void setSeenRange(const ValueRange& range);
    /// Extremes of what has been computed; of the former source before the first tile of a new one.
    std::optional<ValueRange> valueRange() const;
    std::shared_ptr<TilePyramid> pyramid() const { return m_pyramid; }
    /// Nothing is being computed or painted for what is visible.
    bool isIdle() const;
    void stop();                                            ///< computes no further tiles until view or content changes
    QRect mapRect() const;                                  ///< of the cells, in this widget's coordinates
    std::optional<MapCell> cellAt(const QPoint& pos) const; ///< in this widget's coordinates

    /// What a figure of `size` needs at `scale` pixels per unit.
    FigureTiles figureTiles(const QSize& size, double scale) const;
    /// The pane as a figure in the light theme: one raster, vector axes, real text.
    void renderTo(QCPPainter& painter, const QRect& target);

Q_SIGNALS:
    void hovered(attnscope::Index query, attnscope::Index key);
    void left();
    void pinned(attnscope::Index query, attnscope::Index key, bool further); ///< further: besides what is pinned already
    void statisticsChanged();
    void linkChanged(bool linked);
    void painted(); ///< the picture on screen is complete and up to date
    void failed(const QString& what);

protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void makeAxes();
    void makeHeatmaps(const Executor& tiles);
    void connectMouse();
    void startPyramid(bool keepPicture);
    void takeStatistics();
    void applyTheme(const PlotTheme& theme);
    void layoutPlot(const QSize& size);
    double aspect() const; ///< of the whole map as it is shown: columns / rows
    QRectF viewOnScreen() const;
    void updateView();
    void replotOverlay();
    void updatePooling(double pixelsPerUnit);

    PaneContent m_content;
    ViewState* m_shared;
    ViewState* m_own = nullptr; // made when it is first unlinked
    ViewState* m_view;          // one of the two
    Pool m_pool = Pool::Max;
    bool m_hideSink = false;
    bool m_transposed = false;
    bool m_signed = false; // negative values were seen
    std::optional<ValueRange> m_range;
    std::optional<ValueRange> m_seen;
    std::shared_ptr<const QStringList> m_tokens;
    std::shared_ptr<TilePyramid> m_pyramid;
    QCustomPlot* m_plot;
    ChainButton* m_chain;
    HeatmapPlottable* m_heatmap = nullptr; // owned by m_plot, like the next five
    HeatmapPlottable* m_second = nullptr;  // of another pane's map, while they are compared
    PaneCompare* m_compare = nullptr;
    PaneDecor* m_decor = nullptr;
    TokenBands* m_bands = nullptr;
    CrossHair* m_cross = nullptr;
    std::unique_ptr<MapInteraction> m_interaction;
};

} // namespace attnscope
