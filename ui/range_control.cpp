// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/range_control.h"

#include "core/scores/tile_pyramid.h"
#include "ui/actions.h"
#include "ui/board.h"
#include "ui/map_pane.h"
#include "ui/range_popup.h"
#include "ui/session_controller.h"

#include <QAction>
#include <QScreen>
#include <QToolBar>

namespace attnscope {

std::vector<float> drawnValues(const Board& board, bool hideSink)
{
    std::vector<float> values;
    for (std::size_t i = 0; i < board.paneCount(); ++i) {
        const MapPane& pane = *board.pane(i);
        const auto pyramid = pane.pyramid();
        if (!pyramid || !(pane.scale() == board.sharedScale()))
            continue;
        const int level = pyramid->topLevel();
        const auto tile = pyramid->cached({level, 0, 0});
        for (Index row = 0; tile && row < tile->rows; ++row) {
            const KeyRange visible = pyramid->source().visibleToAny(row << level, Index{1} << level);
            for (Index col = std::max<Index>(hideSink ? 1 : 0, visible.first >> level); col < tile->cols && (col << level) < visible.last;
                 ++col)
                values.push_back(tile->at(row, col));
        }
    }
    return values;
}

RangeControl::RangeControl(SessionController& controller, Board& board, const Actions& actions, QToolBar& bar, QObject* parent)
    : QObject(parent), m_controller(controller), m_board(board), m_actions(actions), m_bar(bar), m_popup(new RangePopup(&bar))
{
    const auto hideSink = [this](bool hide) { m_controller.edit([hide](Session& s) { s.view.hideSink = hide; }); };
    actions[Command::HideSink]->setCheckable(true);
    connect(actions[Command::HideSink], &QAction::triggered, this, hideSink);
    connect(actions[Command::ColorRange], &QAction::triggered, this, &RangeControl::open);
    connect(m_popup, &RangePopup::hideSinkChosen, this, hideSink);
    connect(m_popup, &RangePopup::lockChosen, this, [this](bool lock) {
        m_controller.edit([&](Session& s) {
            s.view.lockRange = lock;
            if (lock && !s.view.range)
                s.view.range = {m_board.sharedScale().low, m_board.sharedScale().high};
        });
    });
    connect(m_popup, &RangePopup::rangeChosen, this, [this](const std::optional<std::pair<double, double>>& range) {
        m_controller.edit([&](Session& s) {
            s.view.range = range;
            s.view.lockRange = s.view.lockRange && range;
        });
    });
    connect(&controller, &SessionController::sessionChanged, this, &RangeControl::follow);
    connect(&board, &Board::scaleChanged, this, &RangeControl::refresh);
    follow();
}

void RangeControl::follow()
{
    const auto& view = m_controller.session().view;
    m_board.setHideSink(view.hideSink);
    m_board.setRange(view.range);
    m_popup->setRange(view.range, view.lockRange, view.hideSink);
    m_actions[Command::HideSink]->setChecked(view.hideSink);
    m_actions[Command::ColorRange]->setIconText(!view.range ? tr("Range: auto") : view.lockRange ? tr("Range: locked") : tr("Range: set"));
}

void RangeControl::refresh()
{
    if (m_popup->isVisible())
        m_popup->setValues(drawnValues(m_board, m_controller.session().view.hideSink), m_board.automaticScale());
}

void RangeControl::open()
{
    const QWidget* button = m_bar.widgetForAction(m_actions[Command::ColorRange]);
    const bool seen = button && button->isVisible();
    const QPoint below = seen ? button->mapToGlobal(QPoint(0, button->height())) : m_bar.mapToGlobal(QPoint(0, m_bar.height()));
    m_popup->show();
    refresh();
    m_popup->adjustSize();
    const QRect screen = m_bar.screen()->availableGeometry();
    m_popup->move(std::clamp(below.x(), screen.left(), std::max(screen.left(), screen.right() - m_popup->width())),
                  std::min(below.y(), std::max(screen.top(), screen.bottom() - m_popup->height())));
    m_popup->setFocus();
}

} // namespace attnscope
