// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/scores/selected_rows.h"

#include <algorithm>

namespace attnscope {

namespace {

class SelectedRows : public ScoreSource {
public:
    SelectedRows(std::shared_ptr<const ScoreSource> source, std::vector<Index> rows) : m_source(std::move(source)), m_rows(std::move(rows))
    {
    }

    Index rows() const override { return static_cast<Index>(m_rows.size()); }
    Index cols() const override { return m_source->cols(); }
    Provenance provenance() const override { return m_source->provenance(); }
    KeyRange visible(Index row) const override { return m_source->visible(m_rows[static_cast<std::size_t>(row)]); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        for (Index i = 0; i < out.rows; ++i) {
            const MatrixView<float> line{&out(i, 0), 1, out.cols, out.cols};
            const Index row = m_rows[static_cast<std::size_t>(row0 + i)];
            if (auto done = m_source->read({row, col0, 1, out.cols, 0}, Pool::Max, line, context); !done)
                return done;
        }
        return {};
    }

private:
    std::shared_ptr<const ScoreSource> m_source;
    std::vector<Index> m_rows;
};

} // namespace

std::shared_ptr<const ScoreSource> selectRows(std::shared_ptr<const ScoreSource> source, std::vector<Index> rows)
{
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
    std::erase_if(rows, [&](Index row) { return row < 0 || row >= source->rows(); });
    return std::make_shared<SelectedRows>(std::move(source), std::move(rows));
}

} // namespace attnscope
