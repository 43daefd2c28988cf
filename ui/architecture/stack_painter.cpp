// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_painter.h"

#include "ui/architecture/stack_colors.h"
#include "ui/architecture/stack_text.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"

#include <QFontMetrics>
#include <QObject>
#include <QPainter>

#include <algorithm>
#include <functional>
#include <set>

namespace attnscope {

namespace {

constexpr int kGap = 4;
constexpr int kNarrow = 12; // of a cell
constexpr int kReadable = 18;
constexpr int kManyInARow = 16; // fewer make cells narrower than that
constexpr int kWide = 26;
constexpr int kFewRows = 3; // of a column: more layers make narrower cells
constexpr double kTall = 1.2;
constexpr double kFoot = 0.24;
constexpr int kSwatch = 13;
constexpr int kLegendGap = 14;

int perRowAt(int room, int cell)
{
    const int fits = std::max(1, (room + kGap) / (cell + kGap));
    const int step = fits >= 8 ? 8 : fits >= 4 ? 4 : 1; // most patterns repeat after 4 or 8 layers
    return fits / step * step;
}

/// Lines and no brush: SVG and PDF know no such brushes.
void hatch(QPainter& painter, const QRect& rect, const PlotTheme& theme)
{
    constexpr int kStep = 5;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(theme.background, 1.3));
    const QRectF r = rect;
    for (double sum = r.left() + r.top() + kStep; sum < r.right() + r.bottom(); sum += kStep)
        painter.drawLine(QPointF(std::max(r.left(), sum - r.bottom()), std::min(r.bottom(), sum - r.left())),
                         QPointF(std::min(r.right(), sum - r.top()), std::max(r.top(), sum - r.right())));
    painter.restore();
}

void paintMixer(QPainter& painter, const QRect& rect, const StackLayer& layer, const PlotTheme& theme)
{
    const bool attends = layer.attention.kind != AttentionKind::None;
    QRect attention = rect;
    QRect recurrent = rect;
    if (attends && layer.recurrent) {
        attention.setWidth(rect.width() / 2);
        recurrent.setLeft(attention.right() + 2);
    }
    if (attends) {
        painter.fillRect(attention, attentionColor(theme));
        if (layer.attention.window > 0)
            hatch(painter, attention, theme);
    }
    if (layer.recurrent)
        painter.fillRect(recurrent, recurrentColor(layer.recurrent->method, theme));
    if (!attends && !layer.recurrent) {
        painter.setPen(QPen(theme.grid, 1));
        painter.setBrush(Qt::NoBrush);
        painter.drawRect(rect.adjusted(0, 0, -1, -1));
    }
}

void paintFoot(QPainter& painter, const QRect& rect, const FfnShape& ffn, const PlotTheme& theme)
{
    if (ffn.kind == FfnKind::Dense)
        painter.fillRect(rect, denseColor(theme));
    if (ffn.kind != FfnKind::Moe)
        return;
    const int third = std::max(2, (rect.width() - 2) / 3);
    for (int i = 0; i < 3; ++i)
        painter.fillRect(QRect(rect.left() + i * (third + 1), rect.top(), third, rect.height()), expertsColor(theme));
}

void paintRing(QPainter& painter, const QRect& rect, const QColor& color, int width)
{
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(QPen(color, width));
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(QRectF(rect).adjusted(-1.5, -1.5, 1.5, 1.5), 3, 3);
    painter.restore();
}

void paintCell(QPainter& painter, const QRect& cell, const StackLayer& layer, const PlotTheme& theme)
{
    const int foot = std::max(4, static_cast<int>(kFoot * cell.height()));
    paintMixer(painter, cell.adjusted(0, 0, 0, -foot - 1), layer, theme);
    paintFoot(painter, {cell.left(), cell.bottom() - foot + 1, cell.width(), foot}, layer.ffn, theme);
}

/// Shares weights with an earlier layer, or a later one with it.
std::set<Index> sharingLayers(const Architecture& a)
{
    std::set<Index> sharing;
    for (std::size_t i = 0; i < a.layers.size(); ++i)
        if (a.layers[i].sharedWith) {
            sharing.insert(static_cast<Index>(i));
            sharing.insert(*a.layers[i].sharedWith);
        }
    return sharing;
}

struct LegendItem {
    QString text;
    std::function<void(QPainter&, const QRect&)> paint;
};

struct Occurring {
    bool full = false;
    bool window = false;
    bool dense = false;
    bool experts = false;
    bool alone = false; ///< feed-forward without a mixer
    bool shared = false;
    std::set<std::string> recurrent;
};

Occurring occurringIn(const std::vector<const Architecture*>& architectures)
{
    Occurring found;
    for (const auto* a : architectures)
        for (const auto& layer : a->layers) {
            found.full |= layer.attention.kind == AttentionKind::Full;
            found.window |= layer.attention.window > 0;
            found.dense |= layer.ffn.kind == FfnKind::Dense;
            found.experts |= layer.ffn.kind == FfnKind::Moe;
            found.alone |= layer.attention.kind == AttentionKind::None && !layer.recurrent;
            found.shared |= layer.sharedWith.has_value();
            if (layer.recurrent)
                found.recurrent.insert(layer.recurrent->method);
        }
    return found;
}

std::vector<LegendItem> legendOf(const std::vector<const Architecture*>& architectures, const PlotTheme& theme)
{
    const Occurring found = occurringIn(architectures);
    std::vector<LegendItem> items;
    const auto filled = [](const QColor& color) { return [color](QPainter& p, const QRect& r) { p.fillRect(r, color); }; };
    if (found.full)
        items.push_back({QObject::tr("attends to everything"), filled(attentionColor(theme))});
    if (found.window)
        items.push_back({QObject::tr("attends within a window"), [theme](QPainter& p, const QRect& r) {
                             p.fillRect(r, attentionColor(theme));
                             hatch(p, r, theme);
                         }});
    for (const auto& method : found.recurrent)
        items.push_back({recurrentTitle(method), filled(recurrentColor(method, theme))});
    const auto foot = [theme](FfnKind kind) {
        return [theme, kind](QPainter& p, const QRect& r) {
            FfnShape ffn;
            ffn.kind = kind;
            paintFoot(p, {r.left(), r.bottom() - 4, r.width(), 5}, ffn, theme);
        };
    };
    if (found.dense)
        items.push_back({QObject::tr("dense feed-forward"), foot(FfnKind::Dense)});
    if (found.experts)
        items.push_back({QObject::tr("mixture of experts"), foot(FfnKind::Moe)});
    if (found.alone)
        items.push_back({QObject::tr("no mixer"), [theme](QPainter& p, const QRect& r) { paintMixer(p, r, {}, theme); }});
    if (found.shared)
        items.push_back({QObject::tr("shared weights"),
                         [theme](QPainter& p, const QRect& r) { paintRing(p, r.adjusted(2, 2, -2, -2), theme.foreground, 1); }});
    return items;
}

} // namespace

