// SPDX-License-Identifier: GPL-3.0-or-later
// Hedgehog: its maps against their definition, its gradient against differences of the loss, its fit against what a fit must do.
#include "core/engine/hedgehog_fit.h"
#include "core/jobs/job_queue.h"
#include "core/method/registry.h"
#include "core/session/evaluation.h"
#include "support/dense_map.h"
#include "support/maps.h"
#include "support/random_inputs.h"
#include "support/register_test.h"

#include <QTest>

#include <atomic>
#include <random>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const AttentionMethod& method() { return *findMethod("hedgehog"); }

Tensor rounded(const DefinedMap& map)
{
    Tensor out(1, 1, map.rows, map.cols);
    std::transform(map.cells.begin(), map.cells.end(), out.data(), [](double x) { return static_cast<float>(x); });
    return out;
}

Tensor nearIdentity(Index dim, std::uint64_t seed)
{
    std::mt19937_64 random(seed);
    Tensor w(1, 1, dim, dim);
    fillNormal(w.values(), random, 0.3F);
    for (Index f = 0; f < dim; ++f)
        w.matrix()(f, f) += 1.0F;
    return w;
}

/// The objective by plain float64 loops.
double objectiveAt(const Inputs& in, const HedgehogObjective& o, const std::vector<Index>& rows, const Tensor& wq, const Tensor& wk)
{
    const auto side = [&o](const Tensor& w) { return [&o, &w](std::span<const float> x) { return definedHedgehog(o.kind, x, &w); }; };
    const DefinedMap map = definedKernel(in, featuresOfRows(in.qOf({}), side(wq)), featuresOfRows(in.kOf({}), side(wk)));
    const DefinedMap exact = definedSoftmax(in, {}, [](Index, Index) { return true; });
    const auto v = in.vOf({});
    double xent = 0.0;
    double mse = 0.0;
    for (const Index i : rows) {
        for (Index j = 0; j < map.cols; ++j)
            xent -= exact.at(i, j) * std::log(map.at(i, j) + 1e-12);
        for (Index c = 0; c < v.cols; ++c) {
            double gap = 0.0;
            for (Index j = 0; j < map.cols; ++j)
                gap += (map.at(i, j) - exact.at(i, j)) * v(j, c);
            mse += gap * gap / static_cast<double>(v.cols);
        }
    }
    return (o.xent * xent + o.mse * mse) / static_cast<double>(rows.size());
}

/// The largest gap of a gradient from central differences, over its largest entry.
double gradientGap(const Inputs& in, const HedgehogObjective& o, const std::vector<Index>& rows)
{
    constexpr float kStep = 0x1p-9F;
    Tensor wq = nearIdentity(in.q.cols(), 1);
    Tensor wk = nearIdentity(in.q.cols(), 2);
    HedgehogLoss::Gradient gradient;
    const HedgehogLoss loss(in, {}, o, rows, {});
    if (!loss.ready() || !loss.evaluate(wq, wk, &gradient, {}))
        return INFINITY;
    double gap = 0.0;
    double size = 0.0;
    for (const auto& [w, by] : {std::pair{&wq, &gradient.q}, {&wk, &gradient.k}})
        for (Index at = 0; at < w->size(); ++at) {
            const float kept = w->data()[at];
            w->data()[at] = kept + kStep;
            const float above = w->data()[at];
            const double more = objectiveAt(in, o, rows, wq, wk);
            w->data()[at] = kept - kStep;
            const double less = objectiveAt(in, o, rows, wq, wk);
            const double slope = (more - less) / (static_cast<double>(above) - w->data()[at]);
            w->data()[at] = kept;
            gap = std::max(gap, std::abs(slope - by->data()[at]));
            size = std::max(size, std::abs(slope));
        }
    return gap / size;
}

/// Counts how often a call reports progress.
struct Counted {
    std::atomic<int> reports{0};
    RunContext context;
    Counted()
    {
        context.progress = [this](double) { ++reports; };
    }
};

} // namespace

