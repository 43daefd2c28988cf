// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/chunk_decays.h"

#include "core/compute/dense.h"
#include "core/compute/mixer_ops.h"
#include "core/compute/plain_features.h"
#include "core/compute/triangle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

constexpr Index kSubBlock = 16;
constexpr double kTameLog = -40.0;    // e^40 squared is still far from float32's largest
constexpr double kNegligible = -80.0; // e^-80 is below what a sum of float32 can show, and far above where they get slow

float exponentOf(double difference)
{
    return difference < kNegligible ? -std::numeric_limits<float>::infinity() : static_cast<float>(difference);
}

/// to = from e^(high - low), with one exponent for all or one per channel.
void multiplyExp(const float* from, const double* high, const double* low, Index decays, std::span<float> to)
{
    if (decays <= 1) {
        const float factor = decays == 0 ? 1.0F : std::exp(exponentOf(*high - *low));
        std::transform(from, from + to.size(), to.begin(), [factor](float x) { return factor * x; });
        return;
    }
    std::transform(high, high + decays, low, to.begin(), [](double a, double b) { return exponentOf(a - b); });
    expRow(to, 0.0F);
    std::transform(to.begin(), to.end(), from, to.begin(), std::multiplies<>());
}

/// In several partial sums, so that the compiler can keep them in a vector.
float dot(const float* a, const float* b, Index count)
{
    float parts[8] = {};
    Index c = 0;
    for (; c + 8 <= count; c += 8)
        for (Index p = 0; p < 8; ++p)
            parts[p] += a[c + p] * b[c + p];
    float sum = ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
    for (; c < count; ++c)
        sum += a[c] * b[c];
    return sum;
}

/// Rows of a chunk times their strengths, where there are any.
MatrixView<const float> strongRows(MatrixView<const float> rows, const MixerFactors::Rows& strength, const ChunkPlace& place,
                                   ChunkBuffer& buffer)
{
    if (strength.rows == 0)
        return rows;
    float strengths[kMixerChunk];
    for (Index r = 0; r < place.rows; ++r)
        strengths[r] = *tokenRow(strength, place.first + r);
    const auto strong = buffer.make(place.rows, rows.cols);
    scaleRowsInto(rows, std::span(strengths).first(static_cast<std::size_t>(place.rows)), strong);
    return strong;
}

} // namespace

ChunkPlace ChunkPlace::of(const MixerFactors& f, Index chunk)
{
    ChunkPlace place{.first = chunk * kMixerChunk};
    place.rows = std::min(kMixerChunk, f.tokens - place.first);
    place.firstQuery = std::max<Index>(0, place.first - f.offset());
    place.queries = std::max<Index>(0, place.first + place.rows - f.offset() - place.firstQuery);
    return place;
}

MatrixView<const float> writtenRows(const MixerFactors& f, const ChunkPlace& place)
{
    return {tokenRow(f.write, place.first), place.rows, f.write.cols, f.write.rows == 1 ? 0 : f.write.stride};
}

MatrixView<const float> givenRows(const MixerFactors& f, const ChunkPlace& place, ChunkBuffer& buffer)
{
    return strongRows(writtenRows(f, place), f.strength, place, buffer);
}

MatrixView<const float> erasedRows(const MixerFactors& f, const ChunkPlace& place, ChunkBuffer& buffer)
{
    return strongRows(f.erase.rowRange(place.first, place.rows), f.eraseStrength, place, buffer);
}

MatrixView<const float> correctedRows(const MixerFactors& f, const ChunkPlace& place, ChunkBuffer& buffer)
{
    return strongRows(f.correct.rowRange(place.first, place.rows), f.correctStrength, place, buffer);
}

MatrixView<const float> queryRows(const MixerFactors& f, const ChunkPlace& place, ChunkBuffer& buffer)
{
    const auto q = f.q.rowRange(place.firstQuery, place.queries);
    const Index absent = place.rows - place.queries;
    if (absent == 0)
        return q;
    const auto rows = buffer.make(place.rows, f.width());
    std::fill_n(rows.data, absent * rows.stride, 0.0F);
    for (Index i = 0; i < place.queries; ++i)
        std::copy_n(q.row(i), q.cols, rows.row(absent + i));
    return rows;
}

