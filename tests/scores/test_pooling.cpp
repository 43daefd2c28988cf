// SPDX-License-Identifier: GPL-3.0-or-later
// Pooling loses no bright cell, of maps and of errors, and indices hold where n x n leaves 32 bits.
#include "core/scores/dense_source.h"
#include "core/scores/difference.h"
#include "core/scores/pooling.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <set>
#include <tuple>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// An n x n map of zeros with 1 in a few cells; whatever is known to be zero is skipped where `sparse`.
class BrightCells final : public ScoreSource {
public:
    BrightCells(Index n, std::set<std::pair<Index, Index>> cells, bool sparse) : m_n(n), m_cells(std::move(cells)), m_sparse(sparse) {}

    Index rows() const override { return m_n; }
    Index cols() const override { return m_n; }
    Provenance provenance() const override { return Provenance::Exact; }
    bool isZero(Index row0, Index col0, Index rowCount, Index colCount) const override
    {
        return m_sparse && std::none_of(m_cells.begin(), m_cells.end(), [&](const auto& cell) {
                   return cell.first >= row0 && cell.first < row0 + rowCount && cell.second >= col0 && cell.second < col0 + colCount;
               });
    }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext&) const override
    {
        for (Index i = 0; i < out.rows; ++i) {
            std::fill_n(out.row(i), out.cols, 0.0F);
            for (auto cell = m_cells.lower_bound({row0 + i, col0});
                 cell != m_cells.end() && cell->first == row0 + i && cell->second < col0 + out.cols; ++cell)
                out(i, cell->second - col0) = 1.0F;
        }
        return {};
    }

private:
    Index m_n;
    std::set<std::pair<Index, Index>> m_cells;
    bool m_sparse;
};

} // namespace

