// SPDX-License-Identifier: GPL-3.0-or-later
// Landmark methods against values that their official code gave (golden/methods/make_golden_landmarks.py).
#include "core/engine/clustered_map.h"
#include "core/engine/gaussian_kernel.h"
#include "core/engine/landmark.h"
#include "core/io/array_file.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const char* const kSuites[] = {"s1", "s2", "s3", "s4", "odd"};

/// The arrays of one suite, [heads, rows, cols] or [rows, cols].
class Suite {
public:
    explicit Suite(const std::string& name)
    {
        if (auto file = openArrays(std::string(ATTNSCOPE_SOURCE_DIR) + "/tests/golden/methods/landmarks_" + name + ".npz"))
            m_file = *file;
        q = get("q");
        k = get("k");
        v = get("v");
    }

    Tensor get(const std::string& name) const
    {
        for (std::size_t i = 0; m_file && i < m_file->arrays().size(); ++i) {
            const auto& [key, shape, dtype, text] = m_file->arrays()[i];
            if (key != name)
                continue;
            Tensor tensor(1, shape.size() == 3 ? shape[0] : 1, shape[shape.size() - 2], shape.back());
            return m_file->readInto(i, tensor.values()) ? std::move(tensor) : Tensor();
        }
        return {};
    }

    std::vector<Index> places(const std::string& name) const
    {
        const Tensor t = get(name);
        return {t.values().begin(), t.values().end()};
    }

    Index landmarks() const { return static_cast<Index>(get("landmarks").values().front()); }
    Inputs inputs(bool causal = false, float scale = 0.0F) const { return {q.view(), k.view(), v.view(), causal, scale, nullptr}; }

    Tensor q, k, v;

private:
    std::shared_ptr<const ArrayFile> m_file;
};

double largestGap(const Tensor& out, const Tensor& expected)
{
    double gap = !expected.empty() && out.shape() == expected.shape() ? 0.0 : std::numeric_limits<double>::infinity();
    for (Index h = 0; h < expected.heads() && gap < 1.0; ++h)
        gap = std::max(gap, relativeGap(out.matrix({0, h}), expected.matrix({0, h})));
    return gap;
}

} // namespace

class TestGoldenLandmarks : public QObject {
    Q_OBJECT

private:
    static void addSuites()
    {
        QTest::addColumn<QString>("suite");
        for (const char* suite : kSuites)
            QTest::newRow(suite) << suite;
    }

    static Suite current()
    {
        QFETCH(QString, suite);
        return Suite(suite.toStdString());
    }

    static double gapOf(const Suite& suite, const char* id, const std::vector<ParamText>& given, const char* golden, bool causal = false)
    {
        const AttentionMethod& method = *findMethod(id);
        const auto params = makeParams(method.info().params, given);
        if (!params)
            return std::numeric_limits<double>::infinity();
        const auto out = method.run(suite.inputs(causal), *params, {});
        const double gap = out ? largestGap(*out, suite.get(golden)) : std::numeric_limits<double>::infinity();
        qInfo("%s: %.2g", golden, gap);
        return gap;
    }

private Q_SLOTS:
    void nystromformer_data() { addSuites(); }
    void nystromformer()
    {
        const Suite suite = current();
        const std::string landmarks = std::to_string(suite.landmarks());
        QVERIFY(gapOf(suite, "nystromformer", {{"landmarks", landmarks}, {"init", "official"}}, "nystrom_original") < 1e-5);
        QVERIFY(gapOf(suite, "nystromformer", {{"landmarks", landmarks}}, "nystrom_exact") < 1e-5);
    }

    void lara_data() { addSuites(); }
    void lara()
    {
        const Suite suite = current();
        const std::string landmarks = std::to_string(suite.landmarks() - 1);
        for (const char* weights : {"optimal", "balanced", "biased"})
            QVERIFY(gapOf(suite, "lara", {{"landmarks", landmarks}, {"weights", weights}}, (std::string("lara_") + weights).c_str()) <
                    1e-5);
    }

    void eva_data() { addSuites(); }
    void eva()
    {
        const Suite suite = current();
        const Index chunk = suite.q.rows() / suite.landmarks();
        const Index window = suite.landmarks() % 2 == 0 ? 2 * chunk : chunk;
        const std::vector<ParamText> given{{"window", std::to_string(window)}, {"chunk", std::to_string(chunk)}};
        QVERIFY(gapOf(suite, "eva", given, "eva") < 1e-5);
        QVERIFY(gapOf(suite, "eva", given, "eva_causal", true) < 1e-5);
    }

    void evaPadded()
    {
        QVERIFY(gapOf(Suite("odd"), "eva", {{"window", "64"}, {"chunk", "8"}, {"padding", "official"}}, "eva_padded") < 1e-5);
    }

    void kernelized_data() { addSuites(); }
    void kernelized() { QVERIFY(gapOf(current(), "kernelized", {}, "kernelized") < 1e-5); }

    void skyformer_data() { addSuites(); }
    void skyformer()
    {
        const Suite suite = current();
        const Inputs in = suite.inputs(false, suite.get("skyformer_scale").values().front());
        for (const Index rounds : {1, 2}) {
            const std::string name = "skyformer_" + std::to_string(rounds);
            const std::vector<Index> sample = suite.places(name + "_sample");
            const SkyformerOptions options{14, rounds, 6, true, 0};
            QCOMPARE(sample.size(), static_cast<std::size_t>(14 * rounds));
            std::vector<LowRankFactors> factors;
            for (Index h = 0; h < suite.q.heads(); ++h)
                factors.push_back(*skyformerFactors(in, {0, h}, sample, options, {}));
            const auto out = applyFactors(in, factors, {});
            QVERIFY(out.ok());
            const double gap = largestGap(*out, suite.get(name));
            QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
        }
    }

    void clustered_data() { addSuites(); }
    void clustered()
    {
        const Suite suite = current();
        const Tensor planes = suite.get("clustered_planes");
        const std::vector<Index> first = suite.places("clustered_first");
        QCOMPARE(planes.rows(), Index{63});
        Tensor plain(1, suite.q.heads(), suite.q.rows(), suite.v.cols());
        Tensor improved(1, suite.q.heads(), suite.q.rows(), suite.v.cols());
        Tensor causal(1, suite.q.heads(), suite.q.rows(), suite.v.cols());
        for (Index h = 0; h < suite.q.heads(); ++h) {
            const auto q = suite.q.matrix({0, h});
            const QueryClusters groups = groupQueries(q, clusterHashes(hashRows(q, planes.matrix()), first, 10, 63, 0));
            QVERIFY(attendClustered(suite.inputs(), {0, h}, groups, plain.matrix({0, h}), {}));
            QVERIFY(attendImproved(suite.inputs(), {0, h}, groups, 9, improved.matrix({0, h}), {}));
            QVERIFY(attendImproved(suite.inputs(true), {0, h}, groups, 9, causal.matrix({0, h}), {}));
        }
        for (const auto& [out, name] : {std::pair{&plain, "clustered"}, {&improved, "clustered_improved"}, {&causal, "clustered_causal"}}) {
            const double gap = largestGap(*out, suite.get(name));
            QVERIFY2(gap < 1e-5, qPrintable(QString("%1: %2").arg(name).arg(gap)));
        }
    }
};

static const attnscope::tests::RegisterTest<TestGoldenLandmarks> registered("test_golden_landmarks");

#include "test_golden_landmarks.moc"