void ChunkDecays::sum(const MixerFactors& f, const ChunkPlace& place)
{
    m_rows = place.rows;
    m_decays = f.logDecay.rows > 0 ? f.logDecay.cols : 0;
    const auto columns = static_cast<std::size_t>(std::max<Index>(m_decays, 1));
    m_sums.assign(static_cast<std::size_t>(m_rows + 1) * columns, 0.0);
    if (m_decays == 1)
        for (Index r = 0; r < m_rows; ++r)
            m_sums[static_cast<std::size_t>(r + 1)] =
                m_sums[static_cast<std::size_t>(r)] + std::max(kLeastLogDecay, static_cast<double>(*tokenRow(f.logDecay, place.first + r)));
    for (Index r = 0; r < m_rows && m_decays > 1; ++r) {
        const auto before = std::span(m_sums).subspan(static_cast<std::size_t>(r) * columns, columns);
        const auto after = std::span(m_sums).subspan(static_cast<std::size_t>(r + 1) * columns, columns);
        addLogs(before, {tokenRow(f.logDecay, place.first + r), columns}, kLeastLogDecay, after);
    }
    m_logEnd.assign(m_sums.end() - static_cast<std::ptrdiff_t>(columns), m_sums.end());
    m_end.resize(columns);
    powersOf(m_logEnd, 1.0, m_end);
    m_endFactors.resize(columns);
    std::transform(m_logEnd.begin(), m_logEnd.end(), m_endFactors.begin(), [](double x) { return x == 0.0 ? 1.0 : std::exp(x); });
    m_tame = std::all_of(m_logEnd.begin(), m_logEnd.end(), [](double x) { return x >= kTameLog; });
    if (m_decays > 0 && m_tame) {
        m_shrink.resize(m_sums.size());
        m_grow.resize(m_sums.size());
        powersOf(m_sums, 1.0, m_shrink);
        powersOf(m_sums, -1.0, m_grow);
    }
}

/// Rows from `first` on of the powers of vector decays.
ChunkDecays::Rows ChunkDecays::powerRows(const std::vector<float>& powers, Index first) const
{
    return {powers.data() + first * m_decays, m_rows, m_decays, m_decays};
}

ChunkDecays::Rows ChunkDecays::grown(Rows from, ChunkBuffer& buffer) const
{
    if (m_decays == 0 || !m_tame)
        return from;
    const auto to = buffer.make(m_rows, from.cols);
    if (m_decays == 1)
        scaleRowsInto(from, std::span(m_grow).subspan(1), to);
    else
        multiplyInto(from, powerRows(m_grow, 1), to);
    return to;
}

void ChunkDecays::decayTo(Rows from, bool undecayed, MatrixView<float> to, Index first) const
{
    const Index before = first + (undecayed ? 0 : 1);
    if (m_decays == 0)
        for (Index r = 0; r < to.rows; ++r)
            std::copy_n(from.row(r), to.cols, to.row(r));
    else if (m_tame && m_decays == 1)
        scaleRowsInto(from, std::span(m_shrink).subspan(static_cast<std::size_t>(before)), to);
    else if (m_tame)
        multiplyInto(from, powerRows(m_shrink, before), to);
    else
        for (Index r = 0; r < to.rows; ++r)
            multiplyExp(from.row(r), m_sums.data() + (r + before) * m_decays, m_sums.data(), m_decays, to.rowSpan(r));
}

void ChunkDecays::decayToEnd(Rows from, MatrixView<float> to)
{
    if (m_decays == 0)
        return decayTo(from, false, to);
    if (m_tame && m_decays == 1) {
        m_rowFactors.resize(static_cast<std::size_t>(m_rows));
        std::transform(m_grow.begin() + 1, m_grow.begin() + 1 + m_rows, m_rowFactors.begin(),
                       [end = m_end.front()](float x) { return end * x; });
        return scaleRowsInto(from, m_rowFactors, to);
    }
    if (m_tame) {
        multiplyInto(from, powerRows(m_grow, 1), to);
        return multiplyInto(to, {m_end.data(), m_rows, m_decays, 0}, to);
    }
    for (Index r = 0; r < to.rows; ++r)
        multiplyExp(from.row(r), m_logEnd.data(), m_sums.data() + (r + 1) * m_decays, m_decays, to.rowSpan(r));
}