QRect CellGrid::cell(int layer) const
{
    const int row = layer / perRow;
    const int column = layer % perRow;
    return {labelRoom + column * (width + kGap), 3 + row * (height + kGap + 2), width, height};
}

int CellGrid::totalHeight() const { return 6 + rows * (height + kGap + 2); }

CellGrid cellGrid(int layers, int width)
{
    CellGrid grid;
    grid.labelRoom = QFontMetrics(smallFont()).horizontalAdvance(QStringLiteral("000")) + 6;
    const int room = std::max(kNarrow, width - grid.labelRoom - 4);
    grid.width = kWide;
    do
        grid.perRow = perRowAt(room, grid.width);
    while ((layers + grid.perRow - 1) / grid.perRow > kFewRows && --grid.width > (grid.perRow < kManyInARow ? kNarrow : kReadable));
    grid.perRow = perRowAt(room, grid.width);
    grid.width = std::clamp((room + kGap) / grid.perRow - kGap, kNarrow / 2, kWide);
    grid.height = static_cast<int>(kTall * grid.width);
    grid.rows = (std::max(1, layers) + grid.perRow - 1) / grid.perRow;
    return grid;
}

void paintStack(QPainter& painter, const QRect& rect, const Architecture& architecture, const PlotTheme& theme,
                std::optional<Index> selected)
{
    const auto count = static_cast<int>(architecture.layers.size());
    const CellGrid grid = cellGrid(count, rect.width());
    const auto sharing = sharingLayers(architecture);
    painter.save();
    painter.translate(rect.topLeft());
    painter.setFont(smallFont());
    for (int i = 0; i < count; ++i) {
        const QRect cell = grid.cell(i);
        if (i % grid.perRow == 0) {
            painter.setPen(theme.muted);
            painter.drawText(QRect(0, cell.top(), grid.labelRoom - 6, cell.height()), Qt::AlignRight | Qt::AlignVCenter,
                             QString::number(i));
        }
        paintCell(painter, cell, architecture.layers[static_cast<std::size_t>(i)], theme);
        if (sharing.contains(i))
            paintRing(painter, cell, theme.foreground, 1);
        if (selected == i)
            paintRing(painter, cell, theme.accent, 3);
    }
    painter.restore();
}

int paintStackLegend(QPainter* painter, const QRect& rect, const std::vector<const Architecture*>& architectures, const PlotTheme& theme)
{
    const QFontMetrics metrics(smallFont());
    const int line = std::max(kSwatch, metrics.height()) + 5;
    QPoint at = rect.topLeft();
    if (painter) {
        painter->save();
        painter->setFont(smallFont());
    }
    for (const auto& item : legendOf(architectures, theme)) {
        const int width = kSwatch + 5 + metrics.horizontalAdvance(item.text);
        if (at.x() > rect.left() && at.x() + width > rect.right())
            at = {rect.left(), at.y() + line};
        if (painter) {
            item.paint(*painter, {at.x(), at.y() + (line - kSwatch) / 2, kSwatch, kSwatch});
            painter->setPen(theme.muted);
            painter->drawText(QRect(at.x() + kSwatch + 5, at.y(), width, line), Qt::AlignLeft | Qt::AlignVCenter, item.text);
        }
        at.rx() += width + kLegendGap;
    }
    if (painter)
        painter->restore();
    return at.y() + line - rect.top();
}

} // namespace attnscope
