// SPDX-License-Identifier: GPL-3.0-or-later
// Kernel methods against values that other people's code gave on the input suites (golden/kernels/make_kernels.py).
#include "core/engine/kernel_engine.h"
#include "core/engine/random_features.h"
#include "core/engine/unit_trig.h"
#include "core/io/array_file.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// The arrays of one suite as matrices by name; empty where the file can't be read.
std::map<std::string, Tensor> suite(const std::string& name)
{
    std::map<std::string, Tensor> found;
    const auto file = openArrays(std::string(ATTNSCOPE_SOURCE_DIR) + "/tests/golden/kernels/" + name + ".npz");
    if (!file)
        return found;
    for (std::size_t i = 0; i < (*file)->arrays().size(); ++i) {
        const auto& array = (*file)->arrays()[i];
        Tensor tensor(1, 1, array.shape.at(0), array.shape.at(1));
        if ((*file)->readInto(i, tensor.values()))
            found.emplace(array.name, std::move(tensor));
    }
    return found;
}

} // namespace

class TestGoldenKernels : public QObject {
    Q_OBJECT

private:
    static void addSuites()
    {
        QTest::addColumn<QString>("name");
        for (const char* name : {"s1", "s2", "s3", "s4", "odd"})
            QTest::newRow(name) << name;
    }

    static Inputs inputsOf(const std::map<std::string, Tensor>& data, bool causal)
    {
        return {data.at("q").view(), data.at("k").view(), data.at("v").view(), causal, 0.0F, nullptr};
    }

    static bool agrees(const Result<Tensor>& out, const Tensor& expected, double tolerance = 1e-5)
    {
        const double gap = out ? relativeGap(out->matrix(), expected.matrix()) : INFINITY;
        if (gap > 2e-6)
            qInfo("gap %g", gap);
        return gap < tolerance;
    }

private Q_SLOTS:
    void methods_data() { addSuites(); }
    void methods()
    {
        QFETCH(QString, name);
        const auto data = suite(name.toStdString());
        QVERIFY(data.size() > 10);
        const auto run = [&](const char* id, std::vector<ParamText> params, bool causal) {
            const auto& method = *findMethod(id);
            return method.run(inputsOf(data, causal), *makeParams(method.info().params, params), {});
        };
        QVERIFY(agrees(run("cosformer", {}, false), data.at("cosformer")));
        QVERIFY(agrees(run("cosformer", {}, true), data.at("cosformer_causal")));
        QVERIFY(agrees(run("taylor", {}, true), data.at("taylor_causal")));
        QVERIFY(agrees(run("linear-elu", {}, false), data.at("linear_elu")));
        QVERIFY(agrees(run("performer", {{"map", "relu-deterministic"}}, false), data.at("relu_deterministic")));
        const auto window = std::to_string(data.at("q").rows());
        const auto exact = run("softmax", {}, true);
        QVERIFY(exact.ok() && agrees(run("based", {{"window", window}}, true), *exact));
    }

    /// Maps with the frequencies of the file.
    void randomFeatures_data() { addSuites(); }
    void randomFeatures()
    {
        QFETCH(QString, name);
        const auto data = suite(name.toStdString());
        QVERIFY(data.size() > 10);
        auto w = std::make_shared<Tensor>(1, 1, data.at("w").rows(), data.at("w").cols());
        std::copy(data.at("w").values().begin(), data.at("w").values().end(), w->values().begin());
        const Inputs in = inputsOf(data, false);
        const float scale = in.effectiveScale();
        const auto run = [&](RandomMap map, bool causal, const RandomFeatureOptions& options = {}) {
            return runKernel(inputsOf(data, causal), *makeRandomFeatures(map, w, scale, options), {});
        };
        const RandomFeatureOptions eps{0.0, officialEpsOf(RandomMap::Positive, *w, 0.0, scale, in.qOf({}), in.kOf({}), {})};
        QVERIFY(eps.officialEps);
        QVERIFY(agrees(run(RandomMap::Positive, false, eps), data.at("performer_eps")));
        QVERIFY(agrees(run(RandomMap::Positive, true, eps), data.at("performer_eps_causal")));
        QVERIFY(agrees(run(RandomMap::Hyperbolic, false), data.at("performer_hyperbolic")));
        QVERIFY(agrees(run(RandomMap::Hyperbolic, true), data.at("performer_hyperbolic_causal")));
        const double a = oprfCoefficient(meanPairLength(in.qOf({}), in.kOf({}), static_cast<double>(scale)), in.q.cols());
        QVERIFY(agrees(run(RandomMap::Oprf, false, {a, {}}), data.at("performer_oprf")));
        QVERIFY(agrees(run(RandomMap::Relu, false), data.at("relu_lucidrains")));
        QVERIFY(agrees(runKernel(in, *makeUnitTrig(w, 1.0, 1e-3F), {}), data.at("rfa")));
    }
};

static const attnscope::tests::RegisterTest<TestGoldenKernels> registered("test_golden_kernels");

#include "test_golden_kernels.moc"
