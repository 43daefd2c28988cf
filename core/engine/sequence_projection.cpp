// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/sequence_projection.h"

#include "core/compute/dense.h"
#include "core/compute/feature_ops.h"
#include "core/engine/projection.h"

#include <algorithm>
#include <string>
#include <vector>

namespace attnscope {

namespace {

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
    if (params.text("projection") == "gaussian") {
        made.m_e = made.m_f = sharedGaussian(made.m_rank, made.m_keys, params.seed, context);
        if (!made.m_e)
            return cancelledError();
    } else if (params.text("projection") == "loaded") {
        const auto e = params.tensors.find("e");
        const auto f = params.tensors.find("f");
        if (e == params.tensors.end() || !e->second)
            return Error{Errc::InvalidParam, "Linformer's projection is \"loaded\" but no matrix E is given.",
                         "Give the parameter e a file with E of shape [rank, keys], or choose another projection."};
        made.m_e = e->second;
        made.m_f = f == params.tensors.end() || !f->second ? made.m_e : f->second;
        if (auto good = checkLoaded(*made.m_e, "E", inputs); !good)
            return good.error();
        if (auto good = checkLoaded(*made.m_f, "F", inputs); !good)
            return good.error();
        made.m_rank = made.m_e->rows();
        if (made.m_f->rows() != made.m_rank)
            return Error{Errc::InvalidShape,
                         "E has " + std::to_string(made.m_rank) + " rows but F has " + std::to_string(made.m_f->rows()) + ".",
                         "E and F need the same rank."};
    }
    return made;
}

MatrixView<const float> SequenceProjection::matrixOf(const Tensor& matrix, HeadRef head) const
{
    return matrix.matrix({0, matrix.heads() == 1 ? 0 : head.head * matrix.heads() / m_heads});
}

Tensor SequenceProjection::project(const Tensor* matrix, HeadRef head, MatrixView<const float> x) const
{
    Tensor out(1, 1, m_rank, x.cols);
    if (matrix) {
        gemmNN(matrixOf(*matrix, head), x, out.matrix());
        return out;
    }
    std::vector<double> sum(static_cast<std::size_t>(x.cols));
    for (Index r = 0; r < m_rank; ++r) {
        std::fill(sum.begin(), sum.end(), 0.0);
        for (Index j = blockStart(r); j < blockStart(r + 1); ++j)
            rescaleAndAdd(sum, 1.0, x.rowSpan(j));
        const auto count = static_cast<double>(blockStart(r + 1) - blockStart(r));
        std::transform(sum.begin(), sum.end(), out.matrix().row(r), [count](double s) { return static_cast<float>(s / count); });
    }
    return out;
}

float SequenceProjection::entry(const Tensor* matrix, HeadRef head, Index r, Index key) const
{
    if (matrix)
        return matrixOf(*matrix, head)(r, key);
    const bool inside = key >= blockStart(r) && key < blockStart(r + 1);
    return inside ? 1.0F / static_cast<float>(blockStart(r + 1) - blockStart(r)) : 0.0F;
}

Tensor SequenceProjection::valuesTransposed(HeadRef head) const
{
    Tensor out(1, 1, m_keys, m_rank);
    for (Index r = 0; r < m_rank; ++r)
        for (Index j = 0; j < m_keys; ++j)
            out.matrix()(j, r) = f(head, r, j);
    return out;
}

} // namespace attnscope
