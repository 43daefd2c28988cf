// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/dense_source.h"

#include <algorithm>

namespace attnscope {

namespace {

class DenseSource final : public ScoreSource {
public:
    DenseSource(Tensor matrix, Provenance provenance, Index firstVisible)
        : m_matrix(std::move(matrix)), m_provenance(provenance), m_firstVisible(firstVisible)
    {
    }

    Index rows() const override { return m_matrix.rows(); }
    Index cols() const override { return m_matrix.cols(); }
    Provenance provenance() const override { return m_provenance; }
    KeyRange visible(Index row) const override { return {0, std::min(cols(), m_firstVisible + row)}; }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        if (context.cancelled())
            return cancelledError();
        for (Index i = 0; i < out.rows; ++i) {
            const Index seen = std::clamp<Index>(visible(row0 + i).last - col0, 0, out.cols);
            std::copy_n(m_matrix.matrix().row(row0 + i) + col0, seen, out.row(i));
            std::fill(out.row(i) + seen, out.row(i) + out.cols, 0.0F);
        }
        return {};
    }

private:
    Tensor m_matrix;
    Provenance m_provenance;
    Index m_firstVisible;
};

} // namespace

std::shared_ptr<const ScoreSource> makeDenseSource(Tensor matrix, Provenance provenance, Index firstVisible)
{
    return std::make_shared<DenseSource>(std::move(matrix), provenance, firstVisible);
}

std::shared_ptr<const ScoreSource> makeDenseSource(Tensor matrix, Provenance provenance)
{
    const Index all = matrix.cols();
    return makeDenseSource(std::move(matrix), provenance, all);
}

} // namespace attnscope
