// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/layout_control.h"

#include "ui/actions.h"
#include "ui/dock_layouts.h"
#include "ui/help_page.h"
#include "ui/session_controller.h"
#include "ui/settings.h"
#include "ui/window_panels.h"

#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QDockWidget>
#include <QMainWindow>
#include <QMenu>
#include <QScreen>

#include <array>

namespace attnscope {

namespace {

constexpr std::array kLayouts{
    std::pair{Command::LayoutInspect, LayoutKind::Inspect},
    std::pair{Command::LayoutCompare, LayoutKind::Compare},
    std::pair{Command::LayoutMeasure, LayoutKind::Measure},
    std::pair{Command::LayoutTeach, LayoutKind::Teach},
};

constexpr double kTeachingPoints = 18.0; // legible from the last row
constexpr double kTeachingLines = 36.0;  // points into a low screen's height: as large a part of it

/// The page of the selected method, made anew only when another one is selected.
void followMethod(const SessionController& controller, HelpPage& page)
{
    QObject::connect(&controller, &SessionController::sessionChanged, &page, [&controller, &page, shown = std::string()]() mutable {
        const auto& session = controller.session();
        if (session.selected < session.approximations.size() && session.approximations[session.selected].id != shown) {
            shown = session.approximations[session.selected].id;
            page.showMethod(QString::fromStdString(shown));
        }
    });
}

} // namespace

LayoutControl::LayoutControl(QMainWindow& window, SessionController& controller, Settings& settings, const Actions& actions,
                             const WindowPanels& panels)
    : QObject(&window),
      m_window(window),
      m_controller(controller),
      m_settings(settings),
      m_actions(actions),
      m_initial(arrangementOf(window)),
      m_panels(new QMenu(tr("Panel&s"), &window)),
      m_font(QApplication::font())
{
    for (QDockWidget* dock : window.findChildren<QDockWidget*>())
        m_panels->addAction(dock->toggleViewAction());
    auto* group = new QActionGroup(this);
    for (const auto& [command, kind] : kLayouts) {
        group->addAction(actions[command])->setCheckable(true);
        connect(actions[command], &QAction::triggered, this, [this, kind = kind] { choose(kind); });
    }
    connect(&controller, &SessionController::sessionRestored, this, &LayoutControl::follow);
    connect(&controller, &SessionController::sessionChanged, this, &LayoutControl::follow);
    followMethod(controller, *panels.help);
    show(m_settings.layout());
}

LayoutControl::~LayoutControl()
{
    if (m_kind == LayoutKind::Teach)
        QApplication::setFont(m_font);
}

LayoutChoice LayoutControl::choice() const { return {m_kind, arrangementOf(m_window).toBase64().toStdString()}; }

void LayoutControl::keep()
{
    m_settings.setLayout(m_kind);
    m_settings.setArrangement(m_kind, arrangementOf(m_window));
}

void LayoutControl::choose(LayoutKind kind)
{
    m_controller.edit([kind](Session& session) {
        session.layout = {kind, {}};
        session.board.mode = boardModeOf(kind);
    });
}

void LayoutControl::reset()
{
    arrangeFor(m_window, m_kind, m_initial);
    m_controller.edit([this](Session& session) { session.board.mode = boardModeOf(m_kind); });
}

// A session without a layout takes the window's; docks that a file brought are put in place once, and are the person's from then on.
void LayoutControl::follow()
{
    const LayoutChoice wanted = m_controller.session().layout;
    if (wanted.kind && *wanted.kind != m_kind) {
        m_settings.setArrangement(m_kind, arrangementOf(m_window));
        show(*wanted.kind);
    }
    if (!wanted.docks.empty())
        restoreArrangement(m_window, QByteArray::fromBase64(QByteArray::fromStdString(wanted.docks)));
    m_controller.amend([this](Session& session) { session.layout = {m_kind, {}}; });
}

void LayoutControl::show(LayoutKind kind)
{
    m_kind = kind;
    fitFont();
    arrangeFor(m_window, kind, m_initial);
    restoreArrangement(m_window, m_settings.arrangement(kind));
    for (const auto& [command, its] : kLayouts)
        m_actions[command]->setChecked(its == kind);
}

void LayoutControl::fitFont()
{
    QFont font = m_font;
    if (m_kind == LayoutKind::Teach)
        font.setPointSizeF(
            std::max(std::min(kTeachingPoints, m_window.screen()->availableGeometry().height() / kTeachingLines), m_font.pointSizeF()));
    if (font != QApplication::font())
        QApplication::setFont(font);
}

} // namespace attnscope
