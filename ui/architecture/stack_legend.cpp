// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_legend.h"

#include "ui/architecture/stack_painter.h"
#include "ui/plot_theme.h"

#include <QPainter>

namespace attnscope {

StackLegend::StackLegend(QWidget* parent) : QWidget(parent)
{
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void StackLegend::setArchitectures(std::vector<Architecture> architectures)
{
    m_architectures = std::move(architectures);
    updateGeometry();
    update();
}

std::vector<const Architecture*> StackLegend::pointers() const
{
    std::vector<const Architecture*> all;
    for (const auto& architecture : m_architectures)
        all.push_back(&architecture);
    return all;
}

int StackLegend::heightForWidth(int width) const
{
    return paintStackLegend(nullptr, QRect(0, 0, width, 0), pointers(), plotTheme(palette()));
}

QSize StackLegend::sizeHint() const
{
    constexpr int kUsualWidth = 900;
    return {kUsualWidth, heightForWidth(kUsualWidth)};
}

void StackLegend::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    paintStackLegend(&painter, rect(), pointers(), plotTheme(palette()));
}

} // namespace attnscope
