// SPDX-License-Identifier: GPL-3.0-or-later
// Log-linear attention times V: by states of chunks that are merged pairwise, and token by token.
#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/log_linear.h"

#include <bit>
#include <vector>

namespace attnscope {

namespace {

constexpr int kChunkLevel = std::bit_width(static_cast<std::uint64_t>(kLogLinearChunk)) - 1;
static_assert(kLogLinearChunk == Index{1} << kChunkLevel);

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// Node (b, t) holds the pairs of the chunks [t 2^b, (t + 1) 2^b), decayed to its last key: sum e^(G_last - G_j) k_j v_jᵀ.
class StateTree {
public:
    StateTree(const LogLinearHead& head, Index valueDim) : m_head(head), m_dim(head.k().cols)
    {
        Index nodes = 0;
        for (Index width = head.keys() / kLogLinearChunk; width > 0; width /= 2) {
            m_first.push_back(nodes);
            nodes += width;
        }
        m_states = Tensor(1, 1, std::max<Index>(1, nodes) * m_dim, valueDim);
    }

    bool fill(MatrixView<const float> v, const RunContext& context)
    {
        const Index chunks = m_head.keys() / kLogLinearChunk;
        bool done = parallelFor(chunks, 1, context, [&](Index c, Index) { fillChunk(c, v); });
        for (std::size_t b = 1; done && b < m_first.size(); ++b)
            done = parallelFor(chunks >> b, 1, context, [&](Index t, Index) { merge(static_cast<int>(b), t); });
        return done;
    }

    MatrixView<float> node(int b, Index t) { return m_states.matrix().rowRange((m_first[static_cast<std::size_t>(b)] + t) * m_dim, m_dim); }
    static Index lastKey(int b, Index t) { return ((t + 1) << b) * kLogLinearChunk - 1; }

private:
    void fillChunk(Index c, MatrixView<const float> v)
    {
        const Index first = c * kLogLinearChunk;
        Tensor keys(1, 1, kLogLinearChunk, m_dim);
        for (Index r = 0; r < kLogLinearChunk; ++r) {
            const auto factor = static_cast<float>(m_head.decayTo(lastKey(0, c), first + r));
            for (Index d = 0; d < m_dim; ++d)
                keys.matrix()(r, d) = factor * m_head.k()(first + r, d);
        }
        gemmTN(keys.matrix(), v.rowRange(first, kLogLinearChunk), node(0, c));
    }

    void merge(int b, Index t)
    {
        const auto left = node(b - 1, 2 * t);
        const auto right = node(b - 1, 2 * t + 1);
        const auto factor = static_cast<float>(m_head.decayTo(lastKey(b, t), lastKey(b - 1, 2 * t)));
        const auto both = node(b, t);
        for (Index r = 0; r < m_dim; ++r)
            for (Index c = 0; c < both.cols; ++c)
                both(r, c) = factor * left(r, c) + right(r, c);
    }

    const LogLinearHead& m_head;
    Index m_dim;
    std::vector<Index> m_first; ///< node of each level
    Tensor m_states;
};

/// The queries at the places [first, last) of one chunk.
void answerChunk(const LogLinearHead& head, StateTree& tree, Index first, Index last, MatrixView<const float> v, MatrixView<float> out)
{
    const Index chunk = first / kLogLinearChunk;
    const Index start = chunk * kLogLinearChunk;
    Tensor local(1, 1, last - first, last - start);
    head.tile(first, start, local.matrix());
    gemmNN(local.matrix(), v.rowRange(start, last - start), out);
    const auto q = head.queryAt(first, last - first);
    Tensor scaled(1, 1, q.rows, q.cols);
    for (int b = 0; (chunk >> b) > 0; ++b) {
        if (((chunk >> b) & 1) == 0)
            continue;
        const Index t = (chunk >> b) - 1;
        for (Index i = 0; i < q.rows; ++i) {
            const double decay = head.decayTo(first + i, StateTree::lastKey(b, t));
            const auto factor = static_cast<float>(decay * head.weight(first + i, kChunkLevel + b + 1));
            for (Index d = 0; d < q.cols; ++d)
                scaled.matrix()(i, d) = factor * q(i, d);
        }
        gemmNN(scaled.matrix(), tree.node(b, t), out, 1.0F, Into::Add);
    }
}

/// One state per level, merged as a binary counter carries.
class LevelStates {
public:
    LevelStates(Index keys, Index dim, Index valueDim) : m_dim(dim), m_states(1, 1, fenwickLevels(keys) * dim, valueDim)
    {
        std::fill(m_states.values().begin(), m_states.values().end(), 0.0F);
    }

    /// Levels 0 ... z become level z + 1, with z the trailing zeros of the token's place; then k vᵀ is level 0.
    void take(Index place, float decay, std::span<const float> k, std::span<const float> v)
    {
        if (place > 0) {
            const int top = std::countr_zero(static_cast<std::uint64_t>(place)) + 1;
            for (int level = 0; level < top; ++level)
                for (Index r = 0; r < m_dim; ++r) {
                    addScaledRow(row(top, r), 1.0F, row(level, r));
                    scaleRow(row(level, r), 0.0F);
                }
        }
        scaleRow(m_states.values(), decay);
        for (Index r = 0; r < m_dim; ++r)
            addScaledRow(row(0, r), k[at(r)], v);
    }

    std::span<float> row(int level, Index r) { return m_states.matrix().rowSpan(level * m_dim + r); }

private:
    Index m_dim;
    Tensor m_states; ///< [levels D, Dv]
};

} // namespace

bool multiplyLogLinear(const LogLinearHead& head, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    StateTree tree(head, v.cols);
    if (!tree.fill(v, context))
        return false;
    const Index firstChunk = head.place0() / kLogLinearChunk;
    const Index chunks = (head.keys() - 1) / kLogLinearChunk + 1 - firstChunk;
    return parallelFor(chunks, 1, context, [&](Index c, Index) {
        const Index first = std::max(head.place0(), (firstChunk + c) * kLogLinearChunk);
        const Index last = std::min(head.keys(), (firstChunk + c + 1) * kLogLinearChunk);
        answerChunk(head, tree, first, last, v, out.rowRange(first - head.place0(), last - first));
    });
}

bool decodeLogLinear(const LogLinearHead& head, MatrixView<const float> v, MatrixView<float> out, const RunContext& context)
{
    LevelStates states(head.keys(), head.k().cols, v.cols);
    const int levels = fenwickLevels(head.keys());
    for (Index place = 0; place < head.keys(); ++place) {
        if (context.cancelled())
            return false;
        const auto decay = static_cast<float>(place > 0 ? head.decayTo(place, place - 1) : 1.0);
        states.take(place, decay, head.k().rowSpan(place), v.rowSpan(place));
        if (place < head.place0())
            continue;
        const auto q = head.queryAt(place, 1);
        const auto result = out.rowSpan(place - head.place0());
        std::fill(result.begin(), result.end(), 0.0F);
        for (int level = 0; level < levels; ++level)
            for (Index r = 0; r < q.cols; ++r)
                addScaledRow(result, static_cast<float>(head.weight(place, level)) * q(0, r), states.row(level, r));
    }
    return true;
}

double logLinearStateBytes(Index keys, Index dim, Index valueDim)
{
    const Index chunks = keys / kLogLinearChunk;
    return 4.0 * std::max(1.0, 2.0 * static_cast<double>(chunks)) * static_cast<double>(dim * valueDim);
}

} // namespace attnscope
