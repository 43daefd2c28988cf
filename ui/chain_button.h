// SPDX-License-Identifier: GPL-3.0-or-later
// A small chain: closed where a pane follows the shared zoom and cursor, broken where it has its own.
#pragma once

#include <QAbstractButton>

namespace attnscope {

class ChainButton : public QAbstractButton {
    Q_OBJECT

public:
    static constexpr int kSize = 20;

    /// Checkable and checked: linked.
    explicit ChainButton(QWidget* parent);

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    void describe();
};

} // namespace attnscope
