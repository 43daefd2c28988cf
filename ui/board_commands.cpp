// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/board_commands.h"

#include "ui/actions.h"
#include "ui/board.h"
#include "ui/map_pane.h"
#include "ui/session_controller.h"
#include "ui/view_state.h"

#include <QAction>
#include <QActionGroup>

#include <array>

namespace attnscope {

namespace {

constexpr std::array kModes{
    std::pair{Command::ShowAll, BoardMode::SideBySide},
    std::pair{Command::ShowExact, BoardMode::Exact},
    std::pair{Command::ShowApproximation, BoardMode::Approximation},
    std::pair{Command::ShowDifference, BoardMode::Difference},
    std::pair{Command::CurtainVertical, BoardMode::CurtainVertical},
    std::pair{Command::CurtainHorizontal, BoardMode::CurtainHorizontal},
    std::pair{Command::Blink, BoardMode::Blink},
};

void connectModes(const Actions& actions, Board& board)
{
    const auto show = [&actions](BoardMode mode) {
        for (const auto& [command, its] : kModes)
            actions[command]->setChecked(its == mode);
    };
    for (const auto& [command, mode] : kModes) {
        actions[command]->setCheckable(true);
        QObject::connect(actions[command], &QAction::triggered, &board, [&board, mode = mode, show] {
            board.toggleMode(mode);
            show(board.mode());
        });
    }
    QObject::connect(&board, &Board::modeChanged, &board, show);
    show(board.mode());
}

void connectDragModes(const Actions& actions, Board& board)
{
    auto* group = new QActionGroup(&board);
    for (const auto& [command, mode] : {std::pair{Command::PanMode, DragMode::Pan}, {Command::BoxMode, DragMode::Box}}) {
        group->addAction(actions[command])->setCheckable(true);
        QObject::connect(actions[command], &QAction::triggered, &board, [&board, mode = mode] { board.setDragMode(mode); });
    }
    actions[Command::PanMode]->setChecked(true);
}

void connectZoom(const Actions& actions, Board& board)
{
    ViewState* view = board.view();
    const auto showHistory = [&actions, view] {
        actions[Command::ViewBack]->setEnabled(view->canGoBack());
        actions[Command::ViewForward]->setEnabled(view->canGoForward());
    };
    QObject::connect(view, &ViewState::historyChanged, &board, showHistory);
    showHistory();
    QObject::connect(actions[Command::FitView], &QAction::triggered, &board, &Board::fit);
    QObject::connect(actions[Command::ViewBack], &QAction::triggered, view, &ViewState::back);
    QObject::connect(actions[Command::ViewForward], &QAction::triggered, view, &ViewState::forward);
}

} // namespace

void connectBoardCommands(const Actions& actions, Board& board, SessionController& controller)
{
    connectModes(actions, board);
    connectDragModes(actions, board);
    connectZoom(actions, board);
    QObject::connect(actions[Command::DetachPane], &QAction::triggered, &board, [&board] {
        if (const std::size_t pane = board.pointedPane(); pane < board.paneCount())
            board.setDetached(pane, !board.windowOf(pane));
    });
    QObject::connect(actions[Command::CancelJobs], &QAction::triggered, &board, [&board] {
        for (std::size_t i = 0; i < board.paneCount(); ++i)
            board.pane(i)->stop();
    });
    QAction* transpose = actions[Command::Transpose];
    transpose->setCheckable(true);
    QObject::connect(transpose, &QAction::triggered, &controller,
                     [&controller](bool on) { controller.edit([on](Session& s) { s.view.transposed = on; }); });
    QObject::connect(&controller, &SessionController::sessionChanged, transpose,
                     [&controller, transpose] { transpose->setChecked(controller.session().view.transposed); });
}

} // namespace attnscope
