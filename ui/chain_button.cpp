// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/chain_button.h"

#include "ui/plot_theme.h"

#include <QPainter>

namespace attnscope {

ChainButton::ChainButton(QWidget* parent) : QAbstractButton(parent)
{
    setCheckable(true);
    setChecked(true);
    setFixedSize(kSize, kSize);
    setFocusPolicy(Qt::TabFocus);
    setCursor(Qt::PointingHandCursor);
    connect(this, &QAbstractButton::toggled, this, &ChainButton::describe);
    describe();
}

void ChainButton::describe()
{
    setAccessibleName(isChecked() ? tr("Linked") : tr("Unlinked"));
    setToolTip(isChecked() ? tr("Linked: zoom and cursor follow the other panes. Click to unlink this pane.")
                           : tr("Unlinked: this pane has a zoom and a cursor of its own. Click to link it again."));
}

void ChainButton::paintEvent(QPaintEvent*)
{
    const PlotTheme theme = plotTheme(palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    if (underMouse() || hasFocus()) {
        painter.setPen(hasFocus() ? QPen(theme.accent, 1) : QPen(Qt::NoPen));
        painter.setBrush(underMouse() ? theme.grid : QColor(Qt::transparent));
        painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4);
    }
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(isChecked() ? theme.muted : theme.warning, 1.6));
    painter.translate(rect().center() + QPointF(0.5, 0.5));
    painter.rotate(-45.0);
    const double gap = isChecked() ? -1.5 : 2.5; // closed links overlap
    painter.drawRoundedRect(QRectF(-8.0 - gap / 2.0 + 0.75, -2.6, 8.0, 5.2), 2.6, 2.6);
    painter.drawRoundedRect(QRectF(gap / 2.0 - 0.75, -2.6, 8.0, 5.2), 2.6, 2.6);
    if (!isChecked()) {
        painter.drawLine(QPointF(0.0, -7.0), QPointF(0.0, -4.0));
        painter.drawLine(QPointF(0.0, 4.0), QPointF(0.0, 7.0));
    }
}

} // namespace attnscope
