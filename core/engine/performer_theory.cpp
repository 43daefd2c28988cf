// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/performer_theory.h"

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <sstream>
#include <utility>

namespace attnscope {

namespace {

constexpr Index kPairs = 64;
constexpr int kDraws = 24;
constexpr std::array<Index, 7> kColumns{16, 32, 64, 128, 256, 512, 1024};
constexpr double kLargest = 1e150; // what a curve still draws

/// One pair by its sum and difference, of x = sqrt(scale) q and y = sqrt(scale) k.
struct Pair {
    std::vector<double> sum;
    std::vector<double> gap;
    double sumSquare = 0.0;
    double gapSquare = 0.0;
};

std::vector<Pair> pairsOf(const Inputs& in, HeadRef head, std::uint64_t seed)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const double root = std::sqrt(static_cast<double>(in.effectiveScale()));
    std::vector<Pair> pairs;
    for (const auto& [i, j] : sampledPairs(in, kPairs, seed)) {
        Pair pair;
        for (Index c = 0; c < q.cols; ++c) {
            pair.sum.push_back(root * (static_cast<double>(q(i, c)) + k(j, c)));
            pair.gap.push_back(root * (static_cast<double>(q(i, c)) - k(j, c)));
            pair.sumSquare += pair.sum.back() * pair.sum.back();
            pair.gapSquare += pair.gap.back() * pair.gap.back();
        }
        pairs.push_back(std::move(pair));
    }
    return pairs;
}

/// The estimate from one frequency over exp(x . y).
double ratioOf(const FeatureDraw& draw, const Pair& pair, std::span<const float> w)
{
    const auto& along = draw.map == RandomMap::Trig ? pair.gap : pair.sum;
    double product = 0.0;
    double square = 0.0;
    for (std::size_t c = 0; c < along.size(); ++c) {
        product += along[c] * w[c];
        square += static_cast<double>(w[c]) * w[c];
    }
    switch (draw.map) {
    case RandomMap::Hyperbolic:
        return 0.5 * (std::exp(product - 0.5 * pair.sumSquare) + std::exp(-product - 0.5 * pair.sumSquare));
    case RandomMap::Trig:
        return std::cos(product) * std::exp(0.5 * pair.gapSquare);
    case RandomMap::Oprf:
        return std::exp(0.5 * static_cast<double>(along.size()) * std::log(1.0 - 4.0 * draw.a) + 2.0 * draw.a * square +
                        std::sqrt(1.0 - 4.0 * draw.a) * product - 0.5 * pair.sumSquare);
    default:
        return std::exp(product - 0.5 * pair.sumSquare);
    }
}

double median(std::vector<double> values)
{
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return std::min(*middle, kLargest);
}

Index frequenciesAt(RandomMap map, std::size_t x) { return kColumns[x] / columnsPerFrequency(map); }

/// Median over the pairs of the root mean square over the draws, at each of kColumns; empty when stopped.
std::vector<double> measuredErrors(const std::vector<Pair>& pairs, const FeatureDraw& draw, Index dim, const RunContext& context)
{
    std::vector<std::array<double, kColumns.size()>> squares(pairs.size() * kDraws);
    const bool done = parallelFor(kDraws, 1, context, [&](Index d, Index) {
        const Tensor w = drawProjection(draw.projection, frequenciesAt(draw.map, kColumns.size() - 1), dim,
                                        Random(draw.seed, 0xF00DU + static_cast<std::uint64_t>(d)).next());
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            double sum = 0.0;
            std::size_t x = 0;
            for (Index r = 0; r < w.rows(); ++r) {
                sum += ratioOf(draw, pairs[p], w.matrix().rowSpan(r));
                if (r + 1 == frequenciesAt(draw.map, x))
                    squares[static_cast<std::size_t>(d) * pairs.size() + p][x++] = std::pow(sum / static_cast<double>(r + 1) - 1.0, 2);
            }
        }
    });
    std::vector<double> errors;
    for (std::size_t x = 0; done && x < kColumns.size(); ++x) {
        std::vector<double> ofPairs;
        for (std::size_t p = 0; p < pairs.size(); ++p) {
            double total = 0.0;
            for (std::size_t d = 0; d < kDraws; ++d)
                total += squares[d * pairs.size() + p][x];
            ofPairs.push_back(std::sqrt(total / kDraws));
        }
        errors.push_back(median(std::move(ofPairs)));
    }
    return errors;
}

