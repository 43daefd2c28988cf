// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/landmark.h"

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/compute/dense.h"
#include "core/compute/few_keys.h"
#include "core/compute/streaming_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace attnscope {

namespace {

constexpr Index kBlockRows = 128;
constexpr Index kTokensPerCentre = 16;
constexpr int kLloydIterations = 10;

DoubleMatrix rowsAt(MatrixView<const float> x, std::span<const Index> places)
{
    DoubleMatrix rows(static_cast<Index>(places.size()), x.cols);
    for (Index r = 0; r < rows.rows; ++r)
        std::copy_n(x.row(places[static_cast<std::size_t>(r)]), x.cols, rows.row(r));
    return rows;
}

DoubleMatrix segmentMeans(MatrixView<const float> x, Index count)
{
    DoubleMatrix means(count, x.cols);
    for (Index r = 0; r < count; ++r) {
        const Index first = segmentStart(x.rows, count, r);
        const Index last = segmentStart(x.rows, count, r + 1);
        for (Index i = first; i < last; ++i)
            std::transform(means.row(r), means.row(r) + x.cols, x.row(i), means.row(r), std::plus<double>());
        std::transform(means.row(r), means.row(r) + x.cols, means.row(r), [=](double s) { return s / static_cast<double>(last - first); });
    }
    return means;
}

Index nearest(const DoubleMatrix& centres, const double* point)
{
    Index best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (Index r = 0; r < centres.rows; ++r) {
        double square = 0.0;
        for (Index c = 0; c < centres.cols; ++c)
            square += (centres(r, c) - point[c]) * (centres(r, c) - point[c]);
        if (square < least) {
            least = square;
            best = r;
        }
    }
    return best;
}

/// Centres without tokens stay where they are.
void moveCentres(const DoubleMatrix& points, DoubleMatrix& centres)
{
    DoubleMatrix sums(centres.rows, centres.cols);
    std::vector<double> counts(static_cast<std::size_t>(centres.rows), 0.0);
    for (Index i = 0; i < points.rows; ++i) {
        const Index r = nearest(centres, points.row(i));
        counts[static_cast<std::size_t>(r)] += 1.0;
        std::transform(sums.row(r), sums.row(r) + sums.cols, points.row(i), sums.row(r), std::plus<double>());
    }
    for (Index r = 0; r < centres.rows; ++r)
        if (const double count = counts[static_cast<std::size_t>(r)]; count > 0.0)
            std::transform(sums.row(r), sums.row(r) + sums.cols, centres.row(r), [count](double s) { return s / count; });
}

DoubleMatrix kMeans(MatrixView<const float> x, Index count, std::uint64_t seed)
{
    const Index sampled = std::min(x.rows, kTokensPerCentre * count);
    std::vector<Index> places(static_cast<std::size_t>(sampled));
    for (Index i = 0; i < sampled; ++i)
        places[static_cast<std::size_t>(i)] = segmentStart(x.rows, sampled, i);
    const DoubleMatrix points = rowsAt(x, places);
    DoubleMatrix centres = rowsAt(x, randomPlaces(x.rows, count, seed));
    for (int i = 0; i < kLloydIterations; ++i)
        moveCentres(points, centres);
    return centres;
}

} // namespace

LandmarkChoice landmarkChoiceOf(std::string_view name)
{
    return name == "strided"   ? LandmarkChoice::Strided
           : name == "random"  ? LandmarkChoice::Random
           : name == "k-means" ? LandmarkChoice::KMeans
                               : LandmarkChoice::SegmentMeans;
}

std::vector<Index> randomPlaces(Index rows, Index count, std::uint64_t seed)
{
    std::vector<Index> places(static_cast<std::size_t>(rows));
    std::iota(places.begin(), places.end(), Index{0});
    Random random(seed, 0x6C616E64);
    for (Index r = 0; r < count; ++r) { // the first steps of a Fisher-Yates shuffle
        const auto pick = static_cast<Index>(random.uniform() * static_cast<double>(rows - r));
        std::swap(places[static_cast<std::size_t>(r)], places[static_cast<std::size_t>(r + pick)]);
    }
    places.resize(static_cast<std::size_t>(count));
    return places;
}

