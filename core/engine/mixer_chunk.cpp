// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_chunk.h"

#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope {

namespace {

constexpr Index kSubBlock = 16;
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

void subtract(MatrixView<const float> what, MatrixView<float> from)
{
    for (Index r = 0; r < from.rows; ++r)
        std::transform(from.row(r), from.row(r) + from.cols, what.row(r), from.row(r), std::minus<>());
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
    const auto columns = static_cast<std::size_t>(m_decays);
    m_sums.assign(static_cast<std::size_t>(m_rows + 1) * std::max<std::size_t>(columns, 1), 0.0);
    const auto steps = make(m_steps, m_decays);
    for (Index r = 0; r < m_rows; ++r)
        for (Index c = 0; c < m_decays; ++c) {
            const double g = std::max(kLeastLogDecay, static_cast<double>(tokenRow(f.logDecay, m_first + r)[c]));
            const auto at = static_cast<std::size_t>(r * m_decays + c);
            m_sums[at + columns] = m_sums[at] + g;
            steps(r, c) = exponentOf(g);
        }
    expRow(m_steps.data, 0.0F);
    m_logEnd.assign(m_sums.end() - static_cast<std::ptrdiff_t>(std::max<std::size_t>(columns, 1)), m_sums.end());
    m_end.resize(m_logEnd.size());
    std::transform(m_logEnd.begin(), m_logEnd.end(), m_end.begin(), exponentOf);
    expRow(m_end, 0.0F);
}

void MixerChunk::copyWrites(const MixerFactors& f)
{
    const auto b = make(m_plain, m_width);
    for (Index r = 0; r < m_rows; ++r) {
        const float* from = tokenRow(f.write, m_first + r);
        const float strength = f.strength.rows > 0 ? *tokenRow(f.strength, m_first + r) : 1.0F;
        std::transform(from, from + m_width, b.row(r), [strength](float x) { return strength * x; });
    }
}

void MixerChunk::decayTo(MatrixView<const float> from, bool undecayed, MatrixView<float> to) const
{
    for (Index r = 0; r < to.rows; ++r)
        multiplyExp(from.row(r), m_sums.data() + (r + (undecayed ? 0 : 1)) * m_decays, m_sums.data(), m_decays, to.rowSpan(r));
}

void MixerChunk::decayToEnd(MatrixView<const float> from, MatrixView<float> to) const
{
    for (Index r = 0; r < to.rows; ++r)
        multiplyExp(from.row(r), m_logEnd.data(), m_sums.data() + (r + 1) * m_decays, m_decays, to.rowSpan(r));
}

/// out_rs = sum_c x_rc y_sc e^(E_rc - G_sc) for s <= r, or s < r where strict; E is G before or after the decay of row r.
void MixerChunk::gram(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, bool strict, MatrixView<float> out)
{
    if (m_decays > 1)
        return gramOfVectors(x, y, undecayed, strict || undecayed, out);
    gramOfScalars(x, y, undecayed, strict || undecayed ? 0 : 1, out);
}

void MixerChunk::gramOfScalars(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, Index more, MatrixView<float> out)
{
    gemmNT(x, y, out);
    std::vector<float> factors(static_cast<std::size_t>(m_rows));
    for (Index r = 0; r < m_rows; ++r) {
        const auto seen = static_cast<std::size_t>(r + more);
        if (m_decays == 1) {
            const double end = m_sums[static_cast<std::size_t>(r + (undecayed ? 0 : 1))];
            for (std::size_t s = 0; s < seen; ++s)
                factors[s] = exponentOf(end - m_sums[s + 1]);
            expRow(std::span(factors).first(seen), 0.0F);
            std::transform(factors.begin(), factors.begin() + static_cast<std::ptrdiff_t>(seen), out.row(r), out.row(r),
                           std::multiplies<>());
        }
        std::fill(out.row(r) + seen, out.row(r) + m_rows, 0.0F);
    }
}

void MixerChunk::gramOfVectors(MatrixView<const float> x, MatrixView<const float> y, bool undecayed, bool strict, MatrixView<float> out)
{
    const auto left = make(m_left, m_width);
    const auto right = make(m_right, m_width);
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

/// out = (I + sign lower)^-1 of a strictly lower triangle, in float64 row by row.
void MixerChunk::invert(MatrixView<const float> lower, double sign, MatrixView<float> out) const
{
    std::vector<double> rows(static_cast<std::size_t>(m_rows * m_rows), 0.0);
    for (Index r = 0; r < m_rows; ++r) {
        double* row = rows.data() + r * m_rows;
        for (Index s = 0; s < r; ++s) {
            const double factor = -sign * static_cast<double>(lower(r, s));
            const double* other = rows.data() + s * m_rows;
            for (Index c = 0; c <= s; ++c)
                row[c] += factor * other[c];
        }
        row[r] = 1.0;
        std::transform(row, row + m_rows, out.row(r), [](double x) { return static_cast<float>(x); });
    }
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
    const auto writes = make(m_writes, m_width);
    m_erases.data.clear();
    m_corrects.data.clear();
    if (!f.erases())
        return decayToEnd(view(m_plain), writes);
    const auto a = f.erase.rowRange(m_first, m_rows);
    decayTo(a, f.erasesUndecayed, make(m_erases, m_width));
    const auto strict = make(m_strict, m_rows);
    const auto inverse = make(m_inverse, m_rows);
    const auto ends = make(m_product, m_width);
    if (f.correct.rows == 0) {
        gram(a, view(m_plain), f.erasesUndecayed, true, strict);
        invert(strict, 1.0, inverse);
        decayToEnd(view(m_plain), ends);
        gemmTN(inverse, ends, writes);
        return;
    }
    const auto c = f.correct.rowRange(m_first, m_rows);
    gram(a, c, f.erasesUndecayed, true, strict);
    invert(strict, -1.0, inverse);
    decayToEnd(c, ends);
    const auto corrects = make(m_corrects, m_width);
    gemmTN(inverse, ends, corrects);
    gram(a, view(m_plain), f.erasesUndecayed, true, make(m_other, m_rows));
    decayToEnd(view(m_plain), writes);
    gemmTN(view(m_other), corrects, writes, 1.0F, Into::Add);
}

void MixerChunk::prepareQueries(const MixerFactors& f)
{
    MatrixView<const float> q = make(m_queryRows, m_width);
    const Index absent = m_rows - m_queries;
    if (absent == 0)
        q = f.q.rowRange(m_firstQuery, m_rows);
    else {
        std::fill(m_queryRows.data.begin(), m_queryRows.data.end(), 0.0F);
        for (Index i = 0; i < m_queries; ++i)
            std::copy_n(f.q.row(m_firstQuery + i), m_width, m_queryRows.data.data() + (absent + i) * m_width);
    }
    const bool strict = f.skipsOwn || f.readsUndecayed;
    const auto own = make(m_own, m_rows);
    const auto leaving = make(m_leaving, m_width);
    decayTo(q, f.readsUndecayed, leaving);
    if (!f.erases())
        return gram(q, view(m_plain), f.readsUndecayed, strict, own);
    const auto reads = make(m_read, m_rows);
    if (f.correct.rows == 0) {
        gram(q, view(m_plain), f.readsUndecayed, strict, reads);
        gemmNN(reads, view(m_inverse), own);
        const auto erased = make(m_product, m_width);
        gemmNN(own, view(m_erases), erased);
        subtract(erased, leaving);
        return;
    }
    const auto corrected = make(m_product, m_rows);
    gram(q, f.correct.rowRange(m_first, m_rows), f.readsUndecayed, strict, reads);
    gemmNN(reads, view(m_inverse), corrected);
    gemmNN(corrected, view(m_erases), leaving, 1.0F, Into::Add);
    gram(q, view(m_plain), f.readsUndecayed, strict, own);
    gemmNN(corrected, view(m_other), own, 1.0F, Into::Add);
}

MatrixView<const float> MixerChunk::own() const { return view(m_own).rowRange(m_rows - m_queries, m_queries); }

MatrixView<const float> MixerChunk::leaving() const { return view(m_leaving).rowRange(m_rows - m_queries, m_queries); }

} // namespace attnscope
