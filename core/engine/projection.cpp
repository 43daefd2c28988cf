// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/projection.h"

#include "core/base/parallel.h"
#include "core/base/random.h"

#include <Eigen/Core>
#include <Eigen/Householder>
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <mutex>
#include <tuple>

namespace attnscope {

namespace {

enum Stream : std::uint64_t { kDirections, kLengths, kSequence };

constexpr std::size_t kKept = 8;
constexpr Index kLargestKept = Index{1} << 22; // floats: 16 MiB

using Key = std::tuple<int, Index, Index, std::uint64_t>; // what is drawn, rows, columns, seed

/// The tensor drawn before for this key, or drawn now; null where drawing gives an empty one.
std::shared_ptr<const Tensor> remembered(const Key& key, const std::function<Tensor()>& draw)
{
    static std::mutex mutex;
    static std::deque<std::pair<Key, std::shared_ptr<const Tensor>>> kept;
    {
        const std::lock_guard lock(mutex);
        for (const auto& [known, tensor] : kept)
            if (known == key)
                return tensor;
    }
    std::shared_ptr<const Tensor> made = std::make_shared<const Tensor>(draw());
    if (made->empty())
        return nullptr;
    const std::lock_guard lock(mutex);
    if (made->size() <= kLargestKept)
        kept.emplace_front(key, made);
    if (kept.size() > kKept)
        kept.pop_back();
    return made;
}

/// An orthogonal [dim, dim] matrix from the QR decomposition of a Gaussian one. Householder reflections choose the sign of
/// R's diagonal by the pivot, so Q is Haar only after those signs are taken out.
Eigen::MatrixXd orthogonalBlock(Index dim, bool fixSigns, Random& random)
{
    Eigen::MatrixXd gaussian(dim, dim);
    for (Index i = 0; i < dim; ++i)
        for (Index j = 0; j < dim; ++j)
            gaussian(i, j) = random.normal();
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(gaussian);
    Eigen::MatrixXd q = qr.householderQ();
    if (fixSigns)
        for (Index j = 0; j < dim; ++j)
            if (qr.matrixQR()(j, j) < 0.0)
                q.col(j) = -q.col(j);
    return q;
}

Index powerOfTwoFrom(Index dim)
{
    Index side = 1;
    while (side < dim)
        side *= 2;
    return side;
}

/// D3 H D2 H D1 H, of which the columns are the rows of H D1 H D2 H D3; H orthonormal, D diagonal with random signs.
Eigen::MatrixXd hadamardBlock(Index side, Random& random)
{
    Eigen::MatrixXd block = Eigen::MatrixXd::Identity(side, side);
    for (int factor = 0; factor < 3; ++factor) {
        for (Index half = 1; half < side; half *= 2)
            for (Index at = 0; at < side; at += 2 * half)
                for (Index i = at; i < at + half; ++i) {
                    const Eigen::RowVectorXd sum = block.row(i) + block.row(i + half);
                    block.row(i + half) = (block.row(i) - block.row(i + half)).eval();
                    block.row(i) = sum;
                }
        for (Index i = 0; i < side; ++i)
            block.row(i) *= (random.uniform() < 0.5 ? -1.0 : 1.0) / std::sqrt(static_cast<double>(side));
    }
    return block;
}

double chiLength(Index dim, Random& random)
{
    double square = 0.0;
    for (Index c = 0; c < dim; ++c) {
        const double x = random.normal();
        square += x * x;
    }
    return std::sqrt(square);
}

} // namespace

Projection projectionOf(std::string_view name)
{
    if (name == "iid")
        return Projection::Iid;
    if (name == "orthogonal-regularized")
        return Projection::OrthogonalRegularized;
    if (name == "hadamard")
        return Projection::Hadamard;
    return name == "orthogonal-as-published" ? Projection::OrthogonalAsPublished : Projection::Orthogonal;
}

Tensor drawProjection(Projection kind, Index count, Index dim, std::uint64_t seed)
{
    Tensor drawn(1, 1, count, dim);
    const auto w = drawn.matrix();
    Random directions(seed, kDirections);
    if (kind == Projection::Iid) {
        std::generate(drawn.values().begin(), drawn.values().end(), [&] { return static_cast<float>(directions.normal()); });
        return drawn;
    }
    Random lengths(seed, kLengths);
    const Index side = kind == Projection::Hadamard ? powerOfTwoFrom(dim) : dim;
    for (Index first = 0; first < count; first += side) {
        const Eigen::MatrixXd q = kind == Projection::Hadamard
                                      ? hadamardBlock(side, directions)
                                      : orthogonalBlock(dim, kind != Projection::OrthogonalAsPublished, directions);
        for (Index r = first; r < std::min(count, first + side); ++r) {
            const double length =
                kind == Projection::OrthogonalRegularized ? std::sqrt(static_cast<double>(dim)) : chiLength(side, lengths);
            for (Index c = 0; c < dim; ++c)
                w(r, c) = static_cast<float>(length * q(c, r - first)); // as published: the columns of Q are the rows of W
        }
    }
    return drawn;
}

std::shared_ptr<const Tensor> sharedProjection(Projection kind, Index count, Index dim, std::uint64_t seed)
{
    return remembered({static_cast<int>(kind), count, dim, seed}, [&] { return drawProjection(kind, count, dim, seed); });
}

std::shared_ptr<const Tensor> sharedGaussian(Index rank, Index keys, std::uint64_t seed, const RunContext& context)
{
    return remembered({-1, rank, keys, seed}, [&] {
        Tensor drawn(1, 1, rank, keys);
        const double deviation = 1.0 / std::sqrt(static_cast<double>(rank));
        const bool done = parallelFor(rank, 1, context, [&](Index r, Index) {
            Random random(seed, kSequence + static_cast<std::uint64_t>(r));
            for (float& x : drawn.matrix().rowSpan(r))
                x = static_cast<float>(deviation * random.normal());
        });
        return done ? std::move(drawn) : Tensor();
    });
}

} // namespace attnscope
