// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/sequence_projection.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"
#include "core/compute/plain_features.h"
#include "core/engine/projection.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kPooledRows = 4; // of a task

std::string sizeText(const Tensor& t)
{
    return "[" + std::to_string(t.heads()) + ", " + std::to_string(t.rows()) + ", " + std::to_string(t.cols()) + "]";
}

/// Why a loaded array can't serve: its columns are the keys, its heads one for all, or one for each (key/value) head.
Result<void> checkLoaded(const Tensor& t, const char* name, const Inputs& in)
{
    if (t.cols() != in.k.rows())
        return Error{Errc::InvalidShape,
                     std::string(name) + " has " + std::to_string(t.cols()) + " columns but there are " + std::to_string(in.k.rows()) +
                         " keys.",
                     std::string("Load ") + name + " of shape [rank, keys] or [heads, rank, keys] that was made for this length."};
    if (t.batch() != 1 || (t.heads() != 1 && t.heads() != in.k.heads() && t.heads() != in.q.heads()))
        return Error{Errc::InvalidShape,
                     std::string(name) + " is " + sizeText(t) + " but there are " + std::to_string(in.q.heads()) + " query heads and " +
                         std::to_string(in.k.heads()) + " key heads.",
                     "Load one matrix for all heads, or one for each head."};
    return {};
}

} // namespace

Result<SequenceProjection> SequenceProjection::make(const Inputs& inputs, const Params& params, const RunContext& context)
{
    SequenceProjection made;
    made.m_keys = inputs.k.rows();
    made.m_heads = inputs.q.heads();
    made.m_rank = std::min(params.integer("rank"), made.m_keys);
    const std::string& kind = params.text("projection");
    if (kind == "conv")
        made.m_keyMix = made.m_valueMix = SequenceMix::Hann;
    if (kind == "max-pool")
        made.m_keyMix = SequenceMix::Max;
    Result<void> ready;
    if (kind == "gaussian" || kind == "theorem-1" || kind == "theorem-2")
        ready = made.draw(params, context);
    else if (kind == "loaded")
        ready = made.load(inputs, params);
    if (!ready)
        return ready.error();
    return made;
}

Result<void> SequenceProjection::draw(const Params& params, const RunContext& context)
{
    m_e = m_f = sharedGaussian(m_rank, m_keys, params.seed, context);
    if (!m_e)
        return cancelledError();
    m_keyMix = m_valueMix = SequenceMix::Matrix;
    if (params.text("projection") == "theorem-2") {
        const double delta = params.number("delta") > 0.0 ? params.number("delta") : 1.0 / static_cast<double>(m_keys);
        m_eFactor = delta;
        m_fFactor = std::exp(-delta);
    }
    return {};
}

Result<void> SequenceProjection::load(const Inputs& inputs, const Params& params)
{
    const auto e = params.tensors.find("e");
    const auto f = params.tensors.find("f");
    if (e == params.tensors.end() || !e->second)
        return Error{Errc::InvalidParam, "Linformer's projection is \"loaded\" but no matrix E is given.",
                     "Give the parameter e a file with E of shape [rank, keys], or choose another projection."};
    m_e = e->second;
    m_f = f == params.tensors.end() || !f->second ? m_e : f->second;
    if (auto good = checkLoaded(*m_e, "E", inputs); !good)
        return good.error();
    if (auto good = checkLoaded(*m_f, "F", inputs); !good)
        return good.error();
    m_rank = m_e->rows();
    if (m_f->rows() != m_rank)
        return Error{Errc::InvalidShape, "E has " + std::to_string(m_rank) + " rows but F has " + std::to_string(m_f->rows()) + ".",
                     "E and F need the same rank."};
    m_keyMix = m_valueMix = SequenceMix::Matrix;
    return {};
}

MatrixView<const float> SequenceProjection::matrixOf(const Tensor& matrix, HeadRef head) const
{
    return matrix.matrix({0, matrix.heads() == 1 ? 0 : head.head * matrix.heads() / m_heads});
}

double SequenceProjection::blockWeight(SequenceMix mix, Index r, Index key) const
{
    const Index first = blockStart(r);
    const Index length = blockStart(r + 1) - first;
    if (key < first || key >= first + length)
        return 0.0;
    if (mix == SequenceMix::Mean || length == 1)
        return 1.0 / static_cast<double>(length);
    const double wave = std::sin(std::numbers::pi * (static_cast<double>(key - first) + 0.5) / static_cast<double>(length));
    return 2.0 * wave * wave / static_cast<double>(length);
}

/// The rows firstRow ... lastRow - 1 of out.
void SequenceProjection::pool(SequenceMix mix, MatrixView<const float> x, Index firstRow, Index lastRow, MatrixView<float> out) const
{
    std::vector<double> sum(static_cast<std::size_t>(x.cols));
    for (Index r = firstRow; r < lastRow; ++r) {
        const Index first = blockStart(r);
        if (mix == SequenceMix::Max)
            std::copy_n(x.row(first), x.cols, out.row(r));
        std::fill(sum.begin(), sum.end(), 0.0);
        if (mix == SequenceMix::Mean) {
            addColumns(x.rowRange(first, blockStart(r + 1) - first), sum);
            const double weight = blockWeight(mix, r, first);
            std::transform(sum.begin(), sum.end(), out.row(r), [weight](double s) { return static_cast<float>(weight * s); });
            continue;
        }
        for (Index j = first; j < blockStart(r + 1); ++j)
            if (mix == SequenceMix::Max)
                std::transform(x.row(j), x.row(j) + x.cols, out.row(r), out.row(r), [](float a, float b) { return std::max(a, b); });
            else
                std::transform(sum.begin(), sum.end(), x.row(j), sum.begin(),
                               [w = blockWeight(mix, r, j)](double s, float value) { return s + w * value; });
        if (mix != SequenceMix::Max)
            std::transform(sum.begin(), sum.end(), out.row(r), [](double s) { return static_cast<float>(s); });
    }
}

Tensor SequenceProjection::project(SequenceMix mix, const Tensor* matrix, double factor, HeadRef head, MatrixView<const float> x,
                                   const RunContext& context) const
{
    Tensor out(1, 1, m_rank, x.cols);
    if (mix == SequenceMix::Matrix)
        gemmNN(matrixOf(*matrix, head), x, out.matrix(), static_cast<float>(factor));
    else
        parallelFor(m_rank, kPooledRows, context, [&](Index first, Index last) { pool(mix, x, first, last, out.matrix()); });
    return out;
}

double SequenceProjection::entry(SequenceMix mix, const Tensor* matrix, double factor, HeadRef head, Index r, Index key) const
{
    return mix == SequenceMix::Matrix ? factor * matrixOf(*matrix, head)(r, key) : blockWeight(mix, r, key);
}

Tensor SequenceProjection::valuesTransposed(HeadRef head) const
{
    Tensor out(1, 1, m_keys, m_rank);
    for (Index r = 0; r < m_rank; ++r)
        for (Index j = 0; j < m_keys; ++j)
            out.matrix()(j, r) = static_cast<float>(f(head, r, j));
    return out;
}

} // namespace attnscope
