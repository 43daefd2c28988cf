// SPDX-License-Identifier: GPL-3.0-or-later
// Joins the colour range's button and popup with the session and the board.
#pragma once

#include <QObject>

#include <vector>

class QToolBar;

namespace attnscope {

class Actions;
class Board;
class RangePopup;
class SessionController;

/// What the board draws of the maps that share a scale: their coarsest tiles, without masked cells, and without the first key
/// where `hideSink`. Empty before the first tile.
std::vector<float> drawnValues(const Board& board, bool hideSink);

class RangeControl : public QObject {
    Q_OBJECT

public:
    /// The actions ColorRange and HideSink do as they say; the popup opens at ColorRange's button in `bar`.
    RangeControl(SessionController& controller, Board& board, const Actions& actions, QToolBar& bar, QObject* parent);

    RangePopup& popup() { return *m_popup; }

private:
    void open();
    void refresh();
    void follow();

    SessionController& m_controller;
    Board& m_board;
    const Actions& m_actions;
    QToolBar& m_bar;
    RangePopup* m_popup;
};

} // namespace attnscope
