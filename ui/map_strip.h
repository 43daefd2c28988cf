// SPDX-License-Identifier: GPL-3.0-or-later
// The whole text as a narrow strip beside the maps: where the visible window stands in it, where a search found something.
#pragma once

#include "ui/text_index.h"
#include "ui/text_marks.h"

#include <QImage>
#include <QWidget>

#include <memory>
#include <optional>

namespace attnscope {

class ViewState;

/// Upright beside the rows, level below the columns. A drag moves the window along the strip's axis of `view`.
class MapStrip : public QWidget {
    Q_OBJECT

public:
    /// `view` outlives the strip.
    MapStrip(Qt::Orientation orientation, ViewState* view, QWidget* parent = nullptr);

    void setText(std::shared_ptr<const TextIndex> text);
    void setMarks(std::shared_ptr<const TextMarks> marks); ///< null: none
    void setPosition(std::optional<Index> position);       ///< the selected query or key
    void setTransposed(bool transposed);                   ///< rows are keys, columns queries
    QRect windowRect() const;                              ///< the visible part, in this widget's coordinates

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool event(QEvent* event) override;

private:
    bool upright() const { return m_orientation == Qt::Vertical; }
    bool ofKeys() const { return upright() == m_transposed; }
    int pixels() const { return upright() ? height() : width(); }
    double length() const;
    double tokenAt(const QPoint& pos) const;
    QRect across(int first, int last) const;
    void moveTo(const QPoint& pos, bool finished);
    void drawText();

    Qt::Orientation m_orientation;
    ViewState* m_view;
    bool m_transposed = false;
    std::shared_ptr<const TextIndex> m_text = std::make_shared<const TextIndex>();
    std::shared_ptr<const TextMarks> m_marks;
    std::optional<Index> m_position;
    QImage m_picture;    // of the text, as small as the strip
    double m_grip = 0.0; // tokens from the window's start to where it was taken
};

} // namespace attnscope
