// SPDX-License-Identifier: GPL-3.0-or-later
// The visible part of a map, in cells, with its history; panes that share one are linked.
#pragma once

#include "core/base/shape.h"

#include <QObject>
#include <QRectF>
#include <QVector>

namespace attnscope {

/// The same rectangle with x and y exchanged.
inline QRectF transposed(const QRectF& r) { return {r.y(), r.x(), r.height(), r.width()}; }

/// x counts keys, y counts queries; cell (i, j) covers [j, j + 1) x [i, i + 1).
class ViewState : public QObject {
    Q_OBJECT

public:
    explicit ViewState(QObject* parent = nullptr);

    /// Fits the view where the size is a new one; keeps it otherwise.
    void setMatrix(Index rows, Index cols);
    Index rows() const { return m_rows; }
    Index cols() const { return m_cols; }

    const QRectF& rect() const { return m_rect; }
    QRectF fullRect() const { return {0.0, 0.0, double(m_cols), double(m_rows)}; }
    bool isFitted() const { return m_rect == fullRect(); }

    /// Shrinks the view by the factors (> 1 zooms in) and keeps `center`, in cells, where it is. Wheel turns in quick
    /// succession make one step of the history.
    void zoomAt(const QPointF& center, double factorX, double factorY);
    /// From where the drag began; remembered as one step when `finished`.
    void panTo(const QPointF& topLeft, bool finished);
    void zoomTo(const QRectF& cells);
    /// Centres a cell without changing the zoom.
    void centerOn(Index query, Index key);
    void fit();
    void back();
    void forward();
    bool canGoBack() const { return m_at > 0; }
    bool canGoForward() const { return m_at + 1 < m_history.size(); }

Q_SIGNALS:
    void changed();
    void historyChanged(); ///< canGoBack() or canGoForward() may have changed

private:
    bool apply(QRectF cells);
    void remember(bool merge);

    Index m_rows = 0;
    Index m_cols = 0;
    QRectF m_rect;
    QVector<QRectF> m_history;
    qsizetype m_at = 0;
    qint64 m_lastWheel = 0;
};

} // namespace attnscope
