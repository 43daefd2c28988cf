// SPDX-License-Identifier: GPL-3.0-or-later
// What every method promises of inputs within a sliding window: it keeps to it as its definition does, or says that it can't.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// As masks of transformers are written: a query sees a key less than `window` places before its own, and none after it if causal.
bool seen(Index i, Index j, Index offset, Index window, bool causal)
{
    return causal ? j <= i + offset && j > i + offset - window : std::abs(i + offset - j) < window;
}

const Shape kShape{2, 4, 67, 131, 24, 19};
constexpr Index kKvHeads = 2;
constexpr HeadRef kHead{1, 3};

/// The worst |x - truth| / max |truth|.
double residual(const Tensor& x, const DefinedMap& truth)
{
    double size = 0.0;
    for (const double cell : truth.cells)
        size = std::max(size, std::fabs(cell));
    Matrix64 cells(truth.rows, truth.cols);
    cells.values = truth.cells;
    return maxDifference(x, cells) / size;
}

Tensor outputOf(const DefinedMap& map, MatrixView<const float> v)
{
    Tensor out(1, 1, map.rows, v.cols);
    for (Index i = 0; i < map.rows; ++i)
        for (Index c = 0; c < v.cols; ++c) {
            double sum = 0.0;
            for (Index j = 0; j < map.cols; ++j)
                sum += map.at(i, j) * v(j, c);
            out.matrix()(i, c) = static_cast<float>(sum);
        }
    return out;
}

Tensor copyOf(MatrixView<const float> m)
{
    Tensor copy(1, 1, m.rows, m.cols);
    for (Index i = 0; i < m.rows; ++i)
        std::copy_n(m.row(i), m.cols, copy.matrix().row(i));
    return copy;
}

} // namespace

class TestSlidingWindow : public QObject {
    Q_OBJECT

private:
    static void addForms(bool supporting)
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("window");
        for (const auto& method : allMethods())
            for (const bool causal : {false, true})
                for (const int window : {1, 5, 40, 4096})
                    if (method->info().supportsWindow == supporting &&
                        (causal ? method->info().supportsCausal : method->info().supportsBidirectional))
                        QTest::addRow("%s, %s, %d", method->info().id.c_str(), causal ? "causal" : "bidirectional", window)
                            << QString::fromStdString(method->info().id) << causal << window;
    }

