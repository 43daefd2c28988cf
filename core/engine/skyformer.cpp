// SPDX-License-Identifier: GPL-3.0-or-later
// Skyformer: the Nystrom method for the Gaussian kernel of the stacked rows [Q; K].
#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/compute/dense.h"
#include "core/engine/gaussian_kernel.h"
#include "core/engine/iterative_pinv.h"
#include "core/engine/landmark.h"
#include "core/scores/softmax_source.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>

namespace attnscope {

namespace {

constexpr double kRidge = 0.1; // the official code's
constexpr Index kShownQueries = 64;
constexpr Index kBlockRows = 256;

/// Row `place` of [Q; K].
const float* stackedRow(const Inputs& in, HeadRef head, Index place)
{
    const auto q = in.qOf(head);
    return place < q.rows ? q.row(place) : in.kOf(head).row(place - q.rows);
}

DoubleMatrix rowsOf(MatrixView<const float> x)
{
    DoubleMatrix rows(x.rows, x.cols);
    for (Index i = 0; i < x.rows; ++i)
        std::copy_n(x.row(i), x.cols, rows.row(i));
    return rows;
}

/// Σ_r kernel(x, S_r); false when stopped.
bool sumKernels(MatrixView<const float> x, const SkyformerParts& parts, float scale, Tensor& out, const RunContext& context)
{
    std::vector<Tensor> sampled;
    for (const DoubleMatrix& rows : parts.sampled)
        sampled.push_back(rounded(rows));
    out = Tensor(1, 1, x.rows, parts.middle.rows);
    return parallelFor(x.rows, kBlockRows, context, [&](Index first, Index last) {
        Tensor cells(1, 1, last - first, out.cols());
        for (std::size_t r = 0; r < sampled.size(); ++r) {
            gaussianBlock(x.rowRange(first, last - first), sampled[r].matrix(), scale, cells.matrix());
            for (Index i = first; i < last; ++i) {
                if (r == 0)
                    std::copy_n(cells.matrix().row(i - first), out.cols(), out.matrix().row(i));
                else
                    addScaledRow(out.matrix().rowSpan(i), 1.0F, cells.matrix().rowSpan(i - first));
            }
        }
    });
}

std::string percent(double ratio)
{
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g", 100.0 * ratio);
    return std::string(text.data()) + " %";
}

} // namespace

std::vector<Index> skyformerSample(const SkyformerOptions& options, Index queries, Index keys)
{
    const Index total = options.features * options.accumulation;
    std::vector<Index> sample;
    Random random(options.seed, 0x736B79);
    for (Index i = 0; i < total; ++i) {
        const bool isQuery = i < total / 2;
        const auto place = static_cast<Index>(random.uniform() * static_cast<double>(isQuery ? queries : keys));
        sample.push_back(isQuery ? place : queries + place);
    }
    return sample;
}

SkyformerParts skyformerParts(const Inputs& in, HeadRef head, std::span<const Index> sample, const SkyformerOptions& options)
{
    SkyformerParts parts;
    for (Index r = 0; r < options.accumulation; ++r) {
        DoubleMatrix rows(options.features, in.q.cols());
        for (Index f = 0; f < options.features; ++f)
            std::copy_n(stackedRow(in, head, sample[static_cast<std::size_t>(r * options.features + f)]), rows.cols, rows.row(f));
        parts.sampled.push_back(std::move(rows));
    }
    parts.middle = DoubleMatrix(options.features, options.features);
    for (const DoubleMatrix& x : parts.sampled)
        for (const DoubleMatrix& y : parts.sampled) {
            const DoubleMatrix cells = gaussianCells(x, y, in.effectiveScale());
            std::transform(cells.values.begin(), cells.values.end(), parts.middle.values.begin(), parts.middle.values.begin(),
                           std::plus<double>());
        }
    for (Index f = 0; f < options.features; ++f) {
        parts.middle(f, f) += kRidge;
        parts.rootDegree.push_back(1.0 / std::sqrt(std::accumulate(parts.middle.row(f), parts.middle.row(f) + options.features, 0.0)));
    }
    for (Index a = 0; a < options.features; ++a)
        for (Index b = 0; b < options.features; ++b)
            parts.middle(a, b) *= parts.rootDegree[static_cast<std::size_t>(a)] * parts.rootDegree[static_cast<std::size_t>(b)];
    return parts;
}

double skyformerColumnSum(const Inputs& in, const SkyformerParts& parts, std::span<const Index> sample, const SkyformerOptions& options)
{
    double most = largestColumnSum(parts.middle);
    for (Index h = 0; h < in.q.batch() * in.q.heads() && options.sharedColumnSum; ++h)
        most = std::max(most, largestColumnSum(skyformerParts(in, {h / in.q.heads(), h % in.q.heads()}, sample, options).middle));
    return most;
}

Result<LowRankFactors> skyformerFactors(const Inputs& in, HeadRef head, std::span<const Index> sample, const SkyformerOptions& options,
                                        const RunContext& context)
{
    const SkyformerParts parts = skyformerParts(in, head, sample, options);
    DoubleMatrix inverse = iteratedPinv(parts.middle, options.iterations, skyformerColumnSum(in, parts, sample, options));
    for (Index a = 0; a < inverse.rows; ++a)
        for (Index b = 0; b < inverse.cols; ++b)
            inverse(a, b) *= parts.rootDegree[static_cast<std::size_t>(a)] * parts.rootDegree[static_cast<std::size_t>(b)];
    Tensor queries;
    LowRankFactors factors{Tensor(1, 1, in.q.rows(), options.features), {}, in.k.rows()};
    if (!sumKernels(in.qOf(head), parts, in.effectiveScale(), queries, context) ||
        !sumKernels(in.kOf(head), parts, in.effectiveScale(), factors.right, context))
        return cancelledError();
    gemmNN(queries.matrix(), rounded(inverse).matrix(), factors.left.matrix());
    return factors;
}

Result<std::vector<TheoryCurve>> skyformerTheory(const Inputs& in, HeadRef head, std::span<const Index> sample,
                                                 const SkyformerOptions& options, const RunContext& context)
{
    const auto factors = skyformerFactors(in, head, sample, options, context);
    if (!factors)
        return factors.error();
    const DoubleMatrix keys = rowsOf(in.kOf(head));
    std::vector<double> softmax(static_cast<std::size_t>(keys.rows));
    std::array<double, 4> squares{}; // of the differences from C and from softmax, of C, of softmax
    const Index shown = std::min(kShownQueries, in.q.rows());
    for (Index s = 0; s < shown && !context.cancelled(); ++s) {
        const Index i = segmentStart(in.q.rows(), shown, s);
        Tensor row(1, 1, 1, keys.rows);
        gemmNT(factors->left.matrix().rowRange(i, 1), factors->right.matrix(), row.matrix());
        const DoubleMatrix kernel = gaussianCells(rowsOf(in.qOf(head).rowRange(i, 1)), keys, in.effectiveScale());
        softmaxRow(in, head, i, softmax);
        for (Index j = 0; j < keys.rows; ++j) {
            const double mine = row.matrix()(0, j);
            const double exact = softmax[static_cast<std::size_t>(j)];
            squares[0] += (mine - kernel(0, j)) * (mine - kernel(0, j));
            squares[1] += (mine - exact) * (mine - exact);
            squares[2] += kernel(0, j) * kernel(0, j);
            squares[3] += exact * exact;
        }
    }
    if (context.cancelled())
        return cancelledError();
    TheoryCurve sentence{.title = "Against what it approximates", .source = "Chen et al. 2021", .kind = TheoryKind::Guidance};
    sentence.caption =
        "Its theory bounds the spectral norm of the difference from the Gaussian kernel map C, not from softmax, and only for "
        "enough sampled rows; no bound is drawn here. On up to 64 queries it differs from C by " +
        percent(std::sqrt(squares[0] / squares[2])) + " and from softmax by " + percent(std::sqrt(squares[1] / squares[3])) +
        " in Frobenius norm.";
    return std::vector<TheoryCurve>{std::move(sentence)};
}

} // namespace attnscope
