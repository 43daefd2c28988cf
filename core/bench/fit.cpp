// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

constexpr std::size_t kFewestPoints = 3; // two leave no residual to judge by
constexpr std::size_t kAlwaysTaken = 4;
constexpr double kSettledSlope = 0.15;

struct Point {
    double x = 0.0;
    double y = 0.0;
};

struct Line {
    double slope = 0.0;
    double offset = 0.0;
    double slopeError = 0.0; // standard error

    double at(double x) const { return offset + slope * x; }
};

Line leastSquares(std::span<const Point> points)
{
    const auto count = static_cast<double>(points.size());
    double meanX = 0.0;
    double meanY = 0.0;
    for (const Point& p : points) {
        meanX += p.x / count;
        meanY += p.y / count;
    }
    double sxx = 0.0;
    double sxy = 0.0;
    for (const Point& p : points) {
        sxx += (p.x - meanX) * (p.x - meanX);
        sxy += (p.x - meanX) * (p.y - meanY);
    }
    Line line{sxy / sxx, 0.0, 0.0};
    line.offset = meanY - line.slope * meanX;
    double squares = 0.0;
    for (const Point& p : points)
        squares += (p.y - line.at(p.x)) * (p.y - line.at(p.x));
    if (points.size() > 2)
        line.slopeError = std::sqrt(squares / (count - 2.0) / sxx);
    return line;
}

/// The 97.5 % quantile of Student's t.
double studentQuantile(std::size_t freedom)
{
    constexpr std::array<double, 30> table{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                                           2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                                           2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
    return freedom <= table.size() ? table[freedom - 1] : 1.96 + 2.4 / static_cast<double>(freedom);
}

/// Difference of two curves at one common length, in log time: above 0 where a is slower.
struct Gap {
    double x = 0.0;
    double middle = 0.0;
    double low = 0.0;  // a's quick quartile against b's slow one
    double high = 0.0; // and the other way round
};

std::vector<Gap> gapsOf(std::span<const CurvePoint> a, std::span<const CurvePoint> b)
{
    std::vector<Gap> gaps;
    for (const CurvePoint& p : a) {
        const auto same = std::find_if(b.begin(), b.end(), [&p](const CurvePoint& o) { return o.n == p.n; });
        if (same != b.end())
            gaps.push_back({std::log(p.n), std::log(p.median / same->median), std::log(p.q1 / same->q3), std::log(p.q3 / same->q1)});
    }
    return gaps;
}

/// Index of the last gap before a lasting change of sign, or none; the sign on the right is that of the longest length.
std::optional<std::size_t> lastSignChange(const std::vector<Gap>& gaps)
{
    for (std::size_t i = gaps.size(); i-- > 1;)
        if ((gaps[i - 1].middle > 0.0) != (gaps[i].middle > 0.0))
            return i - 1;
    return std::nullopt;
}

bool partedOnBothSides(const std::vector<Gap>& gaps, std::size_t left, bool aSlowerAfter)
{
    const auto parted = [](bool aSlower) { return [aSlower](const Gap& g) { return aSlower ? g.low > 0.0 : g.high < 0.0; }; };
    const auto middle = gaps.begin() + static_cast<std::ptrdiff_t>(left) + 1;
    return std::any_of(gaps.begin(), middle, parted(!aSlowerAfter)) && std::any_of(middle, gaps.end(), parted(aSlowerAfter));
}

double zeroBetween(double x0, double y0, double x1, double y1) { return x0 + (x1 - x0) * y0 / (y0 - y1); }

/// Zero of the middle gap: of a line through four points where they lie on one, else between the two next to the change.
double crossingNear(const std::vector<Gap>& gaps, std::size_t left)
{
    const Gap& before = gaps[left];
    const Gap& after = gaps[left + 1];
    const double between = zeroBetween(before.x, before.middle, after.x, after.middle);
    if (left == 0 || left + 2 >= gaps.size())
        return between;
    std::array<Point, 4> points{};
    for (std::size_t i = 0; i < points.size(); ++i)
        points[i] = {gaps[left - 1 + i].x, gaps[left - 1 + i].middle};
    const Line line = leastSquares(points);
    double worst = 0.0;
    for (const Point& p : points)
        worst = std::max(worst, std::abs(p.y - line.at(p.x)));
    const bool straight = worst < 0.1 * std::abs(line.slope) * (points[3].x - points[0].x);
    return straight ? std::clamp(-line.offset / line.slope, points[0].x, points[3].x) : between;
}

/// Where the bound (low or high gap) changes sign nearest to `x`. It does change, as the bars part on both sides.
double boundCrossing(const std::vector<Gap>& gaps, double Gap::*bound, double x)
{
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i + 1 < gaps.size(); ++i) {
        if ((gaps[i].*bound > 0.0) == (gaps[i + 1].*bound > 0.0))
            continue;
        const double at = zeroBetween(gaps[i].x, gaps[i].*bound, gaps[i + 1].x, gaps[i + 1].*bound);
        if (std::abs(at - x) < std::abs(best - x))
            best = at;
    }
    return best;
}

} // namespace

std::optional<PowerFit> fitExponent(std::span<const CurvePoint> curve)
{
    if (curve.size() < kFewestPoints)
        return std::nullopt;
    std::vector<Point> points;
    for (const CurvePoint& p : curve)
        points.push_back({std::log(p.n), std::log(p.median)});
    std::size_t first = points.size() - std::min(points.size(), kAlwaysTaken);
    Line line = leastSquares(std::span(points).subspan(first));
    while (first > 0) {
        const Point& next = points[first - 1];
        const double local = (points[first].y - next.y) / (points[first].x - next.x);
        if (std::abs(local - line.slope) > kSettledSlope)
            break;
        line = leastSquares(std::span(points).subspan(--first));
    }
    const std::size_t used = points.size() - first;
    const double half = studentQuantile(used - 2) * line.slopeError;
    return PowerFit{line.slope,     line.slope - half, line.slope + half,     std::exp(line.offset),
                    curve[first].n, curve.back().n,    static_cast<int>(used)};
}

std::optional<Crossover> crossover(std::span<const CurvePoint> a, std::span<const CurvePoint> b)
{
    const auto gaps = gapsOf(a, b);
    const auto left = lastSignChange(gaps);
    if (!left || !partedOnBothSides(gaps, *left, gaps.back().middle > 0.0))
        return std::nullopt;
    const double x = crossingNear(gaps, *left);
    const double one = boundCrossing(gaps, &Gap::low, x);
    const double other = boundCrossing(gaps, &Gap::high, x);
    return Crossover{std::exp(x), std::exp(std::min({one, other, x})), std::exp(std::max({one, other, x}))};
}

} // namespace attnscope
