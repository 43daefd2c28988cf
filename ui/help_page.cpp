// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/help_page.h"

#include "core/method/registry.h"
#include "ui/formula_view.h"
#include "ui/method_page.h"

#include <QDesktopServices>
#include <QEvent>
#include <QLabel>
#include <QTextBrowser>
#include <QUrl>
#include <QVBoxLayout>

namespace attnscope {

HelpPage::HelpPage(QWidget* parent)
    : QWidget(parent), m_title(new QLabel(this)), m_formula(new FormulaView(this)), m_text(new QTextBrowser(this))
{
    constexpr int kTitleMargin = 8;
    m_title->setMargin(kTitleMargin);
    m_title->setWordWrap(true);
    enlargeTitle();
    m_text->setOpenLinks(false);
    m_text->setFrameShape(QFrame::NoFrame);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_title);
    layout->addWidget(m_formula);
    layout->addWidget(m_text, 1);
    connect(m_text, &QTextBrowser::anchorClicked, this, &HelpPage::follow);
}

void HelpPage::enlargeTitle()
{
    QFont large = font();
    large.setBold(true);
    large.setPointSizeF(large.pointSizeF() * 1.4);
    m_title->setFont(large);
}

void HelpPage::changeEvent(QEvent* event)
{
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange || event->type() == QEvent::ApplicationFontChange)
        enlargeTitle();
}

void HelpPage::showText(const QString& title, const QString& html)
{
    m_title->hide();
    m_formula->hide();
    present(title, html);
}

void HelpPage::showMethod(const QString& id)
{
    const auto* method = findMethod(id.toStdString());
    if (!method)
        return;
    const QString title = QString::fromStdString(method->info().title);
    m_title->setText(title);
    m_title->show();
    m_formula->setFormula(QString::fromStdString(method->info().formula));
    m_formula->show();
    present(title, methodPage(*method));
}

void HelpPage::showMethods() { showText(tr("Methods"), methodListPage()); }

void HelpPage::follow(const QUrl& link)
{
    if (link.scheme() == QLatin1String("method"))
        showMethod(link.path());
    else if (link.scheme() == QLatin1String("methods"))
        showMethods();
    else
        QDesktopServices::openUrl(link);
}

void HelpPage::present(const QString& title, const QString& html)
{
    m_text->setHtml(html);
    Q_EMIT titleChanged(title);
}

} // namespace attnscope
