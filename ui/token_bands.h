// SPDX-License-Identifier: GPL-3.0-or-later
// Rows and columns of searched tokens above a map: bands at least a pixel wide, ticks at the edges, or a veil over all else. Private
// header of ui.
#pragma once

#include "ui/text_marks.h"

#include <qcustomplot.h>

#include <memory>

namespace attnscope {

/// Pixels with marked tokens, and how strongly they are drawn: where most of them have some, by how many tokens of each are marked.
struct PixelMark {
    int first = 0;
    int last = 0; ///< not included
    float strength = 1.0F;
};
std::vector<PixelMark> pixelMarks(const TextMarks& marks, double from, double count, int pixels);

class TokenBands : public QCPLayerable {
public:
    /// `y` null: columns alone, as in a plot over keys.
    TokenBands(QCustomPlot* plot, QCPAxis* x, QCPAxis* y);

    std::shared_ptr<const TextMarks> marks; ///< null: nothing is drawn

protected:
    void applyDefaultAntialiasingHint(QCPPainter* painter) const override;
    QRect clipRect() const override;
    void draw(QCPPainter* painter) override;

private:
    using Spans = std::vector<QRectF>;

    Spans spansOf(const QCPAxis* axis) const;
    void drawVeil(QCPPainter* painter, const Spans& columns, const Spans& rows) const;
    void drawBands(QCPPainter* painter, const Spans& spans) const;
    void drawTicks(QCPPainter* painter, const QCPAxis* axis) const;
    void drawCurrent(QCPPainter* painter, const QCPAxis* axis) const;
    QRectF bandOf(const QCPAxis* axis, const std::pair<Index, Index>& tokens) const;

    QCPAxis* m_x;
    QCPAxis* m_y;
};

/// The marks that fall on a line of `pixels`, `from` ... `from + count` tokens long, as [first, last) pixels: merged, each at least
/// one pixel wide.
std::vector<std::pair<int, int>> markedPixels(const TextMarks& marks, double from, double count, int pixels);

} // namespace attnscope
