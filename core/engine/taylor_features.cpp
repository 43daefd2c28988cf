// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/taylor_features.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/engine/performer_theory.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace attnscope {

namespace {

class TaylorFeatures final : public FeatureMap {
public:
    TaylorFeatures(Index dim, std::shared_ptr<const Tensor> projection, float scale)
        : m_dim(projection ? projection->rows() : dim), m_projection(std::move(projection)), m_scale(scale)
    {
    }

    Index features() const override { return taylorCount(m_dim); }
    bool logarithmic() const override { return false; }

    void compute(Side, MatrixView<const float> x, const FeatureRows& out) const override
    {
        const Tensor y = projectedRows(x, m_projection.get());
        const float root = std::sqrt(m_scale);
        for (Index i = 0; i < x.rows; ++i) {
            const auto row = y.matrix().rowSpan(i);
            const float size = std::max(1.0F, m_scale * dot(row, row)); // so that no feature exceeds 1
            const auto features = out.values.rowSpan(i);
            features[0] = 1.0F / size;
            std::transform(row.begin(), row.end(), features.begin() + 1, [f = root / size](float v) { return f * v; });
            float* to = features.data() + 1 + m_dim;
            for (Index a = 0; a < m_dim; ++a) {
                const float f = m_scale / size * row[static_cast<std::size_t>(a)];
                *to++ = f * row[static_cast<std::size_t>(a)] / std::numbers::sqrt2_v<float>;
                to = std::transform(row.begin() + a + 1, row.end(), to, [f](float v) { return f * v; });
            }
            out.logScale[static_cast<std::size_t>(i)] = std::log(size);
        }
    }

private:
    Index m_dim;
    std::shared_ptr<const Tensor> m_projection;
    float m_scale;
};

constexpr Index kGramRows = 512;

/// x xᵀ summed over rows, over their number; false when stopped.
bool addGram(MatrixView<const float> x, Eigen::MatrixXd& gram, const RunContext& context)
{
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    for (Index first = 0; first < x.rows; first += kGramRows) {
        if (context.cancelled())
            return false;
        const Index rows = std::min(kGramRows, x.rows - first);
        const Eigen::Map<const RowMajor, 0, Eigen::OuterStride<>> block(x.row(first), rows, x.cols, Eigen::OuterStride<>(x.stride));
        const Eigen::MatrixXd wide = block.cast<double>();
        gram.noalias() += wide.transpose() * wide / static_cast<double>(x.rows);
    }
    return true;
}

/// Eigenvectors of a symmetric [n, n] matrix by cyclic Jacobi rotations, as rows, those of the largest eigenvalues first.
std::vector<double> jacobiEigenvectors(std::vector<double> a, std::size_t n)
{
    std::vector<double> v(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i)
        v[i * n + i] = 1.0;
    for (int sweep = 0; sweep < 60; ++sweep)
        for (std::size_t p = 0; p < n; ++p)
            for (std::size_t q = p + 1; q < n; ++q) {
                if (a[p * n + q] == 0.0)
                    continue;
                const double theta = 0.5 * (a[q * n + q] - a[p * n + p]) / a[p * n + q];
                const double t = (theta >= 0.0 ? 1.0 : -1.0) / (std::abs(theta) + std::sqrt(theta * theta + 1.0));
                const double c = 1.0 / std::sqrt(t * t + 1.0);
                const double s = t * c;
                const auto rotate = [c, s](double& x, double& y) {
                    const double old = x;
                    x = c * old - s * y;
                    y = s * old + c * y;
                };
                for (std::size_t i = 0; i < n; ++i)
                    rotate(a[i * n + p], a[i * n + q]);
                for (std::size_t i = 0; i < n; ++i)
                    rotate(a[p * n + i], a[q * n + i]);
                for (std::size_t i = 0; i < n; ++i)
                    rotate(v[p * n + i], v[q * n + i]);
            }
    std::vector<std::size_t> order(n);
    for (std::size_t i = 0; i < n; ++i)
        order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return a[x * n + x] > a[y * n + y]; });
    std::vector<double> sorted;
    for (const std::size_t i : order)
        sorted.insert(sorted.end(), v.begin() + static_cast<std::ptrdiff_t>(i * n), v.begin() + static_cast<std::ptrdiff_t>((i + 1) * n));
    return sorted;
}

/// The rows of x in float64, projected by plain loops.
std::vector<double> definedRows(MatrixView<const float> x, const std::vector<double>& directions, Index count)
{
    std::vector<double> rows;
    for (Index i = 0; i < x.rows; ++i)
        for (Index r = 0; r < count; ++r) {
            double sum = directions.empty() ? static_cast<double>(x(i, r)) : 0.0;
            for (Index c = 0; c < x.cols && !directions.empty(); ++c)
                sum += directions[static_cast<std::size_t>(r * x.cols + c)] * x(i, c);
            rows.push_back(sum);
        }
    return rows;
}

