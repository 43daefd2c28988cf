// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/help_window.h"

#include <QDialog>
#include <QTextBrowser>
#include <QVBoxLayout>

namespace attnscope {

void showHelp(QWidget& parent, const QString& title, const QString& html)
{
    auto* window = parent.findChild<QDialog*>(QStringLiteral("helpWindow"));
    if (!window) {
        window = new QDialog(&parent);
        window->setObjectName(QStringLiteral("helpWindow"));
        window->resize(620, 560);
        auto* layout = new QVBoxLayout(window);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->addWidget(new QTextBrowser(window));
    }
    window->setWindowTitle(title);
    window->findChild<QTextBrowser*>()->setHtml(html);
    window->show();
    window->raise();
}

} // namespace attnscope
