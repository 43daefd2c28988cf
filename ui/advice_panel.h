// SPDX-License-Identifier: GPL-3.0-or-later
// One line of advice about the shown head, and behind "More" its findings and the errors measured.
#pragma once

#include "core/session/advice.h"

#include <QWidget>

#include <memory>

class QDialog;
class QLabel;
class QTableWidget;
class QToolButton;

namespace attnscope {

class AdvicePanel : public QWidget {
    Q_OBJECT

public:
    explicit AdvicePanel(QWidget* parent = nullptr);

    void setAdvice(std::shared_ptr<const Advice> advice);
    void setMessage(const QString& text); ///< instead of advice: measuring, or why there is none

    const QString& text() const { return m_text; } ///< unelided
    const Advice* advice() const { return m_advice.get(); }
    void showDetails();
    QTableWidget& table() { return *m_table; } ///< of the details

Q_SIGNALS:
    void methodChosen(const QString& id);

protected:
    void resizeEvent(QResizeEvent* event) override;

private:
    void makeDetails();
    void fillTable();
    void showLine();

    QString m_text;
    std::shared_ptr<const Advice> m_advice;
    QLabel* m_line;
    QToolButton* m_more;
    QDialog* m_details;
    QLabel* m_findings;
    QTableWidget* m_table;
};

} // namespace attnscope
