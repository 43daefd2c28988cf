// SPDX-License-Identifier: GPL-3.0-or-later
// Rows and columns of searched tokens above a map: bands at least a pixel wide, ticks at the edges, or a veil over all else. Private
// header of ui.
#pragma once

#include "ui/text_marks.h"

#include <qcustomplot.h>

#include <memory>

namespace attnscope {

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
    void drawTicks(QCPPainter* painter, const QCPAxis* axis, const Spans& spans) const;
    void drawCurrent(QCPPainter* painter, const QCPAxis* axis) const;
    QRectF bandOf(const QCPAxis* axis, const std::pair<Index, Index>& tokens) const;

    QCPAxis* m_x;
    QCPAxis* m_y;
};

/// The marks that fall on a line of `pixels`, `from` ... `from + count` tokens long, as [first, last) pixels: merged, each at least
/// one pixel wide.
std::vector<std::pair<int, int>> markedPixels(const TextMarks& marks, double from, double count, int pixels);

} // namespace attnscope
