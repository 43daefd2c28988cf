// SPDX-License-Identifier: GPL-3.0-or-later
// The legend below the stacks: the colours of what occurs in them.
#pragma once

#include "core/stack/architecture.h"

#include <QWidget>

#include <vector>

namespace attnscope {

class StackLegend : public QWidget {
    Q_OBJECT

public:
    explicit StackLegend(QWidget* parent = nullptr);

    void setArchitectures(std::vector<Architecture> architectures);

    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    std::vector<const Architecture*> pointers() const;

    std::vector<Architecture> m_architectures;
};

} // namespace attnscope
