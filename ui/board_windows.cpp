// SPDX-License-Identifier: GPL-3.0-or-later
// Panes of the board in windows of their own, and back.
#include "ui/board.h"
#include "ui/map_pane.h"
#include "ui/pane_window.h"

#include <QLayout>

namespace attnscope {

void Board::setDetached(std::size_t at, bool detached, const QRect& place)
{
    MapPane* pane = m_panes[at];
    if (m_windows.contains(pane) == detached)
        return;
    if (detached) {
        const QRect standing(mapToGlobal(pane->pos()), pane->size());
        auto* window = new PaneWindow(pane, this);
        m_windows[pane] = window;
        window->setWindowTitle(pane->content().title);
        window->setGeometry(place.isValid() ? place : standing);
        connect(window, &PaneWindow::closing, this, [this, pane] {
            const auto its = std::find(m_panes.begin(), m_panes.end(), pane);
            setDetached(static_cast<std::size_t>(its - m_panes.begin()), false);
        });
        connect(window, &PaneWindow::moved, this, &Board::choiceChanged);
        pane->show();
        window->show();
    } else {
        PaneWindow* window = m_windows.extract(pane).mapped();
        window->layout()->removeWidget(pane);
        pane->setParent(this);
        window->hide();
        window->deleteLater();
    }
    arrange();
    Q_EMIT choiceChanged();
}

const QWidget* Board::windowOf(std::size_t at) const
{
    const auto window = m_windows.find(m_panes[at]);
    return window == m_windows.end() ? nullptr : window->second;
}

std::size_t Board::pointedPane() const
{
    const auto pointed =
        std::find_if(m_panes.begin(), m_panes.end(), [](const MapPane* pane) { return pane->isVisible() && pane->underMouse(); });
    return pointed == m_panes.end() ? 0 : static_cast<std::size_t>(pointed - m_panes.begin());
}

} // namespace attnscope