/// Theorem 2 for `count` rows in orthogonal blocks of dim, of which the last may be cut: relative to exp(x . y)².
double orthogonalBound(const Pair& pair, Index dim, Index count)
{
    const double gain = 1.0 - std::exp(-0.5 * pair.sumSquare);
    double total = 0.0;
    for (Index first = 0; first < count; first += dim) {
        const auto m = static_cast<double>(std::min(dim, count - first));
        const double block = std::expm1(pair.sumSquare) / m - 2.0 * (m - 1.0) / (m * static_cast<double>(dim + 2)) * gain * gain;
        total += m * m * block;
    }
    return total / (static_cast<double>(count) * static_cast<double>(count));
}

template <class F>
std::vector<double> medianRoots(const std::vector<Pair>& pairs, RandomMap map, F variance)
{
    std::vector<double> values;
    for (std::size_t x = 0; x < kColumns.size(); ++x) {
        std::vector<double> roots;
        for (const Pair& pair : pairs)
            roots.push_back(std::sqrt(std::max(0.0, variance(pair, frequenciesAt(map, x)))));
        values.push_back(median(std::move(roots)));
    }
    return values;
}

std::string brief(double x)
{
    std::ostringstream out;
    out.precision(3);
    out << x;
    return out.str();
}

/// How many columns make the relative standard deviation 100 % at a pair whose |x + y|² is the mean over all pairs.
TheoryCurve featuresNeeded(const Inputs& in, HeadRef head, const std::vector<Pair>& pairs)
{
    const Index dim = in.q.cols();
    const double length = meanPairLength(in.qOf(head), in.kOf(head), static_cast<double>(in.effectiveScale()));
    const double a = oprfCoefficient(length, dim);
    const double positive = relativeVariance(RandomMap::Positive, length, 0.0, 0.0, dim, 1);
    const double best = relativeVariance(RandomMap::Oprf, length, 0.0, a, dim, 1);
    TheoryCurve curve;
    curve.title = "Features for a relative standard deviation of 100 %";
    curve.source = "Choromanski et al. 2021, lemma 2; Likhosherstov et al. 2022";
    curve.quantity = "features";
    curve.axis = "features";
    curve.kind = TheoryKind::Guidance;
    const auto trigIsBetter = std::count_if(pairs.begin(), pairs.end(), [dim](const Pair& pair) {
        const auto variance = [&](RandomMap map) { return relativeVariance(map, pair.sumSquare, pair.gapSquare, 0.0, dim, 1); };
        return variance(RandomMap::Trig) < variance(RandomMap::Positive);
    });
    curve.caption = "The mean of |q + k|² times the logit scale is " + brief(length) + " here; at such a pair the positive map needs " +
                    brief(positive) +
                    " features for an estimate of exp(q·k) with a relative standard deviation of 100 %, FAVOR++ with A = " + brief(a) +
                    " needs " + brief(best) +
                    ". With equally many frequencies the trigonometric map varies less than the positive one at " +
                    brief(100.0 * static_cast<double>(trigIsBetter) / static_cast<double>(pairs.size())) +
                    " % of sampled pairs, those with the larger q·k.";
    return curve;
}

