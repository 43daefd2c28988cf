// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/token_bands.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr double kDense = 0.3; // of the axis: bands over more than that would hide the map, ticks remain
constexpr int kTick = 6;
constexpr float kFaintest = 0.15F;

} // namespace

std::vector<std::pair<int, int>> markedPixels(const TextMarks& marks, double from, double count, int pixels)
{
    std::vector<std::pair<int, int>> merged;
    if (count <= 0.0 || pixels <= 0)
        return merged;
    const auto first =
        std::partition_point(marks.tokens.begin(), marks.tokens.end(), [&](const auto& t) { return double(t.second) <= from; });
    const double scale = pixels / count;
    for (auto t = first; t != marks.tokens.end() && double(t->first) < from + count; ++t) {
        const int begin = std::clamp(int(std::floor((double(t->first) - from) * scale)), 0, pixels - 1);
        const int end = std::clamp(int(std::ceil((double(t->second) - from) * scale)), begin + 1, pixels);
        if (!merged.empty() && begin <= merged.back().second)
            merged.back().second = std::max(merged.back().second, end);
        else
            merged.emplace_back(begin, end);
    }
    return merged;
}

std::vector<PixelMark> pixelMarks(const TextMarks& marks, double from, double count, int pixels)
{
    const auto merged = markedPixels(marks, from, count, pixels);
    int covered = 0;
    for (const auto& [first, last] : merged)
        covered += last - first;
    std::vector<PixelMark> all;
    if (covered <= kDense * pixels || count <= pixels) {
        for (const auto& [first, last] : merged)
            all.push_back({first, last, 1.0F});
        return all;
    }
    std::vector<float> tokens(static_cast<std::size_t>(pixels), 0.0F); // that are marked, of each pixel
    const double scale = pixels / count;
    for (const auto& [first, last] : marks.tokens)
        if (const double at = (0.5 * double(first + last) - from) * scale; at >= 0.0 && at < pixels)
            tokens[static_cast<std::size_t>(at)] += float(last - first);
    const float most = std::max(1.0F, *std::ranges::max_element(tokens));
    for (int i = 0; i < pixels; ++i)
        if (const float share = tokens[static_cast<std::size_t>(i)] / most; share > 0.0F)
            all.push_back({i, i + 1, kFaintest + (1.0F - kFaintest) * share});
    return all;
}

TokenBands::TokenBands(QCustomPlot* plot, QCPAxis* x, QCPAxis* y) : QCPLayerable(plot, QStringLiteral("overlay")), m_x(x), m_y(y) {}

void TokenBands::applyDefaultAntialiasingHint(QCPPainter* painter) const { painter->setAntialiasing(false); }

QRect TokenBands::clipRect() const { return m_x->axisRect()->rect(); }

TokenBands::Spans TokenBands::spansOf(const QCPAxis* axis) const
{
    if (!axis)
        return {};
    const QRect map = clipRect();
    const bool columns = axis->orientation() == Qt::Horizontal;
    Spans spans;
    for (const auto& [first, last] : markedPixels(*marks, axis->range().lower, axis->range().size(), columns ? map.width() : map.height()))
        spans.push_back(columns ? QRectF(map.left() + first, map.top(), last - first, map.height())
                                : QRectF(map.left(), map.top() + first, map.width(), last - first));
    return spans;
}

QRectF TokenBands::bandOf(const QCPAxis* axis, const std::pair<Index, Index>& tokens) const
{
    TextMarks one;
    one.tokens = {tokens};
    const QRect map = clipRect();
    const bool columns = axis->orientation() == Qt::Horizontal;
    const auto spans = markedPixels(one, axis->range().lower, axis->range().size(), columns ? map.width() : map.height());
    if (spans.empty())
        return {};
    const auto [first, last] = spans.front();
    return columns ? QRectF(map.left() + first, map.top(), last - first, map.height())
                   : QRectF(map.left(), map.top() + first, map.width(), last - first);
}

void TokenBands::draw(QCPPainter* painter)
{
    const bool hasMap = m_x->visible(); // else a message stands in its place
    if (!hasMap || !marks || (marks->tokens.empty() && !marks->only))
        return;
    const Spans columns = spansOf(m_x);
    const Spans rows = spansOf(m_y);
    if (marks->only) {
        drawVeil(painter, columns, rows);
    } else {
        drawBands(painter, columns);
        drawBands(painter, rows);
    }
    for (const QCPAxis* axis : {m_x, m_y})
        if (axis) {
            drawTicks(painter, axis);
            drawCurrent(painter, axis);
        }
}

void TokenBands::drawBands(QCPPainter* painter, const Spans& spans) const
{
    const QRectF map = clipRect();
    double area = 0.0;
    for (const QRectF& span : spans)
        area += span.width() * span.height();
    if (area > kDense * map.width() * map.height())
        return;
    QColor color = searchColor();
    color.setAlpha(72);
    for (const QRectF& span : spans)
        painter->fillRect(span, color);
}

// Cells of which neither query nor key was found lie under a veil.
void TokenBands::drawVeil(QCPPainter* painter, const Spans& columns, const Spans& rows) const
{
    const QRect map = clipRect();
    QImage veil(map.size(), QImage::Format_ARGB32_Premultiplied);
    veil.fill(QColor(24, 26, 30, 205));
    QPainter holes(&veil);
    holes.setCompositionMode(QPainter::CompositionMode_Clear);
    for (const Spans* spans : {&columns, &rows})
        for (const QRectF& span : *spans)
            holes.fillRect(span.translated(-map.topLeft()), Qt::transparent);
    holes.end();
    painter->drawImage(map.topLeft(), veil);
}

// At both ends of each band: they are legible where the bands would be too many.
void TokenBands::drawTicks(QCPPainter* painter, const QCPAxis* axis) const
{
    const bool columns = axis->orientation() == Qt::Horizontal;
    const QRect map = clipRect();
    QColor color = searchColor();
    for (const auto& [first, last, strength] :
         pixelMarks(*marks, axis->range().lower, axis->range().size(), columns ? map.width() : map.height())) {
        color.setAlphaF(strength);
        const double length = last - first;
        if (columns) {
            painter->fillRect(QRectF(map.left() + first, map.top(), length, kTick), color);
            painter->fillRect(QRectF(map.left() + first, map.top() + map.height() - kTick, length, kTick), color);
        } else {
            painter->fillRect(QRectF(map.left(), map.top() + first, kTick, length), color);
            painter->fillRect(QRectF(map.left() + map.width() - kTick, map.top() + first, kTick, length), color);
        }
    }
}

void TokenBands::drawCurrent(QCPPainter* painter, const QCPAxis* axis) const
{
    if (!marks->current || *marks->current >= marks->tokens.size())
        return;
    const QRectF band = bandOf(axis, marks->tokens[*marks->current]);
    if (band.isEmpty())
        return;
    QColor color = searchColor();
    color.setAlpha(110);
    painter->fillRect(band, color);
}

} // namespace attnscope