class TestPooling : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyBrightCellSurvives()
    {
        std::set<std::pair<Index, Index>> cells;
        for (Index i = 30; i < 8000; i += 61)
            for (Index j = 30; j < 8000; j += 61)
                cells.emplace(i, j);
        QCOMPARE(cells.size(), std::size_t{17161});
        const BrightCells source(8000, cells, false);
        for (const int level : {2, 5}) { // at most 32 cells wide: each bright cell lies in an output cell of its own
            for (const Pool pool : {Pool::Max, Pool::Extreme}) {
                const Tensor map = readWhole(source, level, pool);
                QCOMPARE(std::count(map.values().begin(), map.values().end(), 1.0F), std::ptrdiff_t{17161});
                for (const auto& [i, j] : cells)
                    QCOMPARE(map.matrix()(i >> level, j >> level), 1.0F);
            }
        }
        const Tensor mean = readWhole(source, 5, Pool::Mean);
        QCOMPARE(std::count(mean.values().begin(), mean.values().end(), 1.0F / 1024.0F), std::ptrdiff_t{17161});
        const Tensor coarse = readWhole(source, 6, Pool::Max); // 64 wide: every output cell holds at least one
        QCOMPARE(std::count(coarse.values().begin(), coarse.values().end(), 1.0F), std::ptrdiff_t{125 * 125});
        const Tensor least = readWhole(source, 6, Pool::Min);
        QCOMPARE(std::count(least.values().begin(), least.values().end(), 0.0F), std::ptrdiff_t{125 * 125});
    }

    void indicesHoldPast32Bits_data()
    {
        QTest::addColumn<int>("n");
        for (const int n : {46341, 65536, 100000})
            QTest::addRow("%d", n) << n;
    }
    void indicesHoldPast32Bits()
    {
        QFETCH(int, n);
        const Index last = n - 1;
        // Corners, and the cells whose linear index is just below and above 2^31 and 2^32.
        std::set<std::pair<Index, Index>> cells{{0, 0}, {0, last}, {last, 0}, {last, last}};
        for (const Index at : {(Index{1} << 31) - 1, Index{1} << 31, (Index{1} << 32) - 1, Index{1} << 32})
            if (at < Index{n} * n)
                cells.emplace(at / n, at % n);
        const BrightCells source(n, cells, true);
        for (const int level : {6, 9}) {
            std::set<std::pair<Index, Index>> lit;
            for (const auto& [i, j] : cells)
                lit.emplace(i >> level, j >> level);
            for (const Pool pool : {Pool::Max, Pool::Mean, Pool::Extreme}) {
                const Tensor map = readWhole(source, level, pool);
                QCOMPARE(map.rows(), pooledSize(n, level));
                for (Index r = 0; r < map.rows(); ++r)
                    for (Index c = 0; c < map.cols(); ++c)
                        QVERIFY((map.matrix()(r, c) > 0.0F) == lit.contains({r, c}));
            }
        }
        for (const auto& [i, j] : cells)
            QCOMPARE(*source.cell(i, j), 1.0F);
        QCOMPARE(*source.cell(last, last - 1), 0.0F);
        QVERIFY(!source.cell(n, 0).ok());
    }

    void everyBrightErrorSurvives()
    {
        // Half of the errors are +1 and half -1, side by side: pooled maps would be equal.
        std::set<std::pair<Index, Index>> above;
        std::set<std::pair<Index, Index>> below;
        for (Index i = 30; i < 8000; i += 61)
            for (Index j = 30; j < 8000; j += 61)
                (above.size() > below.size() ? below : above).emplace(i, j);
        QCOMPARE(above.size() + below.size(), std::size_t{17161});
        const auto count = [](const Tensor& map, float value) { return std::count(map.values().begin(), map.values().end(), value); };
        const auto error = *makeDifference(std::make_shared<BrightCells>(8000, above, true),
                                           std::make_shared<BrightCells>(8000, below, true), DifferenceMetric::Error);
        QCOMPARE(count(readWhole(*error, 5, Pool::Max), 1.0F), static_cast<std::ptrdiff_t>(above.size()));
        QCOMPARE(count(readWhole(*error, 5, Pool::Min), -1.0F), static_cast<std::ptrdiff_t>(below.size()));
        const Tensor extreme = readWhole(*error, 5, Pool::Extreme);
        QCOMPARE(count(extreme, 1.0F), static_cast<std::ptrdiff_t>(above.size()));
        QCOMPARE(count(extreme, -1.0F), static_cast<std::ptrdiff_t>(below.size()));
        const Tensor mean = readWhole(*error, 5, Pool::Mean);
        QCOMPARE(count(mean, 1.0F / 1024.0F), static_cast<std::ptrdiff_t>(above.size()));
        QCOMPARE(count(mean, -1.0F / 1024.0F), static_cast<std::ptrdiff_t>(below.size()));
    }

    void indicesOfErrorsHoldPast32Bits_data() { indicesHoldPast32Bits_data(); }
    void indicesOfErrorsHoldPast32Bits()
    {
        QFETCH(int, n);
        const Index last = n - 1;
        const std::set<std::pair<Index, Index>> above{{0, last}, {last, last}, {46340, 46340}};
        const std::set<std::pair<Index, Index>> below{{last, 0}, {last, last - 600}};
        const auto error = *makeDifference(std::make_shared<BrightCells>(n, above, true), std::make_shared<BrightCells>(n, below, true),
                                           DifferenceMetric::Error);
        const auto cellsOf = [](const std::set<std::pair<Index, Index>>& cells, int level) {
            std::set<std::pair<Index, Index>> pooled;
            for (const auto& [i, j] : cells)
                pooled.emplace(i >> level, j >> level);
            return pooled;
        };
        for (const auto& [pool, value, cells] : {std::tuple{Pool::Max, 1.0F, above}, {Pool::Min, -1.0F, below}}) {
            const Tensor map = readWhole(*error, 8, pool);
            std::set<std::pair<Index, Index>> lit;
            for (Index r = 0; r < map.rows(); ++r)
                for (Index c = 0; c < map.cols(); ++c)
                    if (map.matrix()(r, c) == value)
                        lit.emplace(r, c);
            QVERIFY(lit == cellsOf(cells, 8));
        }
        QCOMPARE(*error->cell(last, 0), -1.0F);
        QCOMPARE(*error->cell(last, last), 1.0F);
    }

    void zerosCountLikeCells()
    {
        for (const Pool pool : {Pool::Max, Pool::Mean, Pool::Min, Pool::Extreme})
            for (const float value : {-2.0F, 3.0F}) {
                std::vector<float> cells(3 * 5, value);
                std::vector<float> zeros(3 * 5, 0.0F);
                Tensor told(1, 1, 2, 3);
                Tensor skipped(1, 1, 2, 3);
                PoolAccumulator a(told.matrix(), pool, 1);
                PoolAccumulator b(skipped.matrix(), pool, 1);
                a.add(0, 0, {cells.data(), 1, 5, 5});
                a.add(1, 0, {zeros.data(), 2, 5, 5});
                b.add(0, 0, {cells.data(), 1, 5, 5});
                b.addZeros(1, 0, 2, 5);
                a.finish();
                b.finish();
                QCOMPARE(maxDifference(told, skipped), 0.0);
            }
    }

    void levelsOfARandomMapEqualItsCells()
    {
        Tensor cells(1, 1, 173, 2100);
        std::mt19937_64 random(101);
        fillNormal(cells.values(), random);
        const Tensor copy = [&] {
            Tensor t(1, 1, 173, 2100);
            std::copy(cells.values().begin(), cells.values().end(), t.values().begin());
            return t;
        }();
        const auto source = makeDenseSource(std::move(cells));
        for (const int level : {1, 4, 7, 12})
            for (const Pool pool : {Pool::Max, Pool::Min, Pool::Extreme}) {
                const Tensor map = readWhole(*source, level, pool);
                for (Index r = 0; r < map.rows(); ++r)
                    for (Index c = 0; c < map.cols(); ++c) {
                        float best = copy.matrix()(r << level, c << level);
                        for (Index i = r << level; i < std::min<Index>(173, (r + 1) << level); ++i)
                            for (Index j = c << level; j < std::min<Index>(2100, (c + 1) << level); ++j) {
                                const float x = copy.matrix()(i, j);
                                const bool better = pool == Pool::Max   ? x > best
                                                    : pool == Pool::Min ? x < best
                                                                        : std::fabs(x) > std::fabs(best);
                                best = better ? x : best;
                            }
                        QCOMPARE(map.matrix()(r, c), best);
                    }
            }
    }
};

static const attnscope::tests::RegisterTest<TestPooling> registered("test_pooling");

#include "test_pooling.moc"
