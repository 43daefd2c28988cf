// SPDX-License-Identifier: GPL-3.0-or-later
// Layers x heads as thumbnails, in their places or by a measure: look at all, click one; heads that share keys and values are bracketed.
#pragma once

#include "core/base/result.h"
#include "core/color/color_scale.h"
#include "core/scores/score_source.h"
#include "ui/head_order.h"

#include <QImage>
#include <QPoint>
#include <QWidget>

class QComboBox;

#include <memory>
#include <set>
#include <utility>
#include <vector>

namespace attnscope {

struct PlotTheme;

/// A head's whole map, max-pooled to at most `pixels` across, log scale of its own. Long; to be called on a worker.
Result<QImage> makeThumbnail(std::shared_ptr<const ScoreSource> source, int pixels, const ColorMap& map, const PlotTheme& theme,
                             const RunContext& context);

class HeadGrid : public QWidget {
    Q_OBJECT

public:
    explicit HeadGrid(QWidget* parent = nullptr);

    /// Forgets the thumbnails. kvHeads < heads: grouped-query attention.
    void setGrid(int layers, int heads, int kvHeads = 0);
    void setThumbnail(int layer, int head, const QImage& image);
    void setStats(int layer, int head, const HeadStats& stats);
    void setError(int layer, int head, double error); ///< of the selected approximation's map
    void clearErrors();                               ///< another approximation, or another input
    void clearThumbnails();                           ///< after a new text: asked for again as they are seen
    /// The chosen order fills the grid row by row; heads then carry their names, and layers no longer make rows.
    void setOrder(HeadOrder order);
    HeadOrder order() const { return m_order; }
    void nextOrder();
    void setCurrent(int layer, int head);
    void setTransposed(bool transposed);
    std::pair<int, int> current() const { return {m_layer, m_head}; }
    QRect cellRect(int layer, int head) const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

Q_SIGNALS:
    void orderChanged();
    void selected(int layer, int head);        ///< by click or arrow key
    void activated(int layer, int head);       ///< double click or Return
    void thumbnailNeeded(int layer, int head); ///< once for each that comes into sight without an image

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

private:
    std::pair<int, int> cellAt(const QPoint& pos) const; // {-1, -1} where there is none
    std::size_t indexOf(int layer, int head) const
    {
        return static_cast<std::size_t>(layer) * static_cast<std::size_t>(m_heads) + static_cast<std::size_t>(head);
    }
    void select(int layer, int head);
    void step(int columns, int rows); // from the current head, in the order shown
    void arrange();
    QString describe(int layer, int head) const;
    void paintName(QPainter& painter, const QRect& cell, int layer, int head) const;
    void paintLabels(QPainter& painter) const;
    void paintCell(QPainter& painter, int layer, int head);

    int m_layers = 0;
    int m_heads = 0;
    int m_kvHeads = 0;
    bool m_transposed = false;
    int m_layer = 0;
    int m_head = 0;
    std::pair<int, int> m_hovered{-1, -1};
    QComboBox* m_choice;
    HeadOrder m_order = HeadOrder::Place;
    std::vector<std::optional<HeadStats>> m_stats;
    std::vector<std::optional<double>> m_errors;
    std::vector<std::size_t> m_shown; // index of the head at each place
    std::vector<std::size_t> m_place; // the other way round
    std::vector<QImage> m_images;
    std::set<std::pair<int, int>> m_asked;
};

} // namespace attnscope
