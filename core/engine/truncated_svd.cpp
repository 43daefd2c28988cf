// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/truncated_svd.h"

#include "core/base/parallel.h"
#include "core/base/random.h"
#include "core/compute/dense.h"
#include "core/engine/exact_products.h"
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
    const Index width = std::min({rank + kSketchExtra, n, m});
    Tensor onKeys = gaussianSketch(m, width, seed);
    Tensor onQueries;
    for (int pass = 0; pass <= kPowerIterations; ++pass) {
        const auto times = exactTimes(in, head, onKeys.matrix(), context);
        if (!times)
            return times.error();
        onQueries = orthonormalised(*times);
        auto back = transposedTimes(**map, onQueries.matrix(), context);
        if (!back)
            return back.error();
        context.report((pass + 1.0) / (kPowerIterations + 1.0));
        onKeys = pass < kPowerIterations ? orthonormalised(*back) : *std::move(back);
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
