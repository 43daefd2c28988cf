// SPDX-License-Identifier: GPL-3.0-or-later
// What every method of the registry promises: its map is its output's, reads agree, masks hold, errors are refused politely.
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <limits>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr double kEps = std::numeric_limits<float>::epsilon();

struct Case {
    const char* name;
    Shape shape;
    Index kvHeads;
};

const Case kCases[] = {
    {"n = 1", {1, 1, 1, 1, 40, 40}, 1},
    {"n = 17, grouped heads", {2, 4, 17, 17, 40, 24}, 2},
    {"n = 100", {1, 2, 100, 100, 40, 56}, 1},
    {"n = 1000", {1, 1, 1000, 1000, 40, 12}, 1},
};

/// A logit is a sum of D products and an output one of n: rounding of D eps and, errors being independent, sqrt(n) eps, on
/// values as large as V's. The factor 4 covers exponentials, divisions and a second product.
double tolerance(const Shape& s, double valueSize)
{
    return 4.0 * kEps * (static_cast<double>(s.dim) + std::sqrt(static_cast<double>(s.keys))) * valueSize;
}

double largest(std::span<const float> values)
{
    double most = 0.0;
    for (const float x : values)
        most = std::max(most, std::fabs(static_cast<double>(x)));
    return most;
}

} // namespace

class TestMethodContract : public QObject {
    Q_OBJECT

private:
    /// Each method x form that it supports.
    static void addForms()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<bool>("causal");
        for (const auto& method : allMethods())
            for (const bool causal : {false, true})
                if (causal ? method->info().supportsCausal : method->info().supportsBidirectional)
                    QTest::addRow("%s, %s", method->info().id.c_str(), causal ? "causal" : "bidirectional")
                        << QString::fromStdString(method->info().id) << causal;
    }

    static void addMethods()
    {
        QTest::addColumn<QString>("id");
        for (const auto& method : allMethods())
            QTest::newRow(method->info().id.c_str()) << QString::fromStdString(method->info().id);
    }

    static const AttentionMethod& current()
    {
        QFETCH(QString, id);
        return *findMethod(id.toStdString());
    }

    static Params defaults(const AttentionMethod& method) { return defaultParams(method.info().params, 5); }

    /// How much rounding the definition itself magnifies: signed weights may be divided by sums far below their terms.
    static double magnification(const AttentionMethod& method, const Inputs& in, HeadRef head)
    {
        if (method.info().nonNegative)
            return 1.0;
        const auto defined = method.define(in, head, defaults(method));
        return defined ? std::max(1.0, defined->condition) : 1.0;
    }

    static Tensor mapOf(const AttentionMethod& method, const Inputs& in, HeadRef head)
    {
        const auto source = method.scores(in, head, defaults(method), {});
        return source ? readWhole(**source) : Tensor();
    }

    /// max |out_h - map V_h|, in float64.
    static double outputError(const Inputs& in, HeadRef head, const Tensor& map, const Tensor& out)
    {
        if (map.empty())
            return INFINITY;
        const auto v = in.vOf(head);
        double worst = 0.0;
        for (Index i = 0; i < map.rows(); ++i)
            for (Index c = 0; c < v.cols; ++c) {
                double sum = 0.0;
                for (Index j = 0; j < v.rows; ++j)
                    sum += static_cast<double>(map.matrix()(i, j)) * v(j, c);
                const double d = std::fabs(out.matrix(head)(i, c) - sum);
                worst = d <= worst ? worst : std::isnan(d) ? INFINITY : d;
            }
        return worst;
    }

