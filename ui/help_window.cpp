// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/help_window.h"

#include "ui/help_page.h"

#include <QVBoxLayout>

namespace attnscope {

HelpWindow& HelpWindow::of(QWidget& parent)
{
    auto* window = parent.findChild<HelpWindow*>();
    return window ? *window : *new HelpWindow(&parent);
}

HelpWindow::HelpWindow(QWidget* parent) : QDialog(parent), m_page(new HelpPage(this))
{
    resize(720, 640);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_page);
    connect(m_page, &HelpPage::titleChanged, this, &HelpWindow::present);
}

void HelpWindow::showText(const QString& title, const QString& html) { m_page->showText(title, html); }

void HelpWindow::showMethod(const QString& id) { m_page->showMethod(id); }

void HelpWindow::showMethods() { m_page->showMethods(); }

const FormulaView& HelpWindow::formula() const { return m_page->formula(); }

QTextBrowser& HelpWindow::text() { return m_page->text(); }

void HelpWindow::present(const QString& title)
{
    setWindowTitle(title);
    show();
    raise();
    activateWindow();
}

} // namespace attnscope
