// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_source.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/engine/adjoint_sweep.h"
#include "core/scores/pooling.h"

#include <algorithm>

namespace attnscope {

namespace {

constexpr Index kStripRows = 128;

class MixerSource final : public ScoreSource {
public:
    MixerSource(MixerFactors factors, std::shared_ptr<const void> owner) : m_sweeps(std::move(factors)), m_owner(std::move(owner)) {}

    bool prepare(const RunContext& context) { return m_sweeps.prepare(context); }

    Index rows() const override { return m_sweeps.factors().queries(); }
    Index cols() const override { return m_sweeps.factors().tokens; }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return {0, std::min(cols(), m_sweeps.factors().offset() + row + 1)}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        for (Index i = 0; i < out.rows; ++i)
            std::fill_n(out.row(i), out.cols, 0.0F);
        const bool done = m_sweeps.sweep(row0, out.rows, {col0, col0 + out.cols}, context, [&](Index col, MatrixView<const float> cells) {
            for (Index i = 0; i < out.rows; ++i)
                std::copy_n(cells.row(i), cells.cols, out.row(i) + (col - col0));
        });
        if (!done)
            return cancelledError();
        return {};
    }

    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override
    {
        if (!m_sweeps.factors().erases())
            return ScoreSource::readPooled(block, pool, out, context);
        const Index step = std::max<Index>(1, kStripRows >> block.level);
        const bool done = parallelFor(block.rows, step, context, [&](Index first, Index last) {
            poolPart(Block{block.row0 + first, block.col0, last - first, block.cols, block.level}, pool, out.rowRange(first, last - first),
                     context);
        });
        if (!done)
            return cancelledError();
        return {};
    }

private:
    /// One sweep for each strip of rows over all columns of the part.
    void poolPart(const Block& part, Pool pool, MatrixView<float> out, const RunContext& context) const
    {
        const Index row0 = part.row0 << part.level;
        const Index rowEnd = std::min(rows(), (part.row0 + part.rows) << part.level);
        const KeyRange columns{part.col0 << part.level, std::min(cols(), (part.col0 + part.cols) << part.level)};
        PoolAccumulator accumulator(out, pool, part.level);
        for (Index r = row0; r < rowEnd; r += kStripRows) {
            const Index count = std::min(kStripRows, rowEnd - r);
            const Index seen = std::clamp(m_sweeps.end(r, count), columns.first, columns.last);
            if (seen < columns.last)
                accumulator.addZeros(r - row0, seen - columns.first, count, columns.last - seen);
            const auto add = [&](Index col, MatrixView<const float> cells) { accumulator.add(r - row0, col - columns.first, cells); };
            if (!m_sweeps.sweep(r, count, {columns.first, seen}, context, add))
                return;
        }
        accumulator.finish();
    }

    AdjointSweeps m_sweeps;
    std::shared_ptr<const void> m_owner;
};

} // namespace

Result<std::shared_ptr<const ScoreSource>> makeMixerSource(MixerFactors factors, std::shared_ptr<const void> owner,
                                                           const RunContext& context)
{
    auto source = std::make_shared<MixerSource>(std::move(factors), std::move(owner));
    if (!source->prepare(context))
        return cancelledError();
    return std::shared_ptr<const ScoreSource>(std::move(source));
}

} // namespace attnscope
