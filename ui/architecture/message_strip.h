// SPDX-License-Identifier: GPL-3.0-or-later
// Says in place what went wrong, until it is closed: nothing else is stopped by it.
#pragma once

#include <QFrame>

class QLabel;

namespace attnscope {

class MessageStrip : public QFrame {
    Q_OBJECT

public:
    explicit MessageStrip(QWidget* parent = nullptr);

    void setText(const QString& text); ///< empty: hides it
    QString text() const;

private:
    QLabel* m_text;
};

} // namespace attnscope