TheoryCurve lemma(const std::vector<Pair>& pairs, const FeatureDraw& draw, Index dim, std::vector<double> measured)
{
    TheoryCurve curve;
    curve.title = "Relative RMS error of exp(q·k)";
    curve.source = draw.map == RandomMap::Oprf ? "Likhosherstov et al. 2022 (FAVOR++), arXiv:2205.15317"
                                               : "Choromanski et al. 2021, arXiv:2009.14794, lemma 2";
    curve.quantity = "relative error of exp(q·k), median over pairs";
    curve.axis = "features";
    curve.kind = TheoryKind::Prediction;
    curve.x.assign(kColumns.begin(), kColumns.end());
    curve.predicted = medianRoots(pairs, draw.map, [&](const Pair& pair, Index count) {
        return relativeVariance(draw.map, pair.sumSquare, pair.gapSquare, draw.a, dim, count);
    });
    curve.measured = std::move(measured);
    curve.caption = "Holds for independent frequencies, of the kernel before rows are normalised. The distribution has a heavy tail: where "
                    "|q + k|² is well above 2 ln m, rare features carry the mean square, and a few draws measure far less than it.";
    return curve;
}

TheoryCurve theoremTwo(const std::vector<Pair>& pairs, const FeatureDraw& draw, Index dim, std::vector<double> measured)
{
    TheoryCurve curve;
    curve.title = "Relative RMS error with orthogonal frequencies, at most";
    curve.source = "Choromanski et al. 2021, arXiv:2009.14794, theorem 2";
    curve.quantity = "relative error of exp(q·k), median over pairs";
    curve.axis = "features";
    curve.kind = TheoryKind::UpperBound;
    curve.x.assign(kColumns.begin(), kColumns.end());
    curve.predicted = medianRoots(pairs, draw.map, [dim](const Pair& pair, Index count) { return orthogonalBound(pair, dim, count); });
    curve.measured = std::move(measured);
    curve.caption =
        "The theorem is about at most d orthogonal features; blocks beyond that are independent, and their bounds are averaged.";
    return curve;
}

} // namespace

double relativeVariance(RandomMap map, double sumSquare, double gapSquare, double a, Index dim, Index count)
{
    const auto m = static_cast<double>(count);
    const auto d = static_cast<double>(dim);
    switch (map) {
    case RandomMap::Hyperbolic:
        return -0.5 * std::expm1(-sumSquare) * std::expm1(sumSquare) / m;
    case RandomMap::Trig: // |x + y|² - 4 x·y = |x - y|²
        return std::exp(gapSquare) * std::pow(std::expm1(-gapSquare), 2) / (2.0 * m);
    case RandomMap::Oprf:
        return std::expm1(d * std::log(1.0 - 4.0 * a) - 0.5 * d * std::log(1.0 - 8.0 * a) +
                          sumSquare * (2.0 * (1.0 - 4.0 * a) / (1.0 - 8.0 * a) - 1.0)) /
               m;
    default:
        return std::expm1(sumSquare) / m;
    }
}

std::vector<std::pair<Index, Index>> sampledPairs(const Inputs& in, Index count, std::uint64_t seed)
{
    Random random(seed, 0x5A1FU);
    const auto below = [&random](Index n) { return std::min(n - 1, static_cast<Index>(random.uniform() * static_cast<double>(n))); };
    std::vector<std::pair<Index, Index>> pairs;
    for (Index p = 0; p < count; ++p) {
        const Index i = below(in.q.rows());
        pairs.emplace_back(i, below(visibleKeys(in, i)));
    }
    return pairs;
}

Result<std::vector<TheoryCurve>> randomFeatureTheory(const Inputs& in, HeadRef head, const FeatureDraw& draw, const RunContext& context)
{
    const Index dim = in.q.cols();
    const auto pairs = pairsOf(in, head, draw.seed);
    auto measured = measuredErrors(pairs, draw, dim, context);
    if (measured.empty())
        return cancelledError();
    std::vector<TheoryCurve> curves{lemma(pairs, draw, dim, measured)};
    if (draw.map == RandomMap::Positive && draw.projection == Projection::Orthogonal)
        curves.push_back(theoremTwo(pairs, draw, dim, std::move(measured)));
    curves.push_back(featuresNeeded(in, head, pairs));
    return curves;
}

} // namespace attnscope
