// SPDX-License-Identifier: GPL-3.0-or-later
// A page of help beside the window: shortcuts, a method, the machine.
#pragma once

#include <QDialog>

class QTextBrowser;

namespace attnscope {

class FormulaView;
class HelpPage;

class HelpWindow : public QDialog {
    Q_OBJECT

public:
    /// The one of `parent`, made at the first call; Esc closes it.
    static HelpWindow& of(QWidget& parent);

    void showText(const QString& title, const QString& html);
    void showMethod(const QString& id); ///< nothing where there is no such method
    void showMethods();

    const FormulaView& formula() const;
    QTextBrowser& text();

private:
    explicit HelpWindow(QWidget* parent);
    void present(const QString& title);

    HelpPage* m_page;
};

} // namespace attnscope
