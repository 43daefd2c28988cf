// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/board_memory.h"

#include "ui/board.h"
#include "ui/map_pane.h"
#include "ui/session_controller.h"
#include "ui/view_state.h"

namespace attnscope {

namespace {

constexpr int kRestMs = 300; // a wheel's turns and a drag's moves are one change

std::optional<MapWindow> windowOf(const ViewState& view)
{
    if (view.isFitted())
        return std::nullopt;
    const QRectF cells = view.rect();
    return MapWindow{cells.left(), cells.top(), cells.width(), cells.height()};
}

void show(ViewState& view, const std::optional<MapWindow>& window)
{
    if (window)
        view.zoomTo({window->left, window->top, window->width, window->height});
    else
        view.fit();
}

} // namespace

BoardChoice boardChoiceOf(const Board& board)
{
    BoardChoice choice{board.mode(), windowOf(*board.view()), {}};
    for (std::size_t i = 0; i < board.paneCount(); ++i) {
        const MapPane& pane = *board.pane(i);
        PaneChoice its{i, pane.isLinked(), pane.isLinked() ? std::nullopt : windowOf(*pane.view()), std::nullopt};
        if (const QWidget* window = board.windowOf(i)) {
            const QRect place = window->geometry();
            its.ownWindow = {place.x(), place.y(), place.width(), place.height()};
        }
        if (!its.linked || its.ownWindow)
            choice.panes.push_back(its);
    }
    return choice;
}

void showBoardChoice(Board& board, const BoardChoice& choice)
{
    board.setMode(choice.mode);
    show(*board.view(), choice.window);
    for (std::size_t i = 0; i < board.paneCount(); ++i) {
        const auto its = std::find_if(choice.panes.begin(), choice.panes.end(), [i](const PaneChoice& p) { return p.pane == i; });
        MapPane& pane = *board.pane(i);
        pane.setLinked(its == choice.panes.end() || its->linked);
        if (!pane.isLinked())
            show(*pane.view(), its->window);
        const auto place = its == choice.panes.end() ? std::nullopt : its->ownWindow;
        board.setDetached(i, place.has_value(), place ? QRect((*place)[0], (*place)[1], (*place)[2], (*place)[3]) : QRect());
    }
}

BoardMemory::BoardMemory(SessionController& controller, Board& board, QObject* parent)
    : QObject(parent), m_controller(controller), m_board(board)
{
    m_rest.setSingleShot(true);
    m_rest.setInterval(kRestMs);
    connect(&m_rest, &QTimer::timeout, this, &BoardMemory::note);
    connect(&board, &Board::choiceChanged, this, &BoardMemory::noteLater);
    connect(&board, &Board::modeChanged, this, [this](BoardMode mode) {
        if (mode != m_controller.session().board.mode)
            m_controller.edit([mode](Session& s) { s.board.mode = mode; });
    });
    connect(&controller, &SessionController::sessionChanged, this, &BoardMemory::followMode);
    connect(&controller, &SessionController::sessionRestored, this, &BoardMemory::take);
    connect(&controller, &SessionController::boardChanged, this, &BoardMemory::showSeen);
    connect(&controller, &SessionController::settled, this, [this] {
        showSeen();
        m_seen.clear();
    });
    connect(&controller, &SessionController::sessionChanged, this, &BoardMemory::showPending);
    connect(&controller, &SessionController::boardChanged, this, &BoardMemory::showPending);
}

void BoardMemory::take()
{
    m_pending = true;
    m_seen = m_controller.session().seen;
    m_controller.amend([](Session& s) { s.seen.clear(); });
}

std::vector<std::optional<std::array<double, 3>>> BoardMemory::seen() const
{
    std::vector<std::optional<std::array<double, 3>>> all;
    for (std::size_t i = 0; i < m_board.paneCount(); ++i) {
        const auto range = m_board.pane(i)->valueRange();
        all.push_back(range ? std::optional(std::array{range->min, range->max, range->minPositive}) : std::nullopt);
    }
    return all;
}

void BoardMemory::showSeen()
{
    for (std::size_t i = 0; i < m_seen.size() && i < m_board.paneCount(); ++i)
        if (m_seen[i] && m_board.pane(i)->content().source)
            m_board.pane(i)->setSeenRange({(*m_seen[i])[0], (*m_seen[i])[1], (*m_seen[i])[2]});
}

void BoardMemory::followMode() { m_board.setMode(m_controller.session().board.mode); }

void BoardMemory::showPending()
{
    const auto& exact = m_controller.board().exact;
    const ViewState& view = *m_board.view();
    if (!m_pending || !m_controller.showsItsInput() || !exact || view.rows() != exact->map->rows() || view.cols() != exact->map->cols())
        return;
    m_pending = false;
    m_size = {view.rows(), view.cols()};
    showBoardChoice(m_board, m_controller.session().board);
}

void BoardMemory::flush()
{
    if (!m_rest.isActive())
        return;
    m_rest.stop();
    note();
}

// A map of another size was fitted by the board, not by a person.
void BoardMemory::noteLater()
{
    const std::pair<Index, Index> size{m_board.view()->rows(), m_board.view()->cols()};
    if (std::exchange(m_size, size) == size)
        return m_rest.start();
    if (!m_pending)
        m_controller.amend([this](Session& s) { s.board = boardChoiceOf(m_board); });
}

void BoardMemory::note()
{
    const auto choice = boardChoiceOf(m_board);
    if (!m_pending && choice != m_controller.session().board)
        m_controller.edit([&choice](Session& s) { s.board = choice; });
}

} // namespace attnscope
