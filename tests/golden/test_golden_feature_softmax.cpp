// SPDX-License-Identifier: GPL-3.0-or-later
// Efficient Attention, lucidrains, AGF and Hedgehog against their published code (golden/feature_softmax/make_golden.py).
#include "core/io/array_file.h"
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// The arrays of one suite, [rows, cols] or [heads, rows, cols], as tensors of one batch.
class Suite {
public:
    explicit Suite(const std::string& name)
        : m_file(openArrays(std::string(ATTNSCOPE_SOURCE_DIR) + "/tests/golden/feature_softmax/" + name + ".npz"))
    {
        m_q = array("q");
        m_k = array("k");
        m_v = array("v");
    }

    /// Empty where it can't be read.
    Tensor array(const std::string& name) const
    {
        const ArrayInfo* const info = m_file ? (*m_file)->find(name) : nullptr;
        if (!info)
            return {};
        const std::size_t last = info->shape.size() - 1;
        Tensor tensor(1, last == 2 ? info->shape[0] : 1, info->shape[last - 1], info->shape[last]);
        return (*m_file)->readInto(static_cast<std::size_t>(info - (*m_file)->arrays().data()), tensor.values()) ? std::move(tensor)
                                                                                                                 : Tensor();
    }

    Inputs inputs(bool causal) const { return {m_q.view(), m_k.view(), m_v.view(), causal, 0.0F, nullptr}; }
    void shiftKeys(float by)
    {
        for (float& x : m_k.values())
            x += by;
    }

    /// The largest relative gap of a method's output from a golden one over the heads.
    double gap(const char* id, const Params& params, bool causal, const std::string& expected) const
    {
        const auto out = findMethod(id)->run(inputs(causal), params, {});
        const Tensor truth = array(expected);
        double worst = out && !truth.empty() && out->shape() == truth.shape() ? 0.0 : std::numeric_limits<double>::infinity();
        for (Index h = 0; out && h < truth.heads() && std::isfinite(worst); ++h)
            worst = std::max(worst, relativeGap(out->matrix({0, h}), truth.matrix({0, h})));
        return worst;
    }

    Index length() const { return m_q.rows(); }

private:
    Result<std::shared_ptr<const ArrayFile>> m_file;
    Tensor m_q, m_k, m_v;
};

Params given(const char* id, const std::vector<ParamText>& texts = {}) { return *makeParams(findMethod(id)->info().params, texts); }

} // namespace

class TestGoldenFeatureSoftmax : public QObject {
    Q_OBJECT

private:
    static void addSuites()
    {
        QTest::addColumn<QString>("suite");
        for (const char* name : {"s1", "s2", "s3", "s4", "odd"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }

    static Suite current()
    {
        QFETCH(QString, suite);
        return Suite(suite.toStdString());
    }

    static void check(double gap, const char* what)
    {
        qInfo("%s: %.2g", what, gap);
        QVERIFY2(gap < 1e-5, qPrintable(QStringLiteral("%1: %2").arg(QLatin1String(what)).arg(gap)));
    }

private Q_SLOTS:
    void efficient_data() { addSuites(); }
    void efficient()
    {
        const Suite suite = current();
        check(suite.gap("efficient", given("efficient"), false, "efficient"), "efficient");
    }

    void lucidrains_data() { addSuites(); }
    void lucidrains()
    {
        Suite suite = current();
        const bool odd = suite.length() == 75;
        const ParamText bucket{"bucket", odd ? "5" : "8"};
        const std::vector<ParamText> local{bucket, {"local-heads", "1"}, {"local-window", odd ? "25" : "16"}};
        const char* const id = "lucidrains-linear";
        check(suite.gap(id, given(id), false, "lucidrains"), "bidirectional");
        check(suite.gap(id, given(id), true, "lucidrains_causal"), "causal");
        check(suite.gap(id, given(id, {bucket}), true, "lucidrains_bucket"), "buckets");
        check(suite.gap(id, given(id, local), false, "lucidrains_local"), "local heads");
        check(suite.gap(id, given(id, local), true, "lucidrains_local_causal"), "local heads, causal");
        suite.shiftKeys(-8.0F);
        check(suite.gap(id, given(id), true, "lucidrains_clamped"), "clamped");
    }

    void agf_data() { addSuites(); }
    void agf()
    {
        const Suite suite = current();
        for (const char* polynomial : {"jacobi", "legendre", "chebyshev", "monomial"}) {
            auto params =
                given("agf", {{"polynomial", polynomial}, {"theta", "loaded"}, {"sigma", "loaded"}, {"alpha", "2"}, {"beta", "-1"}});
            params.tensors["theta-file"] = std::make_shared<const Tensor>(suite.array("theta"));
            params.tensors["sigma-file"] = std::make_shared<const Tensor>(suite.array("sigma"));
            check(suite.gap("agf", params, false, std::string("agf_") + polynomial), polynomial);
        }
    }

    void hedgehog_data() { addSuites(); }
    void hedgehog()
    {
        const Suite suite = current();
        for (const char* map : {"softmax", "exp"}) {
            auto params = given("hedgehog", {{"map", map}, {"weights", "loaded"}});
            params.tensors["q-weights"] = std::make_shared<const Tensor>(suite.array("wq"));
            params.tensors["k-weights"] = std::make_shared<const Tensor>(suite.array("wk"));
            check(suite.gap("hedgehog", params, false, std::string("hedgehog_") + map), map);
            check(suite.gap("hedgehog", params, true, std::string("hedgehog_") + map + "_causal"), "causal");
        }
    }
};

static const attnscope::tests::RegisterTest<TestGoldenFeatureSoftmax> registered("test_golden_feature_softmax");

#include "test_golden_feature_softmax.moc"