private Q_SLOTS:
    void mapsAndOutputsKeepToTheirDefinition_data() { addForms(true); }
    void mapsAndOutputsKeepToTheirDefinition()
    {
        QFETCH(QString, id);
        QFETCH(bool, causal);
        QFETCH(int, window);
        const auto data = randomInputs(kShape, 3, 0.7F, kKvHeads);
        Inputs in = data.inputs(causal);
        in.window = window;
        const AttentionMethod& method = *findMethod(id.toStdString());
        const Params params = defaultParams(method.info().params, 1);
        const auto truth = method.define(in, kHead, params);
        const auto source = method.scores(in, kHead, params, {});
        const auto output = method.run(in, params, {});
        QVERIFY(truth.ok() && source.ok() && output.ok());
        const Tensor map = readWhole(**source);
        const double allowed = std::max(1e-5, 1e-6 * truth->condition);
        QVERIFY2(residual(map, *truth) < allowed, qPrintable(QString::number(residual(map, *truth))));
        const Tensor expected = outputOf(*truth, in.vOf(kHead));
        const double gap = maxDifference(copyOf(output->matrix(kHead)), expected);
        QVERIFY2(gap < 4.0 * allowed, qPrintable(QString::number(gap)));
        if (method.info().looksAhead)
            return;
        for (Index i = 0; i < map.rows(); ++i)
            for (Index j = 0; j < map.cols(); ++j)
                if (!seen(i, j, map.cols() - map.rows(), window, causal)) {
                    QCOMPARE(map.matrix()(i, j), 0.0F);
                    QVERIFY(!(*source)->visible(i).contains(j));
                }
    }

    void poolsReadTheSameCells_data() { addForms(true); }
    void poolsReadTheSameCells()
    {
        QFETCH(QString, id);
        QFETCH(bool, causal);
        QFETCH(int, window);
        const auto data = randomInputs(kShape, 4, 0.7F, kKvHeads);
        Inputs in = data.inputs(causal);
        in.window = window;
        const AttentionMethod& method = *findMethod(id.toStdString());
        const auto source = method.scores(in, kHead, defaultParams(method.info().params, 1), {});
        QVERIFY(source.ok());
        const Tensor cells = readWhole(**source);
        for (const Pool pool : {Pool::Max, Pool::Mean, Pool::Min}) {
            const Tensor pooled = readWhole(**source, 3, pool);
            for (Index r = 0; r < pooled.rows(); ++r)
                for (Index c = 0; c < pooled.cols(); ++c) {
                    double sum = 0.0;
                    double count = 0.0;
                    float most = -INFINITY;
                    float least = INFINITY;
                    for (Index i = 8 * r; i < std::min(cells.rows(), 8 * r + 8); ++i)
                        for (Index j = 8 * c; j < std::min(cells.cols(), 8 * c + 8); ++j) {
                            const float cell = cells.matrix()(i, j);
                            sum += static_cast<double>(cell);
                            count += 1.0;
                            most = std::max(most, cell);
                            least = std::min(least, cell);
                        }
                    const double expected = pool == Pool::Mean ? sum / count : static_cast<double>(pool == Pool::Max ? most : least);
                    QVERIFY(std::fabs(static_cast<double>(pooled.matrix()(r, c)) - expected) < 1e-6);
                }
        }
    }

    void exactMethodsEqualTheWrittenOutMask_data()
    {
        QTest::addColumn<bool>("causal");
        QTest::addColumn<int>("window");
        for (const int window : {1, 7, 64, 131})
            for (const bool causal : {false, true})
                QTest::addRow("%s %d", causal ? "causal" : "bidirectional", window) << causal << window;
    }
    void exactMethodsEqualTheWrittenOutMask()
    {
        QFETCH(bool, causal);
        QFETCH(int, window);
        const auto data = randomInputs(kShape, 5, 1.0F, kKvHeads);
        Inputs in = data.inputs(causal);
        in.window = window;
        Matrix64 truth(kShape.queries, kShape.keys);
        const auto q = in.qOf(kHead);
        const auto k = in.kOf(kHead);
        for (Index i = 0; i < truth.rows; ++i) {
            double sum = 0.0;
            for (Index j = 0; j < truth.cols; ++j) {
                double dot = 0.0;
                for (Index c = 0; c < q.cols; ++c)
                    dot += static_cast<double>(q(i, c)) * k(j, c);
                truth(i, j) = seen(i, j, kShape.keys - kShape.queries, window, causal) ? std::exp(dot / std::sqrt(24.0)) : 0.0;
                sum += truth(i, j);
            }
            for (Index j = 0; j < truth.cols; ++j)
                truth(i, j) /= sum;
        }
        for (const char* id : {"softmax", "softmax-reference"}) {
            const auto source = findMethod(id)->scores(in, kHead, {}, {});
            QVERIFY(source.ok());
            const double gap = maxDifference(readWhole(**source), truth);
            QVERIFY2(gap < 1e-6, qPrintable(QStringLiteral("%1 %2").arg(id).arg(gap)));
        }
    }

    void globalTokensOfTheWindowMethodStayInsideTheInputs()
    {
        const auto data = randomInputs(kShape, 6, 1.0F, kKvHeads);
        Inputs in = data.inputs(true);
        in.window = 80; // hides the global keys from the last queries
        const auto params = paramsOf("window", {{"window", "10"}, {"globals", "9"}});
        const auto source = findMethod("window")->scores(in, kHead, params, {});
        const auto truth = findMethod("window")->define(in, kHead, params);
        QVERIFY(source.ok() && truth.ok());
        const Tensor map = readWhole(**source);
        QVERIFY(residual(map, *truth) < 1e-5);
        QVERIFY(map.matrix()(0, 8) > 0.0F); // query 0 stands at key 64
        QVERIFY(map.matrix()(30, 8) == 0.0F);
        const auto output = findMethod("window")->run(in, params, {});
        QVERIFY(output.ok());
        QVERIFY(maxDifference(copyOf(output->matrix(kHead)), outputOf(*truth, in.vOf(kHead))) < 1e-5);
    }

    void theOthersRefuse_data() { addForms(false); }
    void theOthersRefuse()
    {
        QFETCH(QString, id);
        QFETCH(bool, causal);
        QFETCH(int, window);
        const auto data = randomInputs({1, 1, 9, 9, 8, 8}, 7);
        Inputs in = data.inputs(causal);
        in.window = window;
        const AttentionMethod& method = *findMethod(id.toStdString());
        const Params params = defaultParams(method.info().params);
        const auto output = method.run(in, params, {});
        const auto source = method.scores(in, {}, params, {});
        QVERIFY(!output.ok() && !source.ok());
        QCOMPARE(output.error().code, Errc::Unsupported);
        QVERIFY2(output.error().what.find("sliding window") != std::string::npos, output.error().what.c_str());
        QCOMPARE(source.error().code, Errc::Unsupported);
    }
};

static const attnscope::tests::RegisterTest<TestSlidingWindow> registered("test_sliding_window");

#include "test_sliding_window.moc"