void ChunkDecays::gram(const Side& x, const Side& y, bool undecayed, bool strict, MatrixView<float> out)
{
    const Index more = strict || undecayed ? 0 : 1;
    if (m_tame)
        return lowerGemmNT(x.powered, y.powered, more == 0, out);
    if (m_decays > 1)
        return gramOfVectors(x.rows, y.rows, undecayed, strict || undecayed, out);
    gramOfScalars(x.rows, y.rows, undecayed, more, out);
}

void ChunkDecays::gramOfScalars(Rows x, Rows y, bool undecayed, Index more, MatrixView<float> out)
{
    gemmNT(x, y, out);
    std::vector<float> factors(static_cast<std::size_t>(m_rows));
    for (Index r = 0; r < m_rows; ++r) {
        const auto seen = static_cast<std::size_t>(r + more);
        const double end = m_sums[static_cast<std::size_t>(r + (undecayed ? 0 : 1))];
        for (std::size_t s = 0; s < seen; ++s)
            factors[s] = exponentOf(end - m_sums[s + 1]);
        expRow(std::span(factors).first(seen), 0.0F);
        std::transform(factors.begin(), factors.begin() + static_cast<std::ptrdiff_t>(seen), out.row(r), out.row(r), std::multiplies<>());
        std::fill(out.row(r) + seen, out.row(r) + m_rows, 0.0F);
    }
}

void ChunkDecays::gramOfVectors(Rows x, Rows y, bool undecayed, bool strict, MatrixView<float> out)
{
    const Index width = x.cols;
    const auto left = m_left.make(m_rows, width);
    const auto right = m_right.make(m_rows, width);
    const auto steps = m_steps.make(m_rows, m_decays);
    for (Index r = 0; r < m_rows; ++r)
        std::transform(m_sums.data() + (r + 1) * m_decays, m_sums.data() + (r + 2) * m_decays, m_sums.data() + r * m_decays, steps.row(r),
                       [](double after, double before) { return exponentOf(after - before); });
    expRow(std::span(m_steps.data).first(static_cast<std::size_t>(m_rows * m_decays)), 0.0F);
    std::vector<float> moving(static_cast<std::size_t>(width));
    for (Index r0 = 0; r0 < m_rows; r0 += kSubBlock) {
        const Index count = std::min(kSubBlock, m_rows - r0);
        const double* anchor = m_sums.data() + r0 * m_decays;
        for (Index r = r0; r < r0 + count; ++r)
            multiplyExp(x.row(r), m_sums.data() + (r + (undecayed ? 0 : 1)) * m_decays, anchor, m_decays, left.rowSpan(r));
        for (Index s = 0; s < r0; ++s)
            multiplyExp(y.row(s), anchor, m_sums.data() + (s + 1) * m_decays, m_decays, right.rowSpan(s));
        if (r0 > 0)
            gemmNT(left.rowRange(r0, count), right.rowRange(0, r0), {out.row(r0), count, r0, out.stride});
        for (Index r = r0; r < r0 + count; ++r) { // inside the sub-block no anchor lies between: step by step
            std::copy_n(x.row(r), width, moving.begin());
            std::fill(out.row(r) + r0, out.row(r) + m_rows, 0.0F);
            if (!strict)
                out(r, r) = dot(moving.data(), y.row(r), width);
            for (Index s = undecayed ? r - 1 : r; s >= r0; --s) {
                if (s < r)
                    out(r, s) = dot(moving.data(), y.row(s), width);
                const float* step = m_steps.data.data() + s * m_decays;
                std::transform(moving.begin(), moving.end(), step, moving.begin(), std::multiplies<>());
            }
        }
    }
}

} // namespace attnscope