private Q_SLOTS:
    void infoIsComplete_data() { addMethods(); }
    void infoIsComplete()
    {
        const MethodInfo& info = current().info();
        for (const auto* text : {&info.title, &info.summary, &info.formula, &info.reference, &info.timeGrowth, &info.memoryGrowth})
            QVERIFY(!text->empty());
        QVERIFY(info.summary.ends_with('.'));
        for (const auto& spec : info.params) {
            QVERIFY(!spec.label.empty() && spec.help.ends_with('.'));
            QVERIFY(spec.kind != ParamKind::Number || (spec.min <= spec.initial && spec.initial <= spec.max));
            QVERIFY(spec.kind != ParamKind::Choice || !spec.choices.empty());
        }
    }

    void outputIsMapTimesValues_data() { addForms(); }
    void outputIsMapTimesValues()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        for (const Case& c : kCases) {
            const auto data = randomInputs(c.shape, 61, 1.0F, c.kvHeads);
            const auto in = data.inputs(causal);
            const auto out = method.run(in, defaults(method), {});
            QVERIFY2(out.ok(), c.name);
            QCOMPARE(out->shape(), (std::array<Index, 4>{c.shape.batch, c.shape.heads, c.shape.queries, c.shape.valueDim}));
            const HeadRef last{c.shape.batch - 1, c.shape.heads - 1};
            for (const HeadRef head : {HeadRef{0, 0}, last}) {
                const double error = outputError(in, head, mapOf(method, in, head), *out);
                const double limit = magnification(method, in, head) * tolerance(c.shape, largest(data.v.values()));
                QVERIFY2(error <= limit, qPrintable(QString("%1: %2").arg(c.name).arg(error)));
            }
        }
    }

    void rowSumsAreOne_data() { addForms(); }
    void rowSumsAreOne()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        for (const Case& c : kCases) {
            const auto data = randomInputs(c.shape, 62, 1.0F, c.kvHeads);
            const Tensor map = mapOf(method, data.inputs(causal), {});
            QVERIFY(!map.empty());
            double worst = 0.0;
            for (Index i = 0; i < map.rows(); ++i) {
                double sum = -1.0;
                for (const float x : map.matrix().rowSpan(i))
                    sum += static_cast<double>(x);
                worst = std::max(worst, std::fabs(sum));
            }
            const double limit = magnification(method, data.inputs(causal), {}) * tolerance(c.shape, 1.0);
            QVERIFY2(!method.info().rowsSumToOne || worst <= limit, qPrintable(QString("%1: %2").arg(c.name).arg(worst)));
        }
    }

    void maskedCellsAreZero_data() { addForms(); }
    void maskedCellsAreZero()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 60, 75, 16, 8}, 63);
        const auto source = method.scores(data.inputs(causal), {}, defaults(method), {});
        QVERIFY(source.ok());
        const Tensor map = readWhole(**source);
        QVERIFY(!map.empty());
        for (Index i = 0; i < 60; ++i) {
            const KeyRange visible = (*source)->visible(i);
            QVERIFY(visible == (KeyRange{0, causal && !method.info().looksAhead ? i + 16 : 75}));
            for (Index j = visible.last; j < 75; ++j)
                QCOMPARE(map.matrix()(i, j), 0.0F);
        }
    }

    void blocksAgreeWithTheWhole_data() { addForms(); }
    void blocksAgreeWithTheWhole()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 2, 151, 151, 40, 8}, 64);
        const auto source = method.scores(data.inputs(causal), {0, 1}, defaults(method), {});
        QVERIFY(source.ok());
        const Tensor whole = readWhole(**source);
        const double size = largest(whole.values());
        for (Index row = 0; row < 151; row += 23)
            for (Index col = 0; col < 151; col += 37) {
                Tensor part(1, 1, std::min<Index>(23, 151 - row), std::min<Index>(37, 151 - col));
                std::fill(part.values().begin(), part.values().end(), std::nanf(""));
                QVERIFY((*source)->read({row, col, part.rows(), part.cols(), 0}, Pool::Max, part.matrix(), {}).ok());
                for (Index i = 0; i < part.rows(); ++i)
                    for (Index j = 0; j < part.cols(); ++j)
                        QVERIFY(std::fabs(part.matrix()(i, j) - whole.matrix()(row + i, col + j)) <= 4.0 * kEps * size);
            }
        QVERIFY(std::fabs(*(*source)->cell(150, 3) - whole.matrix()(150, 3)) <= 4.0 * kEps * size);
    }

    void pooledLevelsEqualPooledCells_data() { addForms(); }
    void pooledLevelsEqualPooledCells()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 131, 131, 40, 8}, 65);
        const auto source = method.scores(data.inputs(causal), {}, defaults(method), {});
        QVERIFY(source.ok());
        const Tensor whole = readWhole(**source);
        const double size = largest(whole.values());
        for (const int level : {1, 3, 6, 8}) {
            const Tensor mean = readWhole(**source, level, Pool::Mean);
            const Tensor max = readWhole(**source, level, Pool::Max);
            QCOMPARE(mean.rows(), pooledSize(131, level));
            for (Index r = 0; r < mean.rows(); ++r)
                for (Index c = 0; c < mean.cols(); ++c) {
                    double sum = 0.0;
                    double top = -INFINITY;
                    const Index rowEnd = std::min<Index>(131, (r + 1) << level);
                    const Index colEnd = std::min<Index>(131, (c + 1) << level);
                    for (Index i = r << level; i < rowEnd; ++i)
                        for (Index j = c << level; j < colEnd; ++j) {
                            sum += static_cast<double>(whole.matrix()(i, j));
                            top = std::max(top, static_cast<double>(whole.matrix()(i, j)));
                        }
                    const auto cells = static_cast<double>((rowEnd - (r << level)) * (colEnd - (c << level)));
                    QVERIFY(std::fabs(mean.matrix()(r, c) - sum / cells) <= 16.0 * kEps * size);
                    QVERIFY(std::fabs(max.matrix()(r, c) - top) <= 4.0 * kEps * size);
                }
        }
    }

    void laterTokensDoNotMatter_data() { addForms(); }
    void laterTokensDoNotMatter()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        if (!causal || method.info().looksAhead || method.info().laterTokensMatter)
            return;
        const Shape shape{1, 2, 150, 150, 40, 8};
        const auto data = randomInputs(shape, 66);
        const auto out = method.run(data.inputs(true), defaults(method), {});
        auto changed = randomInputs(shape, 66);
        const auto other = randomInputs(shape, 67, 2.0F);
        constexpr Index kKept = 71;
        for (const auto& [to, from] : {std::pair{&changed.q, &other.q}, {&changed.k, &other.k}, {&changed.v, &other.v}})
            for (Index h = 0; h < 2; ++h)
                for (Index i = kKept; i < 150; ++i)
                    std::copy_n(from->matrix({0, h}).row(i), to->cols(), to->matrix({0, h}).row(i));
        const auto again = method.run(changed.inputs(true), defaults(method), {});
        QVERIFY(out && again);
        double before = 0.0;
        double after = 0.0;
        for (Index i = 0; i < 150; ++i)
            for (Index c = 0; c < 8; ++c) {
                double& worst = i < kKept ? before : after;
                worst = std::max(worst, std::fabs(static_cast<double>(out->matrix({0, 1})(i, c)) - again->matrix({0, 1})(i, c)));
            }
        QVERIFY2(before <= tolerance(shape, largest(data.v.values())), qPrintable(QString::number(before)));
        QVERIFY(after > 0.1);
    }

    void constantValuesComeBack_data() { addForms(); }
    void constantValuesComeBack()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        if (!method.info().rowsSumToOne)
            return;
        const Shape shape{1, 1, 100, 100, 40, 3};
        auto data = randomInputs(shape, 68);
        for (Index j = 0; j < 100; ++j)
            for (Index c = 0; c < 3; ++c)
                data.v.matrix()(j, c) = static_cast<float>(c) - 2.5F;
        const auto out = method.run(data.inputs(causal), defaults(method), {});
        QVERIFY(out.ok());
        const double limit = magnification(method, data.inputs(causal), {}) * tolerance(shape, 2.5);
        for (Index i = 0; i < 100; ++i)
            for (Index c = 0; c < 3; ++c)
                QVERIFY(std::fabs(out->matrix()(i, c) - (static_cast<double>(c) - 2.5)) <= limit);
    }

    void permutedTokensPermuteTheMap_data() { addMethods(); }
    void permutedTokensPermuteTheMap()
    {
        const auto& method = current();
        if (!method.info().supportsBidirectional)
            return;
        const Shape shape{1, 1, 700, 700, 16, 4}; // longer than what sparse patterns cover whole
        const auto data = randomInputs(shape, 69);
        auto permuted = randomInputs(shape, 69);
        const auto from = [](Index i) { return i * 79 % 700; }; // 79 and 700 have no common divisor
        for (Index i = 0; i < 700; ++i) {
            std::copy_n(data.q.matrix().row(from(i)), 16, permuted.q.matrix().row(i));
            std::copy_n(data.k.matrix().row(from(i)), 16, permuted.k.matrix().row(i));
        }
        const Tensor map = mapOf(method, data.inputs(), {});
        const Tensor moved = mapOf(method, permuted.inputs(), {});
        QVERIFY(!map.empty() && !moved.empty());
        double worst = 0.0;
        for (Index i = 0; i < 700; ++i)
            for (Index j = 0; j < 700; ++j)
                worst = std::max(worst, std::fabs(static_cast<double>(moved.matrix()(i, j)) - map.matrix()(from(i), from(j))));
        const double size = largest(map.values());
        if (method.info().positional)
            QVERIFY(worst > 0.01 * size);
        else
            QVERIFY2(worst <= 64.0 * kEps * size, qPrintable(QString::number(worst / size)));
    }

    void unsupportedFormsSaySo_data() { addMethods(); }
    void unsupportedFormsSaySo()
    {
        const auto& method = current();
        const auto data = randomInputs({1, 1, 8, 8, 4, 4}, 70);
        for (const bool causal : {false, true}) {
            const bool supported = causal ? method.info().supportsCausal : method.info().supportsBidirectional;
            const auto out = method.run(data.inputs(causal), defaults(method), {});
            QCOMPARE(out.ok(), supported);
            if (!supported) {
                QCOMPARE(out.error().code, Errc::Unsupported);
                QVERIFY(!out.error().hint.empty());
                QCOMPARE(method.scores(data.inputs(causal), {}, defaults(method), {}).error().code, Errc::Unsupported);
            }
        }
    }

    void memoryBudgetIsRespected_data() { addForms(); }
    void memoryBudgetIsRespected()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 64, 64, 8, 8}, 71);
        RunContext tight;
        tight.memoryBudget = 1;
        const auto out = method.run(data.inputs(causal), defaults(method), tight);
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::OutOfMemory);
        QVERIFY(!out.error().what.empty() && !out.error().hint.empty());
        const auto cost = method.cost({1, 1, 64, 64, 8, 8}, defaults(method), causal);
        QVERIFY(cost.flops > 0.0 && cost.bytes > 0.0);
        RunContext enough;
        enough.memoryBudget = static_cast<std::uint64_t>(std::ceil(cost.peakBytes));
        QVERIFY(method.run(data.inputs(causal), defaults(method), enough).ok());
    }

    void stoppedRunsSayCancelled_data() { addForms(); }
    void stoppedRunsSayCancelled()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 2, 200, 200, 8, 8}, 72);
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto out = method.run(data.inputs(causal), defaults(method), context);
        QVERIFY(!out.ok());
        QCOMPARE(out.error().code, Errc::Cancelled);
        const auto source = method.scores(data.inputs(causal), {}, defaults(method), context);
        QVERIFY(!source.ok());
        QCOMPARE(source.error().code, Errc::Cancelled);
        const auto running = method.scores(data.inputs(causal), {}, defaults(method), {});
        QVERIFY(running.ok());
        Tensor cells(1, 1, 50, 50);
        for (const int level : {0, 2}) {
            const auto read = (*running)->read({0, 0, 50, 50, level}, Pool::Max, cells.matrix(), context);
            QVERIFY(!read.ok());
            QCOMPARE(read.error().code, Errc::Cancelled);
        }
    }

    void headsThatAreNotThereAreRefused_data() { addForms(); }
    void headsThatAreNotThereAreRefused()
    {
        const auto& method = current();
        QFETCH(bool, causal);
        const auto data = randomInputs({2, 4, 8, 8, 4, 4}, 74, 1.0F, 2);
        for (const HeadRef head : {HeadRef{0, 4}, HeadRef{0, -1}, HeadRef{2, 0}, HeadRef{-1, 0}}) {
            const auto source = method.scores(data.inputs(causal), head, defaults(method), {});
            QVERIFY(!source.ok());
            QCOMPARE(source.error().code, Errc::InvalidParam);
            QVERIFY(!source.error().what.empty() && !source.error().hint.empty());
        }
    }

    void wrongShapesAreRefused_data() { addMethods(); }
    void wrongShapesAreRefused()
    {
        const auto& method = current();
        const auto right = randomInputs({1, 2, 8, 8, 4, 4}, 73);
        const auto narrow = randomInputs({1, 2, 8, 8, 3, 4}, 73);
        const auto brief = randomInputs({1, 2, 8, 7, 4, 4}, 73);
        const auto heads = randomInputs({1, 3, 8, 8, 4, 4}, 73);
        const Tensor none;
        const Inputs bad[] = {
            {right.q.view(), narrow.k.view(), right.v.view(), false, 0.0F, nullptr},
            {right.q.view(), right.k.view(), brief.v.view(), false, 0.0F, nullptr},
            {right.q.view(), heads.k.view(), heads.v.view(), false, 0.0F, nullptr},
            {none.view(), none.view(), none.view(), false, 0.0F, nullptr},
        };
        for (const Inputs& in : bad) {
            const auto out = method.run(in, defaults(method), {});
            QVERIFY(!out.ok());
            QCOMPARE(out.error().code, Errc::InvalidShape);
            QVERIFY(!out.error().what.empty() && !out.error().hint.empty());
            QCOMPARE(method.scores(in, {}, defaults(method), {}).error().code, Errc::InvalidShape);
        }
    }
};

static const attnscope::tests::RegisterTest<TestMethodContract> registered("test_method_contract");

#include "test_method_contract.moc"