class TestHedgehog : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsDefinition_data()
    {
        QTest::addColumn<QString>("map");
        QTest::addColumn<QString>("weights");
        QTest::addColumn<bool>("causal");
        for (const char* map : {"softmax", "exp", "exp-unshifted"})
            for (const char* weights : {"identity", "fit", "loaded"})
                for (const bool causal : {false, true})
                    QTest::addRow("%s, %s, %s", map, weights, causal ? "causal" : "bidirectional") << map << weights << causal;
    }
    void equalsDefinition()
    {
        QFETCH(QString, map);
        QFETCH(QString, weights);
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 2, 90, 130, 13, 7}, 61, 1.0F, 1);
        const auto in = data.inputs(causal);
        auto params = paramsOf("hedgehog", {{"map", map.toStdString()}, {"weights", weights.toStdString()}, {"steps", "6"}});
        params.tensors["q-weights"] = std::make_shared<const Tensor>(nearIdentity(13, 3));
        params.tensors["k-weights"] = std::make_shared<const Tensor>(nearIdentity(13, 4));
        const auto out = method().run(in, params, {});
        QVERIFY(out.ok());
        const Tensor expected = rounded(*method().define(in, {0, 1}, params));
        const Tensor implied = tests::mapOf(method(), in, {0, 1}, params);
        QVERIFY(relativeGap(implied.matrix(), expected.matrix()) < 1e-5);
        QVERIFY(rowSumGap(implied.matrix()) < 1e-5);
        QVERIFY(smallest(implied.matrix()) >= 0.0F);
        QVERIFY(relativeGap(out->matrix({0, 1}), timesValues(expected.matrix(), in.vOf({0, 1})).matrix()) < 1e-5);
        const auto source = method().scores(in, {0, 1}, params, {});
        QVERIFY((*source)->provenance() == (weights == "fit" ? Provenance::Fitted : Provenance::Implied));
    }

    void gradientEqualsDifferences_data()
    {
        QTest::addColumn<int>("kind");
        QTest::addColumn<double>("xent");
        QTest::addColumn<double>("mse");
        QTest::addColumn<bool>("causal");
        const char* names[] = {"softmax", "exp", "exp-unshifted"};
        for (int kind = 0; kind < 3; ++kind)
            for (const bool causal : {false, true}) {
                QTest::addRow("%s, cross-entropy, %d", names[kind], causal) << kind << 1.0 << 0.0 << causal;
                QTest::addRow("%s, outputs, %d", names[kind], causal) << kind << 0.0 << 10.0 << causal;
                QTest::addRow("%s, both, %d", names[kind], causal) << kind << 1.0 << 10.0 << causal;
            }
    }
    void gradientEqualsDifferences()
    {
        QFETCH(int, kind);
        QFETCH(double, xent);
        QFETCH(double, mse);
        QFETCH(bool, causal);
        const auto data = randomInputs({1, 1, 14, 17, 4, 3}, 62);
        const double gap = gradientGap(data.inputs(causal), {static_cast<HedgehogKind>(kind), xent, mse}, {0, 2, 3, 7, 13});
        QVERIFY2(gap < 1e-3, qPrintable(QString::number(gap)));
    }

    void lossNeverFallsBelowTheEntropyAndDecreases()
    {
        const auto data = randomInputs({1, 1, 200, 200, 16, 4}, 63, 1.5F);
        for (const bool causal : {false, true}) {
            const auto fit = fitHedgehog(data.inputs(causal), {}, {{}, 60, 0.01, 5}, {});
            QVERIFY(fit.ok());
            QCOMPARE(fit->steps.front(), 0.0);
            QCOMPARE(fit->steps.back(), 60.0);
            QCOMPARE(fit->trainRows + fit->heldOutRows, Index{200});
            QVERIFY(fit->train.back() < fit->train.front() && fit->heldOut.back() < fit->heldOut.front());
            for (std::size_t i = 0; i < fit->train.size(); ++i)
                QVERIFY(fit->train[i] >= fit->trainEntropy - 1e-5 && fit->heldOut[i] >= fit->heldOutEntropy - 1e-5);
        }
    }

    void rowsAreDrawnOnce()
    {
        for (const Index queries : {1, 4, 5, 300, 5000})
            for (const Index keys : {Index{5000}, Index{1} << 20U}) {
                const auto rows = drawHedgehogRows(queries, keys, 1);
                auto all = rows.train;
                all.insert(all.end(), rows.heldOut.begin(), rows.heldOut.end());
                std::sort(all.begin(), all.end());
                QVERIFY(!rows.train.empty() && std::adjacent_find(all.begin(), all.end()) == all.end());
                QVERIFY(all.front() >= 0 && all.back() < queries);
                QVERIFY(rows.train.size() == 1 || static_cast<Index>(rows.train.size()) * keys <= Index{1} << 22U);
            }
    }

    void fitsComeCloserInWhatTheyLookAt()
    {
        const auto data = randomInputs({1, 1, 256, 256, 16, 4}, 64, 1.3F);
        const Matrix64 exact = exactMap(data.inputs(), {});
        const double untrained = frobeniusDifference(tests::mapOf("hedgehog", data.inputs()), exact);
        QVERIFY(frobeniusDifference(tests::mapOf("hedgehog", data.inputs(), {{"weights", "fit"}}), exact) < 0.95 * untrained);
        const auto truth = findMethod("softmax")->run(data.inputs(), paramsOf("softmax"), {});
        const auto gap = [&](const std::vector<ParamText>& given) {
            const auto out = method().run(data.inputs(), paramsOf("hedgehog", given), {});
            return out ? relativeFrobenius(out->matrix(), truth->matrix()) : INFINITY;
        };
        const double before = gap({});
        for (const char* loss : {"xent-mse", "mse"})
            QVERIFY2(gap({{"weights", "fit"}, {"loss", loss}}) < 0.8 * before, loss);
    }

    void runsAndReadsFitOnce()
    {
        const auto data = randomInputs({1, 2, 60, 60, 8, 4}, 65);
        const auto params = paramsOf("hedgehog", {{"weights", "fit"}, {"steps", "10"}});
        Counted counted;
        QVERIFY(method().run(data.inputs(), params, counted.context).ok());
        QCOMPARE(counted.reports.load(), 20); // ten steps for each head
        QVERIFY(method().scores(data.inputs(), {0, 1}, params, counted.context).ok());
        QVERIFY(method().theory(data.inputs(), {0, 0}, params, counted.context).ok());
        QVERIFY(method().run(data.inputs(), params, counted.context).ok());
        QCOMPARE(counted.reports.load(), 20);
        auto other = params;
        other.seed = 9;
        QVERIFY(method().scores(data.inputs(), {0, 1}, other, counted.context).ok());
        QCOMPARE(counted.reports.load(), 30);
    }

    void cancelledFitsAreMadeAnew()
    {
        const auto data = randomInputs({1, 1, 70, 70, 8, 4}, 66);
        const auto params = paramsOf("hedgehog", {{"weights", "fit"}, {"steps", "20"}});
        std::stop_source stop;
        RunContext context;
        context.stop = stop.get_token();
        context.progress = [&stop](double f) { f > 0.4 ? (void)stop.request_stop() : void(); };
        QCOMPARE(method().run(data.inputs(), params, context).error().code, Errc::Cancelled);
        QVERIFY(method().run(data.inputs(), params, {}).ok());
    }

    void fitsShowTheirProgressAmongTheJobs()
    {
        const auto data = randomInputs({1, 1, 256, 256, 16, 4}, 70);
        const auto in = data.inputs();
        const auto params = paramsOf("hedgehog", {{"weights", "fit"}, {"steps", "5000"}});
        const auto exact = evaluateExact(in, {});
        QVERIFY(exact.ok());
        JobQueue queue([](const std::function<void()>&) {}); // nobody takes what is done
        queue.replace(
            "method", "Hedgehog", Lane::Interactive,
            [&](const RunContext& context) { return compareWith(*exact, method(), in, params, context); },
            [](const Result<Comparison>&) {});
        const auto progress = [&queue] { return queue.jobs().empty() ? 1.0 : queue.jobs().front().progress; };
        QTRY_VERIFY_WITH_TIMEOUT(progress() > 0.0, 60000);
        QVERIFY(progress() < 1.0);
        queue.cancelAll();
    }

    void threadsDoNotShow()
    {
        const auto data = randomInputs({1, 1, 500, 700, 8, 4}, 67);
        RunContext one;
        one.threads = 1;
        RunContext three;
        three.threads = 3;
        const auto a = fitHedgehog(data.inputs(), {}, {{HedgehogKind::Exp, 1.0, 10.0}, 5, 0.01, 0}, one);
        const auto b = fitHedgehog(data.inputs(), {}, {{HedgehogKind::Exp, 1.0, 10.0}, 5, 0.01, 0}, three);
        QVERIFY(a.ok() && b.ok());
        QVERIFY(a->train == b->train);
        QVERIFY(std::equal(a->weights.k->values().begin(), a->weights.k->values().end(), b->weights.k->values().begin()));
    }

    void theoryDrawsTheLossAboveItsBound()
    {
        const auto data = randomInputs({1, 1, 80, 80, 8, 4}, 68);
        const auto curves = method().theory(data.inputs(), {}, paramsOf("hedgehog", {{"weights", "fit"}, {"steps", "12"}}), {});
        QVERIFY(curves.ok());
        QCOMPARE(curves->size(), std::size_t{3});
        for (std::size_t c = 1; c < 3; ++c) {
            const auto& curve = (*curves)[c];
            QCOMPARE(curve.x, (std::vector<double>{0.0, 5.0, 10.0, 12.0}));
            QVERIFY(curve.kind == TheoryKind::LowerBound);
            for (std::size_t i = 0; i < curve.x.size(); ++i)
                QVERIFY(curve.measured[i] >= curve.predicted[i]);
        }
        QCOMPARE(method().theory(data.inputs(), {}, paramsOf("hedgehog"), {})->size(), std::size_t{1});
    }

    void wrongFilesAreRefused()
    {
        const auto data = randomInputs({1, 3, 20, 20, 8, 3}, 69);
        auto params = paramsOf("hedgehog", {{"weights", "loaded"}});
        QCOMPARE(method().run(data.inputs(), params, {}).error().code, Errc::InvalidParam);
        params.tensors["q-weights"] = std::make_shared<const Tensor>(nearIdentity(8, 5));
        params.tensors["k-weights"] = std::make_shared<const Tensor>(nearIdentity(7, 6));
        QCOMPARE(method().run(data.inputs(), params, {}).error().code, Errc::InvalidShape);
        params.tensors["k-weights"] = std::make_shared<const Tensor>(1, 1, 8, 9);
        QCOMPARE(method().run(data.inputs(), params, {}).error().code, Errc::InvalidShape);
        params.tensors["k-weights"] = std::make_shared<const Tensor>(1, 2, 8, 8);
        QCOMPARE(method().run(data.inputs(), params, {}).error().code, Errc::InvalidShape);
    }
};

static const attnscope::tests::RegisterTest<TestHedgehog> registered("test_hedgehog");

#include "test_hedgehog.moc"
