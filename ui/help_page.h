// SPDX-License-Identifier: GPL-3.0-or-later
// A page of help: title, formula and text of a method, the list of methods, or any text; its links lead from one to another.
#pragma once

#include <QWidget>

class QLabel;
class QTextBrowser;
class QUrl;

namespace attnscope {

class FormulaView;

class HelpPage : public QWidget {
    Q_OBJECT

public:
    explicit HelpPage(QWidget* parent = nullptr);

    void showText(const QString& title, const QString& html);
    void showMethod(const QString& id); ///< nothing where there is no such method
    void showMethods();

    const FormulaView& formula() const { return *m_formula; }
    QTextBrowser& text() { return *m_text; }

Q_SIGNALS:
    void titleChanged(const QString& title);

protected:
    void changeEvent(QEvent* event) override;

private:
    void follow(const QUrl& link);
    void present(const QString& title, const QString& html);
    void enlargeTitle();

    QLabel* m_title;
    FormulaView* m_formula;
    QTextBrowser* m_text;
};

} // namespace attnscope
