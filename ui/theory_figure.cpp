// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theory_figure.h"

#include <QObject>

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

constexpr double kLogSpan = 8.0; // an axis over a larger ratio is logarithmic
constexpr double kRoom = 0.06;   // of an axis, around the series

Qt::PenStyle styleOf(TheoryKind kind)
{
    switch (kind) {
    case TheoryKind::Prediction:
        return Qt::SolidLine;
    case TheoryKind::Guidance:
        return Qt::DotLine;
    case TheoryKind::UpperBound:
    case TheoryKind::LowerBound:
    case TheoryKind::UpToConstant:
        break;
    }
    return Qt::DashLine;
}

TheoryAxis axisOf(const std::string& label, const std::vector<TheorySeries>& series, std::vector<double> TheorySeries::*values)
{
    TheoryAxis axis{QString::fromStdString(label)};
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (const auto& one : series)
        for (const double value : one.*values)
            if (std::isfinite(value)) {
                low = std::min(low, value);
                high = std::max(high, value);
            }
    if (low > high)
        return axis;
    axis.logarithmic = low > 0.0 && high / low > kLogSpan;
    const double ratio = std::pow(high / low, kRoom);
    const double room = high > low ? kRoom * (high - low) : std::max(0.5 * std::abs(high), 1e-12);
    axis.low = axis.logarithmic ? low / ratio : low - room;
    axis.high = axis.logarithmic ? high * ratio : high + room;
    return axis;
}

} // namespace

TheoryFigure theoryFigure(const std::vector<TheoryCurve>& curves, const TheoryCurve& chosen)
{
    TheoryFigure figure;
    int color = 1; // the first of the series' colours is exact attention's
    for (const TheoryCurve& curve : curves) {
        if (curve.x.empty() || curve.axis != chosen.axis || curve.quantity != chosen.quantity)
            continue;
        const auto kind = toString(curve.kind);
        figure.series.push_back(
            {QString::fromUtf8(kind.data(), static_cast<qsizetype>(kind.size())), curve.x, curve.predicted, styleOf(curve.kind), color});
        const auto isSame = [&curve](const TheorySeries& series) {
            return series.style == Qt::NoPen && series.x == curve.x && series.y == curve.measured;
        };
        if (!curve.measured.empty() && std::none_of(figure.series.begin(), figure.series.end(), isSame))
            figure.series.push_back({QObject::tr("measured"), curve.x, curve.measured, Qt::NoPen, color});
        ++color;
    }
    figure.x = axisOf(chosen.axis, figure.series, &TheorySeries::x);
    figure.y = axisOf(chosen.quantity, figure.series, &TheorySeries::y);
    return figure;
}

} // namespace attnscope
