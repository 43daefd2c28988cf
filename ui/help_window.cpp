// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/help_window.h"

#include "core/method/registry.h"
#include "ui/formula_view.h"
#include "ui/method_page.h"

#include <QDesktopServices>
#include <QLabel>
#include <QTextBrowser>
#include <QUrl>
#include <QVBoxLayout>

namespace attnscope {

HelpWindow& HelpWindow::of(QWidget& parent)
{
    auto* window = parent.findChild<HelpWindow*>();
    return window ? *window : *new HelpWindow(&parent);
}

HelpWindow::HelpWindow(QWidget* parent)
    : QDialog(parent), m_title(new QLabel(this)), m_formula(new FormulaView(this)), m_text(new QTextBrowser(this))
{
    constexpr int kTitleMargin = 8;
    resize(720, 640);
    QFont font = m_title->font();
    font.setBold(true);
    font.setPointSizeF(font.pointSizeF() * 1.4);
    m_title->setFont(font);
    m_title->setMargin(kTitleMargin);
    m_text->setOpenLinks(false);
    m_text->setFrameShape(QFrame::NoFrame);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(m_title);
    layout->addWidget(m_formula);
    layout->addWidget(m_text, 1);
    connect(m_text, &QTextBrowser::anchorClicked, this, &HelpWindow::follow);
}

void HelpWindow::showText(const QString& title, const QString& html)
{
    m_title->hide();
    m_formula->hide();
    present(title, html);
}

void HelpWindow::showMethod(const QString& id)
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

void HelpWindow::showMethods() { showText(tr("Methods"), methodListPage()); }

void HelpWindow::follow(const QUrl& link)
{
    if (link.scheme() == QLatin1String("method"))
        showMethod(link.path());
    else if (link.scheme() == QLatin1String("methods"))
        showMethods();
    else
        QDesktopServices::openUrl(link);
}

void HelpWindow::present(const QString& title, const QString& html)
{
    setWindowTitle(title);
    m_text->setHtml(html);
    show();
    raise();
    activateWindow();
}

} // namespace attnscope
