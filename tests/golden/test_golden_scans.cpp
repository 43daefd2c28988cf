// SPDX-License-Identifier: GPL-3.0-or-later
// Log-linear attention, the scans by channel and Mamba-3 MIMO against values of their official code (golden/scans/make_golden.py).
#include "core/method/registry.h"
#include "support/dense_map.h"
#include "support/golden_arrays.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// One input suite with the gates of one method and what its official code returned.
struct Golden {
    Tensor q, k, v, expected;
    std::map<std::string, Tensor> gates;

    Golden(const QString& suite, const std::string& method, const std::string& result, const std::vector<std::string>& names)
    {
        const auto path = std::string(ATTNSCOPE_SOURCE_DIR) + "/tests/golden/scans/" + suite.toStdString() + ".npz";
        const auto file = openArrays(path);
        if (!file)
            return;
        q = goldenArray(**file, "q");
        k = goldenArray(**file, "k");
        v = goldenArray(**file, "v");
        expected = goldenArray(**file, result);
        for (const auto& name : names)
            gates.emplace(name, goldenArray(**file, method + "_" + name));
    }

    Inputs inputs() const
    {
        Inputs in{q.view(), k.view(), v.view(), true, 0.0F, nullptr};
        for (const auto& [name, gate] : gates)
            in.arrays[name] = gate.view();
        return in;
    }

    /// max |out - expected| / max |expected| over all heads; of one column, from 1, or of all where that is 0.
    double gap(const Tensor& out, Index column) const
    {
        if (out.shape() != expected.shape())
            return std::numeric_limits<double>::infinity();
        double worst = 0.0;
        double size = 0.0;
        for (Index h = 0; h < out.heads(); ++h)
            for (Index i = 0; i < out.rows(); ++i)
                for (Index c = column > 0 ? column - 1 : 0; c < (column > 0 ? column : out.cols()); ++c) {
                    const double e = static_cast<double>(expected.matrix({0, h})(i, c));
                    const double difference = std::abs(static_cast<double>(out.matrix({0, h})(i, c)) - e);
                    worst = difference <= worst ? worst : std::isnan(difference) ? INFINITY : difference;
                    size = std::max(size, std::abs(e));
                }
        return worst / size;
    }
};

void addSuites()
{
    QTest::addColumn<QString>("suite");
    for (const char* suite : {"s1", "s2", "s3", "s4", "odd"})
        QTest::newRow(suite) << suite;
}

void compare(const QString& suite, const std::string& id, const std::vector<std::string>& gates, const std::vector<ParamText>& given,
             bool byChannel, const char* suffix = "")
{
    std::string stem = id;
    std::replace(stem.begin(), stem.end(), '-', '_');
    const Golden golden(suite, stem, stem + suffix, gates);
    QVERIFY(!golden.expected.empty());
    const auto& method = *findMethod(id);
    double worst = 0.0;
    for (Index channel = byChannel ? 1 : 0; channel <= (byChannel ? golden.v.cols() : 0); ++channel) {
        auto params = given;
        if (byChannel)
            params.emplace_back("channel", std::to_string(channel));
        const auto out = method.run(golden.inputs(), *makeParams(method.info().params, params), {});
        QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
        worst = std::max(worst, golden.gap(*out, channel));
    }
    qInfo("%s %s: %.2g", id.c_str(), qPrintable(suite), worst);
    QVERIFY2(worst < 1e-5, qPrintable(QString::number(worst)));
}

} // namespace

class TestGoldenScans : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void logLinear_data() { addSuites(); }
    void logLinear()
    {
        QFETCH(QString, suite);
        compare(suite, "log-linear", {"g", "lambda"}, {}, false);
    }

    void mamba1_data() { addSuites(); }
    void mamba1()
    {
        QFETCH(QString, suite);
        compare(suite, "mamba1", {"dt", "A", "D"}, {}, true);
    }

    void rgLru_data() { addSuites(); }
    void rgLru()
    {
        QFETCH(QString, suite);
        compare(suite, "rg-lru", {"g", "beta"}, {{"start", "official"}}, true);
    }

    void mamba3Mimo_data() { addSuites(); }
    void mamba3Mimo()
    {
        QFETCH(QString, suite);
        const std::vector<std::string> gates{"B", "C", "dt", "g", "trap", "D", "theta", "mimo_x", "mimo_o"};
        compare(suite, "mamba3", gates, {{"rank", "3"}}, true);
        compare(suite, "mamba3", gates, {{"rank", "3"}, {"pairs", "halves"}}, true, "_halves");
    }
};

static const attnscope::tests::RegisterTest<TestGoldenScans> registered("test_golden_scans");

#include "test_golden_scans.moc"
