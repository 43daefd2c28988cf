// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/view_state.h"

#include <QDateTime>

#include <algorithm>

namespace attnscope {

namespace {

constexpr double kFewestCells = 2.0;
constexpr qint64 kWheelPauseMs = 500;
constexpr qsizetype kLongestHistory = 200;

// One axis: [start, start + length) inside [0, full).
void clampSpan(double& start, double& length, double full)
{
    length = std::clamp(length, std::min(kFewestCells, full), full);
    start = std::clamp(start, 0.0, full - length);
}

} // namespace

ViewState::ViewState(QObject* parent) : QObject(parent) {}

void ViewState::setMatrix(Index rows, Index cols)
{
    if (rows == m_rows && cols == m_cols)
        return;
    m_rows = rows;
    m_cols = cols;
    m_rect = fullRect();
    m_history = {m_rect};
    m_at = 0;
    Q_EMIT changed();
    Q_EMIT historyChanged();
}

bool ViewState::apply(QRectF cells)
{
    double x = cells.x();
    double y = cells.y();
    double width = cells.width();
    double height = cells.height();
    clampSpan(x, width, double(m_cols));
    clampSpan(y, height, double(m_rows));
    const QRectF clamped(x, y, width, height);
    if (clamped == m_rect)
        return false;
    m_rect = clamped;
    Q_EMIT changed();
    return true;
}

void ViewState::remember(bool merge)
{
    m_history.resize(m_at + 1);
    if (merge && m_at > 0) {
        m_history[m_at] = m_rect;
        return Q_EMIT historyChanged();
    }
    m_history.append(m_rect);
    if (m_history.size() > kLongestHistory)
        m_history.removeFirst();
    m_at = m_history.size() - 1;
    Q_EMIT historyChanged();
}

void ViewState::zoomAt(const QPointF& center, double factorX, double factorY)
{
    const double width = std::clamp(m_rect.width() / factorX, std::min(kFewestCells, double(m_cols)), double(m_cols));
    const double height = std::clamp(m_rect.height() / factorY, std::min(kFewestCells, double(m_rows)), double(m_rows));
    const double left = center.x() - (center.x() - m_rect.left()) * width / m_rect.width();
    const double top = center.y() - (center.y() - m_rect.top()) * height / m_rect.height();
    if (!apply({left, top, width, height}))
        return;
    const qint64 now = QDateTime::currentMSecsSinceEpoch();
    remember(now - m_lastWheel < kWheelPauseMs);
    m_lastWheel = now;
}

void ViewState::panTo(const QPointF& topLeft, bool finished)
{
    apply({topLeft, m_rect.size()});
    if (finished && m_rect != m_history.value(m_at))
        remember(false);
}

void ViewState::zoomTo(const QRectF& cells)
{
    if (apply(cells))
        remember(false);
}

void ViewState::centerOn(Index query, Index key)
{
    QRectF cells = m_rect;
    cells.moveCenter({double(key) + 0.5, double(query) + 0.5});
    zoomTo(cells);
}

void ViewState::fit() { zoomTo(fullRect()); }

void ViewState::back()
{
    if (!canGoBack())
        return;
    apply(m_history[--m_at]);
    Q_EMIT historyChanged();
}

void ViewState::forward()
{
    if (!canGoForward())
        return;
    apply(m_history[++m_at]);
    Q_EMIT historyChanged();
}

} // namespace attnscope
