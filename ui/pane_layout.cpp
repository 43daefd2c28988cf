// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/pane_layout.h"

#include <QApplication>
#include <QFontInfo>
#include <QFontMetrics>

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kCornerButton = 22; // the chain in the upper right corner
constexpr int kNarrow = 180;      // a pane gives its room to the map
constexpr int kNarrowShare = 6;   // of which the labels get one

} // namespace

QFont plotFont()
{
    QFont font = QApplication::font();
    const QFontInfo info(font);
    font.setFamily(info.family());
    font.setPixelSize(info.pixelSize());
    return font;
}

QFont smallFont()
{
    QFont font = plotFont();
    font.setPixelSize(std::max(8, font.pixelSize() * 6 / 7));
    return font;
}

PaneLayout paneLayout(const QSize& size, bool tokens, bool tokensShown, double aspect)
{
    const QFontMetrics small(smallFont());
    const QFontMetrics large(plotFont());
    const int line = small.height();
    PaneLayout layout;
    layout.labelRoom = tokens ? small.averageCharWidth() * 8 : small.horizontalAdvance(QStringLiteral("000000"));
    const bool narrow = size.width() < kNarrow;
    if (narrow)
        layout.labelRoom =
            std::min(layout.labelRoom, std::max(small.horizontalAdvance(QStringLiteral("0000")), size.width() / kNarrowShare));
    layout.rowsName = narrow ? 0 : line;
    const int tokenZone = layout.labelRoom + 8;
    const int indexZone = line + 6;
    layout.tickZone = tokensShown ? tokenZone : indexZone;
    const int left = layout.rowsName + layout.labelRoom + 10;
    const int right = std::max(10, small.horizontalAdvance(QStringLiteral("00000")) / 2 + 2);
    const int top = large.height() + line + 12;
    const int barHeight = std::max(8, line * 2 / 3);
    const int below = (tokens ? tokenZone : indexZone) + line + 10 + barHeight + 5 + 2 * line + 4;
    const int roomX = std::max(20, size.width() - left - right);
    const int roomY = std::max(20, size.height() - top - below);
    const double shape = std::clamp(aspect, 0.2, 5.0);
    const int width = std::min(roomX, static_cast<int>(roomY * shape));
    const int height = std::min(roomY, static_cast<int>(width / shape));
    const int x = left + (roomX - width) / 2;
    const int y = top + (roomY - height) / 3;
    layout.map = QRect(x, y, width, height);
    const int headerX = narrow ? 4 : x;
    layout.header = QRect(headerX, y - top + 2, size.width() - headerX - 4 - kCornerButton, top - 8);
    layout.bar = QRect(x, y + height + layout.tickZone + line + 10, width, barHeight);
    return layout;
}

} // namespace attnscope
