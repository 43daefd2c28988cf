// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/board_layout.h"

#include <QPoint>

#include <algorithm>

namespace attnscope {

namespace {

constexpr QSize kPaneOnPaper(340, 400);

// Column and row of each pane; {-1, -1} where it isn't shown.
std::vector<QPoint> placesOf(const std::vector<PaneContent>& panes, const std::vector<bool>& shown)
{
    const auto errors = std::count_if(panes.begin(), panes.end(), [](const PaneContent& p) { return p.kind == PaneContent::Kind::Error; });
    const auto visible = std::count(shown.begin(), shown.end(), true);
    const bool twoRows = errors > 1 && visible == static_cast<std::ptrdiff_t>(panes.size());
    std::vector<QPoint> places(panes.size(), QPoint(-1, -1));
    int top = 0;
    int bottom = 1; // errors begin below the first approximation
    for (std::size_t i = 0; i < panes.size(); ++i) {
        if (!shown[i])
            continue;
        if (twoRows && panes[i].kind == PaneContent::Kind::Error)
            places[i] = QPoint(bottom++, 1);
        else
            places[i] = QPoint(top++, 0);
    }
    return places;
}

QSize gridOf(const std::vector<QPoint>& places)
{
    QSize grid(1, 1);
    for (const QPoint& place : places)
        grid = grid.expandedTo({place.x() + 1, place.y() + 1});
    return grid;
}

} // namespace

std::vector<QRect> boardLayout(const std::vector<PaneContent>& panes, const std::vector<bool>& shown, const QSize& size)
{
    const auto places = placesOf(panes, shown);
    const QSize grid = gridOf(places);
    const QSize pane(size.width() / grid.width(), size.height() / grid.height());
    std::vector<QRect> rects(panes.size());
    for (std::size_t i = 0; i < panes.size(); ++i)
        if (places[i].x() >= 0)
            rects[i] = QRect(QPoint(places[i].x() * pane.width(), places[i].y() * pane.height()), pane);
    return rects;
}

QSize boardFigureSize(const std::vector<PaneContent>& panes, const std::vector<bool>& shown)
{
    const QSize grid = gridOf(placesOf(panes, shown));
    return {grid.width() * kPaneOnPaper.width(), grid.height() * kPaneOnPaper.height()};
}

} // namespace attnscope
