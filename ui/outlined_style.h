// SPDX-License-Identifier: GPL-3.0-or-later
// The platform's style; on a dark Fusion, check boxes and radio buttons get an outline that can be seen.
#pragma once

#include <QProxyStyle>

namespace attnscope {

class OutlinedStyle : public QProxyStyle {
    Q_OBJECT

public:
    void drawPrimitive(PrimitiveElement element, const QStyleOption* option, QPainter* painter, const QWidget* widget) const override;
};

} // namespace attnscope
