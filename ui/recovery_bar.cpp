// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/recovery_bar.h"

#include "ui/session_controller.h"

#include <QAction>
#include <QFileInfo>
#include <QLabel>
#include <QLocale>

namespace attnscope {

namespace {

QString inputOf(const Session& session)
{
    constexpr qsizetype kMost = 30;
    if (!session.input.path.empty())
        return QFileInfo(QString::fromStdString(session.input.path)).fileName();
    const QString text = QString::fromStdString(session.input.text.substr(0, 4 * kMost)).simplified();
    return QObject::tr("“%1”").arg(text.size() > kMost ? text.left(kMost) + QStringLiteral("…") : text);
}

} // namespace

RecoveryBar::RecoveryBar(std::vector<Leftover> leftovers, SessionController& controller, QWidget* parent)
    : QToolBar(tr("Restore"), parent), m_leftovers(std::move(leftovers)), m_text(new QLabel(this))
{
    constexpr int kMargin = 4;
    constexpr int kNarrowest = 60; // a long text in large letters must not widen the window
    setObjectName(QStringLiteral("recoveryBar"));
    setMovable(false);
    setToolButtonStyle(Qt::ToolButtonTextOnly);
    m_text->setMargin(kMargin);
    m_text->setMinimumWidth(kNarrowest);
    addWidget(m_text);
    m_restore = addAction(tr("Restore it"));
    m_discard = addAction(tr("Discard it"));
    auto* later = addAction(tr("Later"));
    later->setToolTip(tr("Ask again at the next start"));
    connect(m_restore, &QAction::triggered, this, [this, &controller] {
        if (controller.openSession(Session(m_leftovers.front().session), {}))
            next(); // else its input is gone, and it stays until that is found
    });
    connect(m_discard, &QAction::triggered, this, &RecoveryBar::next);
    connect(later, &QAction::triggered, this, [this] { deleteLater(); });
    describe();
}

void RecoveryBar::describe()
{
    const Leftover& first = m_leftovers.front();
    const auto methods = first.session.approximations.size();
    const QString compared = methods == 1 ? tr("one approximation") : tr("%1 approximations").arg(methods);
    const QString more = m_leftovers.size() > 1 ? tr(" (one of %1)").arg(m_leftovers.size()) : QString();
    m_text->setText(tr("Attnscope ended unexpectedly on %1. Its session on %2 with %3 was kept%4.")
                        .arg(QLocale().toString(first.time, QLocale::ShortFormat), inputOf(first.session), compared, more));
}

void RecoveryBar::next()
{
    m_leftovers.front().discard();
    m_leftovers.erase(m_leftovers.begin());
    if (m_leftovers.empty())
        deleteLater();
    else
        describe();
}

} // namespace attnscope
