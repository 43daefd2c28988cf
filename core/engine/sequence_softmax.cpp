// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/sequence_softmax.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/compute/plain_features.h"
#include "core/engine/key_sums.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace attnscope {

namespace {

constexpr Index kSegment = 2048; // keys that one task sums up
constexpr Index kQueryBlock = 256;

Index segmentsOf(Index keys) { return (keys + kSegment - 1) / kSegment; }

/// The sums over all keys, one state for each key/value head; none when stopped.
std::optional<std::vector<KernelState>> sumsOfKeys(const TensorView<const float>& k, const TensorView<const float>& v, float scale,
                                                   const RunContext& context)
{
    const Index segments = segmentsOf(k.rows());
    std::vector<std::optional<KernelState>> parts(static_cast<std::size_t>(k.batch() * k.heads() * segments));
    const SoftmaxLogs map(k.cols(), scale);
    const bool done = parallelFor(static_cast<Index>(parts.size()), 1, context, [&](Index at, Index) {
        const HeadRef head{at / segments / k.heads(), at / segments % k.heads()};
        const Index first = at % segments * kSegment;
        parts[static_cast<std::size_t>(at)] =
            sumOfKeys(map, k.matrix(head), v.matrix(head), first, std::min(k.rows(), first + kSegment), context);
    });
    if (!done)
        return std::nullopt;
    std::vector<KernelState> states;
    for (std::size_t at = 0; at < parts.size(); ++at) {
        if (at % static_cast<std::size_t>(segments) == 0)
            states.push_back(*std::move(parts[at]));
        else
            states.back().merge(*parts[at]);
        parts[at].reset();
    }
    return states;
}

/// rho_kᵀ V [D, Dv] of one key/value head.
void writeContext(const KernelState& state, MatrixView<float> out)
{
    for (Index f = 0; f < out.rows; ++f) {
        const double weight = state.weights()[static_cast<std::size_t>(f)];
        const auto sums = state.values(f);
        std::transform(sums.begin(), sums.end(), out.row(f), [weight](double x) { return static_cast<float>(x / weight); });
    }
}

void softmaxRow64(std::vector<double>& x)
{
    const double top = *std::max_element(x.begin(), x.end());
    double sum = 0.0;
    for (double& value : x)
        sum += value = std::exp(value - top);
    for (double& value : x)
        value /= sum;
}

} // namespace

void softmaxFeatures(MatrixView<const float> x, float scale, MatrixView<float> out)
{
    if (plainSoftmax(x, scale, out))
        return;
    for (Index i = 0; i < x.rows; ++i)
        std::transform(x.row(i), x.row(i) + x.cols, out.row(i), [scale](float value) { return scale * value; });
    softmaxRows(out, out.cols);
}

Result<Tensor> runSequenceSoftmax(const Inputs& in, float scale, const QueryFilter& filter, const RunContext& context)
{
    const Shape s = in.shape();
    const auto states = sumsOfKeys(in.k, in.v, scale, context);
    if (!states)
        return cancelledError();
    Tensor contexts(s.batch, in.k.heads(), s.dim, s.valueDim);
    for (Index at = 0; at < static_cast<Index>(states->size()); ++at)
        writeContext((*states)[static_cast<std::size_t>(at)], contexts.matrix({at / in.k.heads(), at % in.k.heads()}));
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index blocks = (s.queries + kQueryBlock - 1) / kQueryBlock;
    const bool done = parallelFor(s.batch * s.heads * blocks, 1, context, [&](Index at, Index) {
        const HeadRef head{at / blocks / s.heads, at / blocks % s.heads};
        const Index first = at % blocks * kQueryBlock;
        const Index rows = std::min(kQueryBlock, s.queries - first);
        Tensor p(1, 1, rows, s.dim);
        softmaxFeatures(in.qOf(head).rowRange(first, rows), scale, p.matrix());
        if (filter)
            filter(head, first, p.matrix());
        gemmNN(p.matrix(), std::as_const(contexts).matrix(in.kvHead(head)), out.matrix(head).rowRange(first, rows));
    });
    if (!done)
        return cancelledError();
    return out;
}