DoubleMatrix landmarksOf(MatrixView<const float> x, LandmarkChoice choice, Index count, std::uint64_t seed)
{
    if (choice == LandmarkChoice::SegmentMeans)
        return segmentMeans(x, count);
    if (choice == LandmarkChoice::KMeans)
        return kMeans(x, count, seed);
    std::vector<Index> places = randomPlaces(x.rows, count, seed);
    std::sort(places.begin(), places.end());
    for (Index r = 0; r < count && choice == LandmarkChoice::Strided; ++r)
        places[static_cast<std::size_t>(r)] = segmentStart(x.rows, count, r);
    return rowsAt(x, places);
}

DoubleMatrix smallSoftmax(const DoubleMatrix& a, const DoubleMatrix& b, double scale)
{
    DoubleMatrix p(a.rows, b.rows);
    for (Index i = 0; i < a.rows; ++i) {
        double top = -std::numeric_limits<double>::infinity();
        for (Index j = 0; j < b.rows; ++j) {
            p(i, j) = scale * std::inner_product(a.row(i), a.row(i) + a.cols, b.row(j), 0.0);
            top = std::max(top, p(i, j));
        }
        std::transform(p.row(i), p.row(i) + p.cols, p.row(i), [top](double x) { return std::exp(x - top); });
        const double sum = std::accumulate(p.row(i), p.row(i) + p.cols, 0.0);
        std::transform(p.row(i), p.row(i) + p.cols, p.row(i), [sum](double x) { return x / sum; });
    }
    return p;
}

namespace {

constexpr Index kAttendRows = 512; // queries of a task

} // namespace

Result<Tensor> attendToFew(const Inputs& in, std::span<const Tensor> keys, std::span<const Tensor> values, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    std::vector<std::optional<FewKeys>> few(keys.size());
    for (std::size_t h = 0; h < keys.size(); ++h)
        if (keys[h].rows() <= kMostFewKeys)
            few[h].emplace(keys[h].matrix(), values[h].matrix());
    const Index blocks = (s.queries + kAttendRows - 1) / kAttendRows;
    const bool done = parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index at, Index) {
        const HeadRef head{at / blocks / s.heads, at / blocks % s.heads};
        const auto h = static_cast<std::size_t>(at / blocks);
        const Index begin = at % blocks * kAttendRows;
        const Index count = std::min(kAttendRows, s.queries - begin);
        if (few[h])
            return few[h]->attend(in.qOf(head).rowRange(begin, count), in.effectiveScale(), out.matrix(head).rowRange(begin, count));
        const StreamingTask task{in.qOf(head), keys[h].matrix(), values[h].matrix(), in.effectiveScale(),
                                 fullSupport(s.queries, keys[h].rows(), false)};
        for (Index i = begin; i < begin + count; i += kStreamQueries) {
            const Index rows = std::min(kStreamQueries, begin + count - i);
            streamQueries(task, i, rows, out.matrix(head).rowRange(i, rows), nullptr);
        }
    });
    if (!done)
        return cancelledError();
    return out;
}

Result<Tensor> softmaxOfFew(MatrixView<const float> q, MatrixView<const float> k, float scale, const RunContext& context)
{
    Tensor p(1, 1, q.rows, k.rows);
    if (!parallelGemmNT(q, k, p.matrix(), scale, context))
        return cancelledError();
    const bool done = parallelFor(q.rows, kBlockRows, context,
                                  [&](Index first, Index last) { softmaxRows(p.matrix().rowRange(first, last - first), p.cols()); });
    if (!done)
        return cancelledError();
    return p;
}

Tensor transposed(MatrixView<const float> x)
{
    Tensor t(1, 1, x.cols, x.rows);
    for (Index i = 0; i < x.rows; ++i)
        for (Index j = 0; j < x.cols; ++j)
            t.matrix()(j, i) = x(i, j);
    return t;
}

Result<Tensor> applyFactors(const Inputs& in, std::span<const LowRankFactors> factors, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const bool done = parallelFor(s.batch * s.heads, 1, context, [&](Index h, Index) {
        const HeadRef head{h / s.heads, h % s.heads};
        const LowRankFactors& f = factors[static_cast<std::size_t>(h)];
        Tensor inner(1, 1, f.right.cols(), s.valueDim);
        gemmTN(f.right.matrix(), in.vOf(head), inner.matrix());
        gemmNN(f.left.matrix(), inner.matrix(), out.matrix(head));
    });
    if (!done)
        return cancelledError();
    return out;
}

} // namespace attnscope
