// SPDX-License-Identifier: GPL-3.0-or-later
// Generated inputs have the statistics that they are named for, and planted maps are exactly what they promise.
#include "core/inputs/generators.h"
#include "core/inputs/layer_cache.h"
#include "core/inputs/tensor_document.h"
#include "core/scores/softmax_source.h"
#include "support/files.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <cmath>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

struct Structure {
    double entropy = 0.0;
    double largestLogit = 0.0;
};

/// Mean row entropy and the largest logit of one bidirectional head.
Structure structureOf(const std::shared_ptr<const LayerInputs>& layer)
{
    const auto inputs = inputsOf(layer);
    const auto n = static_cast<std::size_t>(layer->q.rows());
    std::vector<double> p(n);
    Structure found;
    for (Index i = 0; i < layer->q.rows(); ++i) {
        softmaxRow(inputs, {}, i, p);
        for (const double x : p)
            found.entropy -= x > 0.0 ? x * std::log(x) / static_cast<double>(n) : 0.0;
        for (Index j = 0; j < layer->k.rows(); ++j) {
            double dot = 0.0;
            for (Index c = 0; c < layer->q.cols(); ++c)
                dot += static_cast<double>(inputs.qOf({})(i, c)) * inputs.kOf({})(j, c);
            found.largestLogit = std::max(found.largestLogit, std::abs(dot) * inputs.effectiveScale());
        }
    }
    return found;
}

} // namespace

class TestGenerators : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void suitesHaveTheMeasuredStructure_data()
    {
        QTest::addColumn<double>("entropy");
        QTest::addColumn<double>("largestLogit");
        QTest::addColumn<double>("tolerance"); // of the entropy, over seeds
        QTest::newRow("s1") << 6.43 << 4.9 << 0.02;
        QTest::newRow("s2") << 6.90 << 1.2 << 0.01;
        QTest::newRow("s3") << 2.95 << 11.0 << 0.25;
        QTest::newRow("s4") << 4.09 << 19.0 << 0.25;
    }

    /// n = 1024, d = 64, against figures measured with NumPy on the same definitions.
    void suitesHaveTheMeasuredStructure()
    {
        QFETCH(double, entropy);
        QFETCH(double, largestLogit);
        QFETCH(double, tolerance);
        for (const std::uint64_t seed : {1, 2}) {
            const auto layer = generateInputs({.id = QTest::currentDataTag(), .seed = seed});
            QVERIFY2(layer.ok(), why(layer));
            const auto found = structureOf(*layer);
            const auto text = std::to_string(found.entropy) + " " + std::to_string(found.largestLogit);
            QVERIFY2(std::abs(found.entropy - entropy) < tolerance, text.c_str());
            QVERIFY2(std::abs(found.largestLogit / largestLogit - 1.0) < 0.3, text.c_str());
        }
    }

    void seedsAndHeadsDiffer()
    {
        const auto one = generateInputs({.length = 16, .dim = 4, .heads = 2, .seed = 1});
        const auto again = generateInputs({.length = 16, .dim = 4, .heads = 2, .seed = 1});
        const auto two = generateInputs({.length = 16, .dim = 4, .heads = 2, .seed = 2});
        QVERIFY(one.ok() && again.ok() && two.ok());
        const auto equal = [](const Tensor& a, const Tensor& b) {
            return std::equal(a.values().begin(), a.values().end(), b.values().begin());
        };
        QVERIFY(equal((*one)->q, (*again)->q) && equal((*one)->v, (*again)->v));
        QVERIFY(!equal((*one)->q, (*two)->q));
        QVERIFY((*one)->q.matrix({0, 0})(0, 0) != (*one)->q.matrix({0, 1})(0, 0));
    }

    void plantedMapsAreTheirClosedForm_data()
    {
        QTest::addColumn<int>("length");
        for (const int length : {1, 2, 3, 17, 128, 200})
            QTest::addRow("n = %d", length) << length;
    }

    void plantedMapsAreTheirClosedForm()
    {
        QFETCH(int, length);
        const auto layer = generateInputs({.id = "planted", .length = length, .heads = 4});
        QVERIFY2(layer.ok(), why(layer));
        const auto inputs = inputsOf(*layer);
        std::vector<double> p(static_cast<std::size_t>(length));
        for (Index h = 0; h < 4; ++h)
            for (Index i = 0; i < length; ++i) {
                softmaxRow(inputs, {0, h}, i, p);
                for (Index j = 0; j < length; ++j)
                    QVERIFY(std::abs(p[static_cast<std::size_t>(j)] - plantedWeight(plantedPattern(h), i, j, length)) < 1e-6);
            }
    }

    void bundledSampleIsTheGeneratorsOwn()
    {
        const auto path = std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "resources/samples/planted_pattern.safetensors";
        const auto sample = openTensors(path);
        QVERIFY2(sample.ok(), why(sample));
        const auto& info = (*sample)->info();
        QVERIFY(info.tokens == plantedTokens(info.length));
        const auto layer = (*sample)->layer(0, {});
        const auto generated = generateInputs({.id = "planted", .length = info.length, .heads = info.heads});
        QVERIFY(layer.ok() && generated.ok());
        const std::pair<const Tensor*, const Tensor*> parts[] = {
            {&(*layer)->q, &(*generated)->q}, {&(*layer)->k, &(*generated)->k}, {&(*layer)->v, &(*generated)->v}};
        for (const auto& [a, b] : parts) {
            QVERIFY(a->shape() == b->shape());
            for (std::size_t i = 0; i < a->values().size(); ++i)
                QVERIFY(std::abs(a->values()[i] - b->values()[i]) < 1e-6F);
        }
        QCOMPARE((*layer)->scale, (*generated)->scale);
        QVERIFY((*layer)->causal);
        QVERIFY(std::filesystem::file_size(path) < 1000000);
    }

    void impossibleSizesAreRefused()
    {
        QVERIFY(refused(generateInputs({.id = "s1", .length = 0}), Errc::InvalidParam, "size"));
        QVERIFY(refused(generateInputs({.id = "s1", .length = Index{1} << 40}), Errc::InvalidParam, "size"));
        QVERIFY(refused(generateInputs({.id = "s9"}), Errc::InvalidParam, "s9"));
        QVERIFY(refused(generateInputs({.id = "planted", .length = 5000}), Errc::InvalidParam, "2048"));
    }

    void cacheKeepsTheLatestWithinItsBudget()
    {
        LayerCache cache(2 * 3 * 16 * 4 * sizeof(float)); // two layers of three [16, 4]
        const auto make = [] { return *generateInputs({.length = 16, .dim = 4}); };
        auto zero = make();
        cache.insert(0, zero);
        cache.insert(1, make());
        cache.insert(2, make());
        QVERIFY(cache.find(1) != nullptr && cache.find(2) != nullptr);
        QCOMPARE(cache.find(0).get(), zero.get()); // we still have it
        zero.reset();
        QVERIFY(cache.find(0) == nullptr);
        QVERIFY(cache.find(1) != nullptr);
        cache.insert(3, make()); // 2 goes: 1 was asked for last
        QVERIFY(cache.find(1) != nullptr && cache.find(2) == nullptr);
        const auto replacement = make();
        cache.insert(3, replacement);
        QCOMPARE(cache.find(3).get(), replacement.get());
        QVERIFY(cache.find(1) != nullptr);
    }
};

static const attnscope::tests::RegisterTest<TestGenerators> registered("test_generators");

#include "test_generators.moc"
