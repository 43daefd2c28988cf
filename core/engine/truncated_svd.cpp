// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/truncated_svd.h"

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/compute/dense.h"
#include "core/engine/support_softmax.h"
#include "core/scores/softmax_source.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <Eigen/Householder>
#include <Eigen/QR>

#include <algorithm>
#include <memory>
#include <vector>

namespace attnscope {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Tensor toTensor(const RowMajor& m)
{
    Tensor t(1, 1, m.rows(), m.cols());
    std::transform(m.data(), m.data() + m.size(), t.data(), [](double x) { return static_cast<float>(x); });
    return t;
}

RowMajor toDouble(MatrixView<const float> m)
{
    RowMajor d(m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i)
        std::copy_n(m.row(i), m.cols, d.data() + i * m.cols);
    return d;
}

/// The leading `rank` eigenvectors of a symmetric matrix, largest first.
RowMajor leadingEigenvectors(const RowMajor& gram, Index rank)
{
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    return solver.eigenvectors().rightCols(rank).rowwise().reverse();
}

Result<LowRankFactors> denseFactors(const Inputs& in, HeadRef head, Index rank, const RunContext& context)
{
    const Index n = in.q.rows();
    const Index m = in.k.rows();
    RowMajor a(n, m);
    const bool done = parallelFor(n, 8, context, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i)
            softmaxRow(in, head, i, {a.data() + i * m, static_cast<std::size_t>(m)});
    });
    if (!done)
        return cancelledError();
    // A Vr Vrᵀ or Ur Urᵀ A: errors of the eigenvectors enter only through the space they span.
    if (n <= m) {
        const RowMajor u = leadingEigenvectors(a * a.transpose(), rank);
        return LowRankFactors{toTensor(u), toTensor(a.transpose() * u), m};
    }
    const RowMajor v = leadingEigenvectors(a.transpose() * a, rank);
    return LowRankFactors{toTensor(a * v), toTensor(v), m};
}

/// Products of the exact map and its transpose with thin blocks, streaming.
class MapProduct {
public:
    MapProduct(const Inputs& in, HeadRef head, std::shared_ptr<const ScoreSource> map, const RunContext& context)
        : m_inputs(in), m_head(head), m_map(std::move(map)), m_context(context)
    {
    }

    /// A X, by attention with X for values; false when stopped.
    bool times(const Tensor& x, Tensor& y) const
    {
        const StreamingTask task{m_inputs.qOf(m_head), m_inputs.kOf(m_head), x.matrix(), m_inputs.effectiveScale(),
                                 fullSupport(m_map->rows(), m_map->cols(), m_inputs.causal, m_inputs.window)};
        return parallelFor(y.rows(), kStreamQueries, m_context, [&](Index first, Index last) {
            streamQueries(task, first, last - first, y.matrix().rowRange(first, last - first), nullptr);
        });
    }

    /// Aᵀ Y, a strip of keys at a time, so that sums don't depend on the number of threads.
    bool transposedTimes(const Tensor& y, Tensor& z) const
    {
        constexpr Index kKeys = 256;
        constexpr Index kQueries = 256;
        return parallelFor(z.rows(), kKeys, m_context, [&](Index first, Index last) {
            std::vector<float> tile(static_cast<std::size_t>(kQueries * (last - first)));
            const MatrixView<float> strip = z.matrix().rowRange(first, last - first);
            for (Index i = 0; i < strip.rows; ++i)
                std::fill_n(strip.row(i), strip.cols, 0.0F);
            for (Index row = 0; row < y.rows() && !m_context.cancelled(); row += kQueries) {
                const Index rows = std::min(kQueries, y.rows() - row);
                const MatrixView<float> cells{tile.data(), rows, last - first, last - first};
                if (m_map->isZero(row, first, rows, last - first) ||
                    !m_map->read({row, first, rows, last - first, 0}, Pool::Mean, cells, m_context))
                    continue; // a failed read means that the run was stopped, which parallelFor reports
                gemmTN(cells, y.matrix().rowRange(row, rows), strip, 1.0F, Into::Add);
            }
        });
    }

private:
    const Inputs& m_inputs;
    HeadRef m_head;
    std::shared_ptr<const ScoreSource> m_map;
    const RunContext& m_context;
};

/// The columns of x made orthonormal.
Tensor orthonormalised(const Tensor& x)
{
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(toDouble(x.matrix()));
    return toTensor(qr.householderQ() * Eigen::MatrixXd::Identity(x.rows(), x.cols()));
}

Tensor gaussianSketch(Index rows, Index cols, std::uint64_t seed)
{
    Tensor sketch(1, 1, rows, cols);
    Random random(seed);
    std::generate(sketch.values().begin(), sketch.values().end(), [&] { return static_cast<float>(random.normal()); });
    return sketch;
}

Result<LowRankFactors> randomisedFactors(const Inputs& in, HeadRef head, Index rank, std::uint64_t seed, const RunContext& context)
{
    const Index n = in.q.rows();
    const Index m = in.k.rows();
    auto map = makeSupportSource(in, head, fullSupport(n, m, in.causal, in.window), Provenance::Exact, context);
    if (!map)
        return map.error();
    const MapProduct product(in, head, *map, context);
    const Index width = std::min({rank + kSketchExtra, n, m});
    Tensor onKeys = gaussianSketch(m, width, seed);
    Tensor onQueries(1, 1, n, width);
    for (int pass = 0; pass <= kPowerIterations; ++pass) {
        if (!product.times(onKeys, onQueries))
            return cancelledError();
        onQueries = orthonormalised(onQueries);
        if (!product.transposedTimes(onQueries, onKeys))
            return cancelledError();
        context.report((pass + 1.0) / (kPowerIterations + 1.0));
        if (pass < kPowerIterations)
            onKeys = orthonormalised(onKeys);
    }
    // A is now nearly Q (Aᵀ Q)ᵀ; the small Gram matrix sorts out its leading directions.
    const RowMajor b = toDouble(onKeys.matrix());
    const RowMajor turn = leadingEigenvectors(b.transpose() * b, rank);
    return LowRankFactors{toTensor(toDouble(onQueries.matrix()) * turn), toTensor(b * turn), m};
}

} // namespace

Result<LowRankFactors> truncatedSoftmax(const Inputs& inputs, HeadRef head, Index rank, std::uint64_t seed, const RunContext& context)
{
    const Index most = std::min({rank, inputs.q.rows(), inputs.k.rows()});
    return usesDenseSvd(inputs.q.rows(), inputs.k.rows()) ? denseFactors(inputs, head, most, context)
                                                          : randomisedFactors(inputs, head, most, seed, context);
}

} // namespace attnscope
