// SPDX-License-Identifier: GPL-3.0-or-later
// Nystromformer has no bound: what its inverse leaves, and how the error of the map falls and rises with the iterations.
#include "core/engine/nystrom.h"
#include "core/scores/softmax_source.h"

#include <Eigen/Core>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr int kIterations = 30;
constexpr Index kQueries = 256;
constexpr Index kMeasuredKeys = 16384;

Eigen::Map<const RowMajor> view(const DoubleMatrix& m) { return {m.values.data(), m.rows, m.cols}; }

DoubleMatrix sampledRows(MatrixView<const float> x, Index count)
{
    DoubleMatrix rows(count, x.cols);
    for (Index i = 0; i < count; ++i)
        std::copy_n(x.row(segmentStart(x.rows, count, i)), x.cols, rows.row(i));
    return rows;
}

RowMajor orthonormal(const RowMajor& x)
{
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(x);
    return qr.householderQ() * Eigen::MatrixXd::Identity(x.rows(), std::min(x.rows(), x.cols()));
}

/// |A - F Z B|_F over sampled rows of A from small products, so that each Z costs O(m³).
class MapError {
public:
    MapError(const Inputs& in, HeadRef head, const NystromParts& parts)
    {
        const Index count = std::min(kQueries, in.q.rows());
        RowMajor a(count, in.k.rows());
        for (Index i = 0; i < count; ++i)
            softmaxRow(in, head, segmentStart(in.q.rows(), count, i), {a.data() + i * a.cols(), static_cast<std::size_t>(a.cols())});
        const double scale = in.effectiveScale();
        const DoubleMatrix f = smallSoftmax(sampledRows(in.qOf(head), count), parts.keys, scale);
        const DoubleMatrix b = smallSoftmax(parts.queries, sampledRows(in.kOf(head), in.k.rows()), scale);
        m_square = a.squaredNorm();
        m_cross = view(f).transpose() * (a * view(b).transpose());
        m_left = view(f).transpose() * view(f);
        m_right = view(b) * view(b).transpose();
        const RowMajor core = orthonormal(view(f)).transpose() * a * orthonormal(view(b).transpose());
        m_floor = std::sqrt(std::max(0.0, m_square - core.squaredNorm()) / m_square);
    }

    double relative(const DoubleMatrix& z) const
    {
        const double fit = (m_left * view(z) * m_right).cwiseProduct(view(z)).sum();
        return std::sqrt(std::max(0.0, m_square - 2.0 * m_cross.cwiseProduct(view(z)).sum() + fit) / m_square);
    }

    /// No Z at all comes below this.
    double floor() const { return m_floor; }

private:
    double m_square = 0.0;
    double m_floor = 0.0;
    RowMajor m_cross;
    RowMajor m_left;
    RowMajor m_right;
};

} // namespace

Result<std::vector<TheoryCurve>> nystromTheory(const Inputs& in, HeadRef head, const NystromOptions& options, const RunContext& context)
{
    const NystromParts parts = nystromParts(in, head, options);
    const double columnSum = nystromColumnSum(in, parts, options);
    TheoryCurve residual{.title = "What the iterated inverse leaves",
                         .source = "Xiong et al. 2021, lemma 1: from the singular values of A_s",
                         .quantity = "|A_s Z A_s - A_s| / |A_s|",
                         .axis = "iterations"};
    residual.caption =
        "No bound on the error of attention is known. The paper's lemma says that the iteration converges with third order; the "
        "prediction follows each singular value of A_s by itself.";
    TheoryCurve error{.title = "Error of the map against the iterations",
                      .source = "least error over all Z, by projection on the two outer factors",
                      .quantity = "relative Frobenius error of A",
                      .axis = "iterations",
                      .kind = TheoryKind::LowerBound};
    error.caption = "Few iterations regularise: the error usually falls, then rises again as Z nears the true pseudo-inverse of an almost "
                    "singular A_s. On up to 256 queries.";
    if (in.k.rows() > kMeasuredKeys)
        return Error{Errc::Unsupported, "The theory of Nystromformer needs exact rows, too many cells at this length.",
                     "Look at it for at most 16384 keys."};
    const MapError map(in, head, parts);
    DoubleMatrix z = firstPinv(parts.middle, columnSum);
    for (int i = 0; i <= kIterations && !context.cancelled(); ++i, z = nextPinv(parts.middle, z)) {
        residual.x.push_back(i);
        residual.predicted.push_back(spectralPinv(parts.middle, i, columnSum).residual);
        residual.measured.push_back(pinvResidual(parts.middle, z));
        error.x.push_back(i);
        error.predicted.push_back(map.floor());
        error.measured.push_back(map.relative(z));
    }
    if (context.cancelled())
        return cancelledError();
    return std::vector<TheoryCurve>{std::move(residual), std::move(error)};
}

} // namespace attnscope
