// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/graph_filter_fit.h"

#include "core/base/parallel.h"
#include "core/engine/sequence_softmax.h"
#include "core/engine/support_softmax.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <algorithm>

namespace attnscope {

namespace {

constexpr double kLeastEigenvalue = 1e-10; // of the largest
constexpr Index kBlock = 256;

using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Rows = Eigen::Map<const RowMajor>;

TensorView<const float> oneHead(MatrixView<const float> m) { return {m.data, {1, 1, m.rows, m.cols}, {0, 0, m.stride}}; }

/// A rho_k [N, D]: exact attention whose values are the softmaxed keys.
Result<Tensor> attendSoftmaxedKeys(const Inputs& in, HeadRef head, const std::vector<double>& keys, const RunContext& context)
{
    Tensor values(1, 1, in.k.rows(), in.k.cols());
    std::transform(keys.begin(), keys.end(), values.data(), [](double x) { return static_cast<float>(x); });
    const Inputs one{oneHead(in.qOf(head)), oneHead(in.kOf(head)), std::as_const(values).view(), false, in.effectiveScale(), nullptr};
    return runSupportSoftmax(one, fullSupport(in.q.rows(), in.k.rows(), false), context);
}

/// What one block of queries adds to the normal equations.
struct Part {
    RowMajor gram;
    Eigen::VectorXd rhs;
};

Part partOf(const Rows& u, const RowMajor& overlap, const FilterPolynomials& polynomials, const FilterEntries& entries, Index first,
            MatrixView<const float> attended)
{
    const Index count = polynomials.order + 1;
    std::vector<RowMajor> filtered(static_cast<std::size_t>(count), RowMajor(u.rows(), u.cols()));
    std::vector<double> basis(static_cast<std::size_t>(count));
    for (Index i = 0; i < u.rows(); ++i)
        for (Index f = 0; f < u.cols(); ++f) {
            polynomials.evaluate(entries.at(first + i, f), basis);
            for (std::size_t k = 0; k < basis.size(); ++k)
                filtered[k](i, f) = u(i, f) * basis[k];
        }
    RowMajor target(u.rows(), u.cols());
    for (Index i = 0; i < u.rows(); ++i)
        std::copy_n(attended.row(i), u.cols(), target.row(i).data());
    Part part{RowMajor(count, count), Eigen::VectorXd(count)};
    for (Index k = 0; k < count; ++k) {
        const RowMajor met = filtered[static_cast<std::size_t>(k)] * overlap;
        for (Index l = 0; l < count; ++l)
            part.gram(k, l) = met.cwiseProduct(filtered[static_cast<std::size_t>(l)]).sum();
        part.rhs(k) = target.cwiseProduct(filtered[static_cast<std::size_t>(k)]).sum();
    }
    return part;
}

} // namespace

std::vector<double> solveNormalEquations(const std::vector<double>& gram, const std::vector<double>& rhs)
{
    const auto count = static_cast<Index>(rhs.size());
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(Eigen::MatrixXd(Rows(gram.data(), count, count)));
    const Eigen::Map<const Eigen::VectorXd> b(rhs.data(), count);
    std::vector<double> theta(rhs.size(), 0.0);
    Eigen::Map<Eigen::VectorXd> x(theta.data(), count);
    for (Index k = 0; k < count; ++k) {
        const double value = solver.eigenvalues()(k);
        if (value > kLeastEigenvalue * solver.eigenvalues()(count - 1))
            x += solver.eigenvectors().col(k) * (solver.eigenvectors().col(k).dot(b) / value);
    }
    return theta;
}

Result<std::vector<double>> fitCoefficients(const Inputs& in, HeadRef head, const FilterPolynomials& polynomials,
                                            const FilterEntries& entries, const RunContext& context)
{
    const Index n = in.q.rows();
    const Index dim = in.q.cols();
    const auto rho = definedSoftmaxes(in, head, 1.0);
    const auto attended = attendSoftmaxedKeys(in, head, rho.keys, context);
    if (!attended)
        return attended.error();
    const Rows keys(rho.keys.data(), in.k.rows(), dim);
    const RowMajor overlap = keys.transpose() * keys;
    std::vector<Part> parts(static_cast<std::size_t>((n + kBlock - 1) / kBlock));
    const bool done = parallelFor(n, kBlock, context, [&](Index first, Index last) {
        const Rows u(rho.queries.data() + first * dim, last - first, dim);
        parts[static_cast<std::size_t>(first / kBlock)] =
            partOf(u, overlap, polynomials, entries, first, attended->matrix().rowRange(first, last - first));
    });
    if (!done)
        return cancelledError();
    const auto count = static_cast<std::size_t>(polynomials.order + 1);
    std::vector<double> gram(count * count, 0.0);
    std::vector<double> rhs(count, 0.0);
    for (const Part& part : parts) {
        std::transform(gram.begin(), gram.end(), part.gram.data(), gram.begin(), std::plus<>());
        std::transform(rhs.begin(), rhs.end(), part.rhs.data(), rhs.begin(), std::plus<>());
    }
    return solveNormalEquations(gram, rhs);
}

} // namespace attnscope
