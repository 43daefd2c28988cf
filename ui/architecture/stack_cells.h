// SPDX-License-Identifier: GPL-3.0-or-later
// An architecture's layers as a row of cells: colour by mixer, foot by feed-forward, hatched windows, a ring where weights are shared.
#pragma once

#include "core/stack/architecture.h"

#include <QWidget>

#include <optional>

namespace attnscope {

class StackCells : public QWidget {
    Q_OBJECT

public:
    explicit StackCells(QWidget* parent = nullptr);

    void setArchitecture(const Architecture& architecture);
    /// Designing: a click selects and a drag moves layers; else a click only says what was clicked.
    void setEditable(bool editable);
    void setSelected(std::optional<Index> layer);
    std::optional<Index> selected() const { return m_selected; }
    QRect cellRect(Index layer) const;

    QSize sizeHint() const override;

Q_SIGNALS:
    void clicked(qint64 layer);
    void moved(qint64 from, qint64 to); ///< the layer `from` is to stand at `to`

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

private:
    void fitHeight();
    std::optional<Index> layerAt(const QPoint& pos) const;
    std::optional<Index> dropPlace(const QPoint& pos) const; // where a dragged layer would stand
    void paintDrop(QPainter& painter) const;

    Architecture m_architecture;
    bool m_editable = false;
    bool m_dragging = false;
    QPoint m_pressed;
    QPoint m_pointer;
    std::optional<Index> m_from;
    std::optional<Index> m_selected;
};

} // namespace attnscope
