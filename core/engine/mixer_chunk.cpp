// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_chunk.h"

#include "core/compute/dense.h"
#include "core/compute/mixer_ops.h"
#include "core/compute/plain_features.h"

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

/// Columns r + more and after them become 0.
void clearAhead(MatrixView<float> out, Index more)
{
    for (Index r = 0; r < out.rows; ++r)
        std::fill(out.row(r) + std::min(out.cols, r + more), out.row(r) + out.cols, 0.0F);
}

} // namespace

MatrixView<float> MixerChunk::make(Buffer& buffer, Index cols) const
{
    buffer.data.resize(static_cast<std::size_t>(m_rows * cols));
    buffer.cols = cols;
    return {buffer.data.data(), m_rows, cols, cols};
}

void MixerChunk::sumDecays(const MixerFactors& f)
{
    m_decays = f.logDecay.rows > 0 ? f.logDecay.cols : 0;
    const auto columns = static_cast<std::size_t>(std::max<Index>(m_decays, 1));
    m_sums.assign(static_cast<std::size_t>(m_rows + 1) * columns, 0.0);
    for (Index r = 0; r < m_rows && m_decays > 0; ++r) {
        const auto before = std::span(m_sums).subspan(static_cast<std::size_t>(r) * columns, columns);
        const auto after = std::span(m_sums).subspan(static_cast<std::size_t>(r + 1) * columns, columns);
        addLogs(before, {tokenRow(f.logDecay, m_first + r), columns}, kLeastLogDecay, after);
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

void MixerChunk::copyWrites(const MixerFactors& f)
{
    const auto rowsOf = [this](const MixerFactors::Rows& all) {
        return MatrixView<const float>{tokenRow(all, m_first), m_rows, all.cols, all.rows == 1 ? 0 : all.stride};
    };
    m_given = rowsOf(f.write);
    if (f.strength.rows == 0)
        return;
    const auto strengths = rowsOf(f.strength);
    m_rowFactors.resize(static_cast<std::size_t>(m_rows));
    for (Index r = 0; r < m_rows; ++r)
        m_rowFactors[static_cast<std::size_t>(r)] = strengths(r, 0);
    const auto b = make(m_plain, m_width);
    scaleRowsInto(m_given, m_rowFactors, b);
    m_given = b;
}

/// Rows from `first` on of the powers of vector decays.
MatrixView<const float> MixerChunk::powerRows(const std::vector<float>& powers, Index first) const
{
    return {powers.data() + first * m_decays, m_rows, m_decays, m_decays};
}

/// Rows times e^-G after their own decay.
MatrixView<const float> MixerChunk::grown(MatrixView<const float> from, Buffer& buffer) const
{
    if (m_decays == 0 || !m_tame)
        return from;
    const auto to = make(buffer, m_width);
    if (m_decays == 1)
        scaleRowsInto(from, std::span(m_grow).subspan(1), to);
    else
        multiplyInto(from, powerRows(m_grow, 1), to);
    return to;
}

void MixerChunk::decayTo(MatrixView<const float> from, bool undecayed, MatrixView<float> to) const
{
    const Index before = undecayed ? 0 : 1;
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

void MixerChunk::decayToEnd(MatrixView<const float> from, MatrixView<float> to)
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

/// out_rs = sum_c x_rc y_sc e^(E_rc - G_sc) for s <= r, or s < r where strict; E is G before or after the decay of row r.
void MixerChunk::gram(const Side& x, const Side& y, bool undecayed, bool strict, MatrixView<float> out)
{
    const Index more = strict || undecayed ? 0 : 1;
    if (m_tame) {
        gemmNT(x.powered, y.powered, out);
        return clearAhead(out, more);
    }
    if (m_decays > 1)
        return gramOfVectors(x.rows, y.rows, undecayed, strict || undecayed, out);
    gramOfScalars(x.rows, y.rows, undecayed, more, out);
}

void MixerChunk::gramOfScalars(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, Index more, MatrixView<float> out)
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

void MixerChunk::gramOfVectors(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, bool strict, MatrixView<float> out)
{
    const auto left = make(m_left, m_width);
    const auto right = make(m_right, m_width);
    const auto steps = make(m_steps, m_decays);
    for (Index r = 0; r < m_rows; ++r)
        std::transform(m_sums.data() + (r + 1) * m_decays, m_sums.data() + (r + 2) * m_decays, m_sums.data() + r * m_decays, steps.row(r),
                       [](double after, double before) { return exponentOf(after - before); });
    expRow(m_steps.data, 0.0F);
    std::vector<float> moving(static_cast<std::size_t>(m_width));
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
            std::copy_n(x.row(r), m_width, moving.begin());
            std::fill(out.row(r) + r0, out.row(r) + m_rows, 0.0F);
            if (!strict)
                out(r, r) = dot(moving.data(), y.row(r), m_width);
            for (Index s = undecayed ? r - 1 : r; s >= r0; --s) {
                if (s < r)
                    out(r, s) = dot(moving.data(), y.row(s), m_width);
                const float* step = m_steps.data.data() + s * m_decays;
                std::transform(moving.begin(), moving.end(), step, moving.begin(), std::multiplies<>());
            }
        }
    }
}

void MixerChunk::invert(MatrixView<const float> lower, double sign, MatrixView<float> out)
{
    m_work.resize(static_cast<std::size_t>(m_rows * inverseStride(m_rows)));
    invertUnitLower(lower, sign, m_work, out);
}

void MixerChunk::prepareKeys(const MixerFactors& f, Index chunk)
{
    m_first = chunk * kMixerChunk;
    m_rows = std::min(kMixerChunk, f.tokens - m_first);
    m_width = f.width();
    const Index lastQuery = m_first + m_rows - f.offset();
    m_firstQuery = std::max<Index>(0, m_first - f.offset());
    m_queries = std::max<Index>(0, lastQuery - m_firstQuery);
    sumDecays(f);
    copyWrites(f);
    m_grownGiven = grown(m_given, m_grown);
    const auto writes = make(m_writes, m_width);
    m_erases.data.clear();
    m_corrects.data.clear();
    if (!f.erases())
        return decayToEnd(m_given, writes);
    const auto a = f.erase.rowRange(m_first, m_rows);
    const auto erases = make(m_erases, m_width);
    decayTo(a, f.erasesUndecayed, erases);
    const auto strict = make(m_strict, m_rows);
    const auto inverse = make(m_inverse, m_rows);
    const auto ends = make(m_product, m_width);
    if (f.correct.rows == 0) {
        gram({a, erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, strict);
        invert(strict, 1.0, inverse);
        decayToEnd(m_given, ends);
        gemmTN(inverse, ends, writes);
        return;
    }
    const auto c = f.correct.rowRange(m_first, m_rows);
    gram({a, erases}, {c, grown(c, m_grownCorrects)}, f.erasesUndecayed, true, strict);
    invert(strict, -1.0, inverse);
    decayToEnd(c, ends);
    const auto corrects = make(m_corrects, m_width);
    gemmTN(inverse, ends, corrects);
    gram({a, erases}, {m_given, m_grownGiven}, f.erasesUndecayed, true, make(m_other, m_rows));
    decayToEnd(m_given, writes);
    gemmTN(view(m_other), corrects, writes, 1.0F, Into::Add);
}

void MixerChunk::prepareQueries(const MixerFactors& f)
{
    MatrixView<const float> q = f.q.rowRange(m_firstQuery, m_queries);
    const Index absent = m_rows - m_queries;
    if (absent > 0) {
        q = make(m_queryRows, m_width);
        std::fill(m_queryRows.data.begin(), m_queryRows.data.end(), 0.0F);
        for (Index i = 0; i < m_queries; ++i)
            std::copy_n(f.q.row(m_firstQuery + i), m_width, m_queryRows.data.data() + (absent + i) * m_width);
    }
    const bool strict = f.skipsOwn || f.readsUndecayed;
    const auto own = make(m_own, m_rows);
    const auto leaving = make(m_leaving, m_width);
    decayTo(q, f.readsUndecayed, leaving);
    const Side queries{q, leaving};
    const Side keys{m_given, m_grownGiven};
    if (!f.erases())
        return gram(queries, keys, f.readsUndecayed, strict, own);
    const auto reads = make(m_read, m_rows);
    if (f.correct.rows == 0) {
        gram(queries, keys, f.readsUndecayed, strict, reads);
        gemmNN(reads, view(m_inverse), own);
        gemmNN(own, view(m_erases), leaving, -1.0F, Into::Add);
        return;
    }
    const auto corrected = make(m_product, m_rows);
    const auto c = f.correct.rowRange(m_first, m_rows);
    gram(queries, {c, m_tame && m_decays > 0 ? view(m_grownCorrects) : c}, f.readsUndecayed, strict, reads);
    gram(queries, keys, f.readsUndecayed, strict, own);
    gemmNN(reads, view(m_inverse), corrected);
    gemmNN(corrected, view(m_erases), leaving, 1.0F, Into::Add);
    gemmNN(corrected, view(m_other), own, 1.0F, Into::Add);
}

MatrixView<const float> MixerChunk::own() const { return view(m_own).rowRange(m_rows - m_queries, m_queries); }

MatrixView<const float> MixerChunk::leaving() const { return view(m_leaving).rowRange(m_rows - m_queries, m_queries); }

} // namespace attnscope