Result<LowRankFactors> sequenceSoftmaxFactors(const Inputs& in, HeadRef head, float scale, const QueryFilter& filter,
                                              const RunContext& context)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    const TensorView<const float> keys{k.data, {1, 1, k.rows, k.cols}, {0, 0, k.stride}};
    auto noValues = keys;
    noValues.shape[3] = 0;
    const auto states = sumsOfKeys(keys, noValues, scale, context);
    if (!states)
        return cancelledError();
    std::vector<float> logSums(static_cast<std::size_t>(k.cols));
    for (std::size_t f = 0; f < logSums.size(); ++f)
        logSums[f] = static_cast<float>(std::log(states->front().weights()[f]));
    const auto shift = states->front().shift();
    LowRankFactors factors{Tensor(1, 1, q.rows, q.cols), Tensor(1, 1, k.rows, k.cols), k.rows};
    bool done = parallelFor(q.rows, kQueryBlock, context, [&](Index first, Index last) {
        const auto rows = factors.left.matrix().rowRange(first, last - first);
        softmaxFeatures(q.rowRange(first, last - first), scale, rows);
        if (filter)
            filter(head, first, rows);
    });
    done = done && parallelFor(k.rows, kQueryBlock, context, [&](Index first, Index last) {
               for (Index j = first; j < last; ++j) {
                   float* const row = factors.right.matrix().row(j);
                   std::transform(k.row(j), k.row(j) + k.cols, shift.begin(), row, [scale](float x, float top) { return scale * x - top; });
                   expMinus(factors.right.matrix().rowSpan(j), logSums, factors.right.matrix().rowSpan(j));
               }
           });
    if (!done)
        return cancelledError();
    return factors;
}

DefinedSoftmaxes definedSoftmaxes(const Inputs& in, HeadRef head, double scale)
{
    const auto q = in.qOf(head);
    const auto k = in.kOf(head);
    DefinedSoftmaxes made{q.cols, std::vector<double>(static_cast<std::size_t>(q.rows * q.cols)),
                          std::vector<double>(static_cast<std::size_t>(k.rows * k.cols))};
    for (Index i = 0; i < q.rows; ++i) {
        std::vector<double> row;
        for (const double x : q.rowSpan(i))
            row.push_back(scale * x);
        softmaxRow64(row);
        std::copy(row.begin(), row.end(), made.queries.begin() + i * q.cols);
    }
    for (Index f = 0; f < k.cols; ++f) {
        std::vector<double> column;
        for (Index j = 0; j < k.rows; ++j)
            column.push_back(scale * static_cast<double>(k(j, f)));
        softmaxRow64(column);
        for (Index j = 0; j < k.rows; ++j)
            made.keys[static_cast<std::size_t>(j * k.cols + f)] = column[static_cast<std::size_t>(j)];
    }
    return made;
}

double sequenceSoftmaxFlops(const Shape& s)
{
    const auto heads = static_cast<double>(s.batch * s.heads);
    const auto rows = static_cast<double>(s.queries + s.keys);
    return heads * rows * static_cast<double>(s.dim) * (2.0 * static_cast<double>(s.valueDim) + 4.0);
}

double sequenceSoftmaxBytes(const Shape& s, int threads)
{
    const auto states = static_cast<double>(s.batch * s.heads * (segmentsOf(s.keys) + 1));
    const auto width = static_cast<double>(s.valueDim + 1);
    const auto dim = static_cast<double>(s.dim);
    const double output = 4.0 * static_cast<double>(s.batch * s.heads * s.queries * s.valueDim);
    const double scratch = 4.0 * static_cast<double>(threads) * dim * static_cast<double>(2 * kKeyChunk + kQueryBlock);
    return output + states * 12.0 * dim * width + scratch;
}

} // namespace attnscope
