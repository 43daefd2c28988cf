// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/session_view.h"

#include "ui/board.h"
#include "ui/board_presenter.h"
#include "ui/board_toolbar.h"
#include "ui/head_grid.h"
#include "ui/head_studies.h"
#include "ui/input_panel.h"
#include "ui/latency_panel.h"
#include "ui/methods_panel.h"
#include "ui/metrics_model.h"
#include "ui/row_plot.h"
#include "ui/session_controller.h"

#include <QLabel>

namespace attnscope {

SessionView::SessionView(SessionController& controller, const WindowPanels& panels, BoardToolbar& toolbar, QLabel& status, QObject* parent)
    : QObject(parent), m_controller(controller), m_panels(panels), m_toolbar(toolbar), m_status(status)
{
    connectController();
    connectBoard();
    connectMethods();
    studyAdvice(m_controller, *m_panels.advice);
    studyTheory(m_controller, *m_panels.theory);
    studyHeadErrors(m_controller, *m_panels.heads);
}

void SessionView::connectController()
{
    connect(&m_controller, &SessionController::documentChanged, this, &SessionView::showDocument);
    connect(&m_controller, &SessionController::sessionChanged, this, &SessionView::showSession);
    connect(&m_controller, &SessionController::boardChanged, this, &SessionView::showBoard);
    connect(&m_controller, &SessionController::metricsChanged, this, &SessionView::showMetrics);
    connect(&m_controller, &SessionController::thumbnailReady, m_panels.heads, &HeadGrid::setThumbnail);
    connect(&m_controller, &SessionController::headMeasured, m_panels.heads, &HeadGrid::setStats);
}

void SessionView::connectBoard()
{
    const auto takePins = [this] { m_controller.edit([this](Session& s) { setPins(s.view, m_panels.board->pins()); }); };
    connect(m_panels.board, &Board::hovered, this, &SessionView::showHover);
    connect(m_panels.board, &Board::left, &m_status, &QLabel::clear);
    connect(m_panels.board, &Board::pinned, this, takePins);
    connect(m_panels.board, &Board::unpinned, this, takePins);
    connect(m_panels.board, &Board::failed, &m_status, &QLabel::setText);
    connect(m_panels.row, &RowPlot::hovered, this, &SessionView::showHover);
    connect(m_panels.heads, &HeadGrid::selected, this, [this](int layer, int head) {
        m_controller.edit([layer, head](Session& s) {
            s.layer = layer;
            s.head.head = head;
        });
    });
}

void SessionView::connectMethods()
{
    connect(&m_toolbar, &BoardToolbar::edited, &m_controller, &SessionController::edit);
    connect(m_panels.methods, &MethodsPanel::edited, this, [this](std::size_t at, const MethodSetting& setting) {
        m_controller.edit([&](Session& s) { s.approximations[at] = setting; });
    });
    connect(m_panels.methods, &MethodsPanel::added, this,
            [this](const MethodSetting& setting) { m_controller.edit([&](Session& s) { s.approximations.push_back(setting); }); });
    connect(m_panels.methods, &MethodsPanel::selected, this,
            [this](std::size_t at) { m_controller.edit([at](Session& s) { s.selected = at; }); });
    connect(m_panels.methods, &MethodsPanel::startRequested, &m_controller, &SessionController::startLong);
    connect(m_panels.methods, &MethodsPanel::removed, this, [this](std::size_t at) {
        m_controller.edit([at](Session& s) {
            s.approximations.erase(s.approximations.begin() + static_cast<std::ptrdiff_t>(at));
            s.selected = std::min(s.selected, s.approximations.size() - 1);
        });
    });
    connect(m_panels.input, &InputPanel::textSubmitted, &m_controller, &SessionController::openText);
    connect(m_panels.input, &InputPanel::layoutChosen, this,
            [this](const QString& layout) { m_controller.edit([&](Session& s) { s.input.layout = layout.toStdString(); }); });
}

void SessionView::showHover(Index query, Index key) { m_status.setText(hoverText(m_controller.board(), query, key)); }

void SessionView::showDocument()
{
    const auto& info = m_controller.board().document->info();
    m_panels.input->setDocument(m_controller.session().input, info, m_controller.inputText());
    m_panels.heads->setGrid(static_cast<int>(info.layerNames.size()), static_cast<int>(info.heads), static_cast<int>(info.kvHeads));
    const QStringList tokens = tokensOf(m_controller.board());
    m_panels.board->setTokens(tokens);
    m_panels.row->setTokens(tokens);
    m_panels.latency->setChoice(m_controller.session().sweep);
}

void SessionView::showSession()
{
    const auto& session = m_controller.session();
    const auto* document = m_controller.board().document.get();
    m_toolbar.setSession(session, document ? &document->info() : nullptr);
    m_panels.methods->setApproximations(session.approximations, session.selected);
    m_panels.heads->setCurrent(static_cast<int>(session.layer), static_cast<int>(session.head.head));
    m_panels.board->setPool(session.view.pool);
    m_panels.board->setTransposed(session.view.transposed);
    m_panels.heads->setTransposed(session.view.transposed);
    m_panels.board->setNormalisation(session.view.normalisation);
    m_panels.board->setColorMap(QString::fromStdString(session.view.colorMap));
    m_panels.board->setSelectedApproximation(session.selected);
    m_panels.row->setLogScale(session.view.normalisation == Normalisation::Log);
    const auto pins = pinsOf(session.view);
    m_panels.row->setPins(pins);
    m_panels.board->setPins(pins);
}

void SessionView::showBoard()
{
    const auto panes = panesOf(m_controller.board(), m_controller.session());
    m_panels.board->setPanes(panes);
    m_panels.row->setSources(panes);
    showMetrics();
}

void SessionView::showMetrics()
{
    const auto& board = m_controller.board();
    m_panels.metrics->setBoard(board);
    for (std::size_t i = 0; i < board.approximations.size(); ++i) {
        m_panels.methods->setSummary(i, metricsSummary(board.approximations[i]));
        m_panels.methods->setWaiting(i, board.approximations[i].waits);
    }
    const auto panes = panesOf(board, m_controller.session());
    for (std::size_t i = 0; i < panes.size() && i < m_panels.board->paneCount(); ++i)
        if (panes[i].kind == PaneContent::Kind::Error)
            m_panels.board->setPane(i, panes[i]);
}

} // namespace attnscope
