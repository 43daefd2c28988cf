// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/compute_view.h"

#include "ui/compute_button.h"
#include "ui/jobs_panel.h"
#include "ui/latency_panel.h"
#include "ui/notices.h"
#include "ui/session_controller.h"

#include <QMenu>
#include <QStatusBar>

namespace attnscope {

namespace {

constexpr int kNoticeMs = 20000; // long enough to be read after a look at the maps
constexpr int kNoticeWidth = 560;

} // namespace

ComputeView::ComputeView(SessionController& controller, const Window& window, const std::string& cudaNote, QObject* parent)
    : QObject(parent),
      m_controller(controller),
      m_latency(window.latency),
      m_notices(new Notices(this)),
      m_button(new ComputeButton(controller.backends(), cudaNote, &window.status)),
      m_notice(new QLabel(&window.status))
{
    m_notice->setObjectName(QStringLiteral("notice"));
    m_notice->hide();
    m_button->setObjectName(QStringLiteral("compute"));
    window.status.addPermanentWidget(m_notice);
    window.status.addPermanentWidget(m_button);
    window.menu.addMenu(&m_button->choices());
    m_fade.setSingleShot(true);
    connect(&m_fade, &QTimer::timeout, m_notice, &QLabel::hide);
    connect(m_button, &ComputeButton::chosen, this,
            [this](const ComputeChoice& choice) { m_controller.edit([&](Session& s) { s.compute = choice; }); });
    connect(&m_controller, &SessionController::sessionChanged, this, &ComputeView::showChoice);
    connect(m_notices, &Notices::heard, this, &ComputeView::showNotice);
    connect(m_notices, &Notices::changed, &window.jobs, [this, &jobs = window.jobs] { jobs.setNotices(m_notices->all()); });
    showChoice();
}

void ComputeView::showChoice()
{
    const auto& choice = m_controller.session().compute;
    m_button->setChoice(choice, QString::fromStdString(m_controller.chosenBackend().note));
    m_latency.setCompute(choice);
}

void ComputeView::showNotice(const QString& sentence)
{
    m_notice->setText(QStringLiteral("⚠ ") + m_notice->fontMetrics().elidedText(sentence, Qt::ElideRight, kNoticeWidth));
    m_notice->setToolTip(tr("%1 (see Jobs)").arg(sentence));
    m_notice->show();
    m_fade.start(kNoticeMs);
}

} // namespace attnscope
