// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/log_linear.h"

#include "core/compute/dense.h"
#include "core/engine/channel_gate.h"

#include <cmath>
#include <string>

namespace attnscope {

namespace {

constexpr double kHuge = 1e30;
constexpr double kMaxExponent = 60.0; // e to it times a product of vectors stays well inside float32

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Result<std::vector<double>> cumulativeDecay(const Inputs& in, HeadRef head, double constant)
{
    const auto g = ChannelGate::make(in, head, {"g", constant, -kHuge, 0.0});
    if (!g)
        return g.error();
    if (g->byChannel())
        return Error{Errc::InvalidShape, "The array \"g\" has a number per channel, but log-linear attention takes one log decay per key.",
                     "Give g the shape [N], or one number for all keys."};
    std::vector<double> sums(at(in.k.rows()));
    double sum = 0.0;
    for (Index j = 0; j < in.k.rows(); ++j)
        sums[at(j)] = sum += g->at(j, 0);
    return sums;
}

} // namespace

Result<LogLinearHead> LogLinearHead::make(const Inputs& in, HeadRef head, const LogLinearConstants& constants)
{
    auto sums = cumulativeDecay(in, head, constants.logDecay);
    if (!sums)
        return sums.error();
    LogLinearHead made;
    made.m_q = in.qOf(head);
    made.m_k = in.kOf(head);
    made.m_cumulative = *std::move(sums);
    const int levels = fenwickLevels(in.k.rows());
    if (const auto lambda = in.array("lambda", head)) {
        if (lambda->cols != 1 && lambda->cols < levels)
            return Error{Errc::InvalidShape,
                         "The array \"lambda\" has " + std::to_string(lambda->cols) + " levels, but " + std::to_string(in.k.rows()) +
                             " keys have " + std::to_string(levels) + ".",
                         "Give lambda the shape [N], or [N, levels] with at least that many levels."};
        made.m_lambda = *lambda;
    }
    for (int level = 0; level < levels; ++level)
        made.m_levels.push_back(constants.lambda * std::pow(constants.ratio, level));
    return made;
}

double LogLinearHead::decayTo(Index place, Index from) const { return std::exp(m_cumulative[at(place)] - m_cumulative[at(from)]); }

double LogLinearHead::weight(Index place, int level) const
{
    if (!m_lambda.data)
        return m_levels[static_cast<std::size_t>(level)];
    const Index row = m_lambda.rows == 1 ? 0 : m_lambda.rows == m_k.rows ? place : place - place0();
    return static_cast<double>(m_lambda(row, m_lambda.cols == 1 ? 0 : level));
}

void LogLinearHead::tile(Index place, Index col0, MatrixView<float> out) const
{
    const Index seen = std::clamp<Index>(place + out.rows - col0, 0, out.cols);
    for (Index i = 0; i < out.rows; ++i)
        std::fill(out.row(i) + seen, out.row(i) + out.cols, 0.0F);
    if (seen == 0)
        return;
    const MatrixView<float> lower{out.data, out.rows, seen, out.stride};
    gemmNT(queryAt(place, out.rows), m_k.rowRange(col0, seen), lower);
    const Index before = std::clamp<Index>(place - col0, 0, seen); // decays to the keys at and after `place` have their own anchor
    if (before > 0)
        decay(place, col0, {out.data, out.rows, before, out.stride});
    if (before < seen)
        decay(place, col0 + before, {out.data + before, out.rows, seen - before, out.stride});
    for (Index i = 0; i < out.rows; ++i)
        weigh(place + i, col0, {out.row(i), at(seen)});
}

/// e^(G_i - G_j) = e^(G_i - G_a) e^(G_a - G_j) with a = `place`, where neither factor overflows; else cell by cell.
void LogLinearHead::decay(Index place, Index col0, MatrixView<float> out) const
{
    const double anchor = m_cumulative[at(place)];
    std::vector<float> factors(at(out.cols));
    bool fits = true;
    for (Index j = 0; j < out.cols; ++j) {
        const double exponent = anchor - m_cumulative[at(col0 + j)];
        fits = fits && exponent <= kMaxExponent;
        factors[at(j)] = static_cast<float>(std::exp(exponent));
    }
    for (Index i = 0; i < out.rows; ++i) {
        const double exponent = m_cumulative[at(place + i)] - anchor;
        if (fits && std::abs(exponent) <= kMaxExponent) {
            const auto factor = static_cast<float>(std::exp(exponent));
            for (Index j = 0; j < out.cols; ++j)
                out(i, j) *= factor * factors[at(j)];
        } else {
            for (Index j = 0; j < out.cols && col0 + j <= place + i; ++j)
                out(i, j) *= static_cast<float>(decayTo(place + i, col0 + j));
        }
    }
}

void LogLinearHead::weigh(Index place, Index col0, std::span<float> row) const
{
    const Index last = col0 + static_cast<Index>(row.size());
    for (int level = 0; level < static_cast<int>(m_levels.size()); ++level) {
        const KeyRange range = fenwickRange(place, level);
        const Index from = std::max(range.first, col0);
        const Index to = std::min(range.last, last);
        if (from < to)
            scaleRow(row.subspan(at(from - col0), at(to - from)), static_cast<float>(weight(place, level)));
    }
    if (place + 1 < last)
        std::fill(row.begin() + std::max<Index>(0, place + 1 - col0), row.end(), 0.0F);
}

namespace {

constexpr Index kTileRows = 128;

class LogLinearSource final : public ScoreSource {
public:
    LogLinearSource(std::shared_ptr<const void> owner, LogLinearHead head) : m_owner(std::move(owner)), m_head(std::move(head)) {}

    Index rows() const override { return m_head.queries(); }
    Index cols() const override { return m_head.keys(); }
    Provenance provenance() const override { return Provenance::Implied; }
    KeyRange visible(Index row) const override { return {0, m_head.place(row) + 1}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        for (Index r = 0; r < out.rows; r += kTileRows) {
            if (context.cancelled())
                return cancelledError();
            m_head.tile(m_head.place(row0 + r), col0, out.rowRange(r, std::min(kTileRows, out.rows - r)));
        }
        return {};
    }

private:
    std::shared_ptr<const void> m_owner;
    LogLinearHead m_head;
};

} // namespace

std::shared_ptr<const ScoreSource> makeLogLinearSource(const Inputs& inputs, LogLinearHead head)
{
    return std::make_shared<LogLinearSource>(inputs.owner, std::move(head));
}

} // namespace attnscope
