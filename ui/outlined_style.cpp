// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/outlined_style.h"

#include <QPainter>
#include <QStyleOption>

namespace attnscope {

// Fusion derives the outline from the window's colour, only darker: on dark windows nothing is left of an empty box.
void OutlinedStyle::drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter, const QWidget* widget) const
{
    QProxyStyle::drawPrimitive(element, option, painter, widget);
    const bool box = element == PE_IndicatorCheckBox || element == PE_IndicatorItemViewItemCheck;
    const bool dark = option->palette.color(QPalette::Window).lightnessF() < 0.5F;
    if ((!box && element != PE_IndicatorRadioButton) || !dark || baseStyle()->name() != QLatin1String("fusion"))
        return;
    QColor line = option->palette.color(QPalette::WindowText);
    line.setAlphaF(option->state & State_Enabled ? 0.6F : 0.3F);
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(line);
    painter->setBrush(Qt::NoBrush);
    const QRectF frame = QRectF(option->rect).adjusted(0.5, 0.5, -0.5, -0.5);
    if (box)
        painter->drawRoundedRect(frame, 2.0, 2.0);
    else
        painter->drawEllipse(frame);
    painter->restore();
}

} // namespace attnscope
