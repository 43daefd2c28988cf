// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/text_tools.h"

#include "ui/actions.h"
#include "ui/board.h"
#include "ui/board_presenter.h"
#include "ui/map_strip.h"
#include "ui/row_plot.h"
#include "ui/session_controller.h"
#include "ui/text_panel.h"
#include "ui/view_state.h"

#include <QAction>
#include <QDockWidget>

#include <algorithm>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kSeenWhole = 512; // rows of a map that a window shows cell by cell: the maps get the strips' room

constexpr double kJumpWindow = 200.0; // cells that are seen after a jump from the whole map

bool holds(double from, double count, Index at) { return double(at) >= from && double(at) + 1.0 <= from + count; }

/// Of the filter; empty where there is none.
std::vector<Index> queriesOf(const TextMarks& marks)
{
    std::vector<Index> queries;
    if (marks.only)
        for (const auto& [first, last] : marks.tokens)
            for (Index token = queries.empty() ? first : std::max(first, queries.back() + 1); token < last; ++token)
                queries.push_back(token);
    return queries;
}

} // namespace

TextTools::TextTools(SessionController& controller, const WindowPanels& panels, const Actions& actions, QObject* parent)
    : QObject(parent), m_controller(controller), m_panels(panels), m_actions(actions)
{
    connect(&m_controller, &SessionController::documentChanged, this, &TextTools::showDocument);
    connect(&m_controller, &SessionController::sessionChanged, this, &TextTools::showSession);
    connect(m_panels.row, &RowPlot::painted, this, &TextTools::showWeights);
    connectPanel();
    connectActions(actions);
}

void TextTools::connectPanel()
{
    const TextPanel* panel = m_panels.text;
    connect(panel, &TextPanel::changed, this, [this] {
        showMarks();
        if (m_panels.text->choice() != m_controller.session().text)
            m_controller.edit([this](Session& s) { s.text = m_panels.text->choice(); });
    });
    connect(panel, &TextPanel::queryChosen, this, [this](Index token) { select(token, std::nullopt); });
    connect(panel, &TextPanel::keyChosen, this, [this](Index token) { select(std::nullopt, token); });
    connect(panel, &TextPanel::jumped, this, &TextTools::jumpTo);
    connect(panel, &TextPanel::wentTo, this, [this](Index token) { bringIntoSight(token, token); });
}

void TextTools::connectActions(const Actions& actions)
{
    const auto on = [this, &actions](Command command, auto call) { connect(actions[command], &QAction::triggered, this, call); };
    on(Command::Find, [this] {
        raisePanel();
        m_panels.text->focusSearch();
    });
    on(Command::JumpTo, [this] {
        raisePanel();
        m_panels.text->focusJump();
    });
    on(Command::FindNext, [this] { m_panels.text->step(1); });
    on(Command::FindPrevious, [this] { m_panels.text->step(-1); });
    on(Command::StartLong, [this] { m_controller.startAllLong(); });
    actions[Command::OnlyFound]->setCheckable(true);
    on(Command::OnlyFound, [this](bool only) { m_panels.text->setOnly(only); });
}

void TextTools::raisePanel()
{
    m_panels.textDock->show();
    m_panels.textDock->raise();
}

void TextTools::showDocument()
{
    const auto& info = m_controller.board().document->info();
    const auto text = std::make_shared<const TextIndex>(info);
    m_panels.text->setText(text, tr("These tensors have no tokens, so there is no text to read or search. Jumping works by position."));
    for (MapStrip* strip : {m_panels.rowStrip, m_panels.columnStrip}) {
        strip->setText(text);
        strip->setVisible(info.length > kSeenWhole);
    }
    for (const Command command : {Command::Find, Command::FindNext, Command::FindPrevious, Command::OnlyFound})
        m_actions[command]->setEnabled(!text->isEmpty());
    showMarks();
}

void TextTools::showSession()
{
    const auto& session = m_controller.session();
    const auto& view = session.view;
    m_panels.text->setChoice(session.text);
    m_panels.text->setSelection(view.pinnedQuery, view.pinnedKey);
    m_actions[Command::OnlyFound]->setChecked(session.text.only);
    const bool transposed = view.transposed;
    m_panels.rowStrip->setTransposed(transposed);
    m_panels.columnStrip->setTransposed(transposed);
    m_panels.rowStrip->setPosition(transposed ? view.pinnedKey : view.pinnedQuery);
    m_panels.columnStrip->setPosition(transposed ? view.pinnedQuery : view.pinnedKey);
    if (!view.pinnedQuery)
        m_panels.text->view()->setWeights({});
}

void TextTools::showMarks()
{
    const auto marks = std::make_shared<const TextMarks>(m_panels.text->marks());
    m_panels.board->setMarks(marks);
    m_panels.row->setMarks(marks);
    for (MapStrip* strip : {m_panels.rowStrip, m_panels.columnStrip})
        strip->setMarks(marks);
    const auto queries = queriesOf(*marks);
    m_controller.setMeasuredQueries(queries);
    m_panels.metricsDock->setWindowTitle(queries.empty()       ? tr("Metrics")
                                         : queries.size() == 1 ? tr("Metrics of 1 found query")
                                                               : tr("Metrics of %1 found queries").arg(queries.size()));
}

// The row plot has read the query's whole exact row already.
void TextTools::showWeights()
{
    const bool there = m_panels.row->query() && m_panels.row->isIdle() && m_controller.board().exact;
    m_panels.text->view()->setWeights(there ? m_panels.row->values(0) : std::vector<float>());
}

/// What isn't given stays as it is; without a pin the other one is the same token.
void TextTools::select(std::optional<Index> query, std::optional<Index> key)
{
    const auto& view = m_controller.session().view;
    const Index one = query ? *query : view.pinnedQuery.value_or(key.value_or(0));
    const Index other = key ? *key : view.pinnedKey.value_or(one);
    m_controller.edit([&](Session& s) {
        auto pins = pinsOf(s.view);
        if (pins.empty())
            pins.emplace_back();
        pins.back() = {one, other};
        setPins(s.view, pins);
    });
    const QRectF seen = m_panels.board->view()->rect();
    bringIntoSight(query ? one : Index(seen.center().y()), key ? other : Index(seen.center().x()));
}

// Moves no further than it must, and leaves the zoom alone.
void TextTools::bringIntoSight(Index query, Index key)
{
    ViewState* view = m_panels.board->view();
    const QRectF seen = view->rect();
    QRectF moved = seen;
    if (!holds(seen.top(), seen.height(), query))
        moved.moveTop(double(query) + 0.5 - seen.height() / 2.0);
    if (!holds(seen.left(), seen.width(), key))
        moved.moveLeft(double(key) + 0.5 - seen.width() / 2.0);
    if (moved != seen)
        view->zoomTo(moved);
}

void TextTools::jumpTo(Index token)
{
    ViewState* view = m_panels.board->view();
    select(token, token);
    m_panels.board->setFocus(); // the next key moves the map
    if (!view->isFitted() || double(view->rows()) <= kJumpWindow)
        return;
    QRectF cells(0.0, 0.0, kJumpWindow, kJumpWindow);
    cells.moveCenter({double(token) + 0.5, double(token) + 0.5});
    view->zoomTo(cells);
}

} // namespace attnscope