std::vector<double> definedDirections(MatrixView<const float> q, MatrixView<const float> k)
{
    const auto n = static_cast<std::size_t>(q.cols);
    std::vector<double> gram(n * n, 0.0);
    for (const auto& x : {q, k})
        for (Index i = 0; i < x.rows; ++i)
            for (std::size_t a = 0; a < n; ++a)
                for (std::size_t b = 0; b < n; ++b)
                    gram[a * n + b] +=
                        static_cast<double>(x(i, static_cast<Index>(a))) * x(i, static_cast<Index>(b)) / static_cast<double>(x.rows);
    return jacobiEigenvectors(std::move(gram), n);
}

} // namespace

std::unique_ptr<const FeatureMap> makeTaylorFeatures(Index dim, std::shared_ptr<const Tensor> projection, float scale)
{
    return std::make_unique<TaylorFeatures>(dim, std::move(projection), scale);
}

std::shared_ptr<const Tensor> principalDirections(MatrixView<const float> q, MatrixView<const float> k, Index count,
                                                  const RunContext& context)
{
    Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(q.cols, q.cols);
    if (!addGram(q, gram, context) || !addGram(k, gram, context))
        return nullptr;
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(gram);
    auto made = std::make_shared<Tensor>(1, 1, count, q.cols);
    for (Index r = 0; r < count; ++r)
        for (Index c = 0; c < q.cols; ++c)
            made->matrix()(r, c) = static_cast<float>(solver.eigenvectors()(c, q.cols - 1 - r));
    return made;
}

Tensor projectedRows(MatrixView<const float> x, const Tensor* projection)
{
    Tensor y(1, 1, x.rows, projection ? projection->rows() : x.cols);
    if (projection)
        gemmNT(x, projection->matrix(), y.matrix());
    else
        for (Index i = 0; i < x.rows; ++i)
            std::copy_n(x.row(i), x.cols, y.matrix().row(i));
    return y;
}

DefinedTaylor definedTaylor(const Inputs& in, HeadRef head, Index asked)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const Index count = taylorDim(q.cols, asked);
    const auto directions = count < q.cols ? definedDirections(q, k) : std::vector<double>();
    const auto left = definedRows(q, directions, count);
    const auto right = definedRows(k, directions, count);
    DefinedTaylor made{DefinedMap(q.rows, k.rows), DefinedMap(q.rows, k.rows)};
    const double scale = in.effectiveScale();
    for (Index i = 0; i < q.rows; ++i)
        for (Index j = 0; j < k.rows; ++j)
            for (Index c = 0; c < count; ++c) {
                const double term = scale * left[static_cast<std::size_t>(i * count + c)] * right[static_cast<std::size_t>(j * count + c)];
                made.logits.at(i, j) += term;
                made.sizes.at(i, j) += std::abs(term);
            }
    return made;
}

TheoryCurve taylorRemainder(const Inputs& in, HeadRef head, const Tensor* projection, std::uint64_t seed)
{
    constexpr Index kPairs = 2048;
    constexpr std::size_t kPoints = 33;
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    std::vector<double> logits;
    Index within = 0;
    for (const auto& [i, j] : sampledPairs(in, kPairs, seed)) {
        const Tensor left = projectedRows(q.rowRange(i, 1), projection);
        const Tensor right = projectedRows(k.rowRange(j, 1), projection);
        logits.push_back(static_cast<double>(in.effectiveScale()) * dot(left.values(), right.values()));
        within += std::abs(logits.back()) <= 1.0 ? 1 : 0;
    }
    std::sort(logits.begin(), logits.end());
    TheoryCurve curve;
    curve.title = "Remainder of the Taylor polynomial";
    curve.source = "Taylor's theorem: |e^t - (1 + t + t²/2)| ≤ |t|³/6 max(1, e^t)";
    curve.quantity = "absolute error of exp(t)";
    curve.axis = "logit";
    curve.kind = TheoryKind::UpperBound;
    for (std::size_t p = 0; p < kPoints; ++p) {
        const double t = logits[p * (logits.size() - 1) / (kPoints - 1)];
        curve.x.push_back(t);
        curve.predicted.push_back(std::pow(std::abs(t), 3.0) / 6.0 * std::max(1.0, std::exp(t)));
        curve.measured.push_back(std::abs(std::exp(t) - taylorOf(t)));
    }
    curve.caption = std::to_string(100 * within / kPairs) +
                    " % of sampled logits lie within |t| ≤ 1, where the polynomial is good; it is never below 1/2 and grows again for "
                    "t < -1, so that keys opposed to the query gain weight." +
                    (projection ? " Dropped dimensions come on top." : "");
    return curve;
}

} // namespace attnscope
