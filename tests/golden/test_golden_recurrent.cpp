// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent methods against values of the naive references of their official code (golden/recurrent/make_golden.py).
#include "core/method/registry.h"
#include "support/golden_arrays.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

#include <map>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

/// A method, the arrays of the file that it takes under other names, and the values that it must give.
struct Compared {
    const char* id;
    const char* golden;
    std::map<std::string, std::string> arrays; ///< name here, name in the file
    std::vector<ParamText> params;
};

const Compared kCompared[] = {
    {"retention", "retention", {}, {}},
    {"lightning", "lightning_minimax", {}, {{"layer", "3"}, {"layers", "10"}}},
    {"lightning", "lightning_fla", {}, {{"schedule", "fla"}, {"layer", "3"}, {"layers", "10"}}},
    {"gla", "gla", {{"g", "gk"}}, {}},
    {"hgrn2", "hgrn2", {{"g", "gk"}}, {}},
    {"rwkv6", "rwkv6", {{"w", "gk"}, {"u", "u"}}, {}},
    {"rwkv7", "rwkv7", {{"w", "gk"}, {"a", "a"}, {"kappa", "kappa"}}, {}},
    {"deltanet", "deltanet", {{"beta", "beta"}}, {}},
    {"gated-deltanet", "gated_deltanet", {{"beta", "beta"}, {"g", "g"}}, {}},
    {"kda", "kda", {{"beta", "beta"}, {"g", "gk"}}, {}},
    {"mamba2", "mamba2", {{"dt", "dt"}, {"g", "g"}, {"D", "D"}}, {}},
    {"mamba3", "mamba3", {{"dt", "dt"}, {"g", "g"}, {"trap", "trap"}, {"theta", "theta"}, {"D", "D"}}, {}},
};

double relativeGap(const Tensor& out, const Tensor& expected)
{
    if (out.shape() != expected.shape())
        return INFINITY;
    double worst = 0.0;
    double size = 0.0;
    for (std::size_t i = 0; i < out.values().size(); ++i) {
        const double difference = std::fabs(static_cast<double>(out.values()[i]) - static_cast<double>(expected.values()[i]));
        worst = difference <= worst ? worst : std::isnan(difference) ? INFINITY : difference;
        size = std::max(size, std::fabs(static_cast<double>(expected.values()[i])));
    }
    return worst / size;
}

} // namespace

class TestGoldenRecurrent : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsOfficialCode_data()
    {
        QTest::addColumn<QString>("suite");
        QTest::addColumn<int>("index");
        for (int index = 0; index < static_cast<int>(std::size(kCompared)); ++index)
            for (const char* suite : {"s1", "s2", "s3", "s4", "odd"})
                QTest::addRow("%s, %s", kCompared[index].golden, suite) << suite << index;
    }
    void equalsOfficialCode()
    {
        QFETCH(QString, suite);
        QFETCH(int, index);
        const Compared& compared = kCompared[index];
        const auto file = openArrays(std::string(ATTNSCOPE_SOURCE_DIR) + "/tests/golden/recurrent/" + suite.toStdString() + ".npz");
        QVERIFY(file.ok());
        const Tensor q = goldenArray(**file, "q");
        const Tensor k = goldenArray(**file, "k");
        const Tensor v = goldenArray(**file, "v");
        const Tensor expected = goldenArray(**file, compared.golden);
        QVERIFY(!q.empty() && !k.empty() && !v.empty() && !expected.empty());
        Inputs in{q.view(), k.view(), v.view(), true, 0.0F, nullptr};
        std::map<std::string, Tensor> arrays;
        for (const auto& [name, stored] : compared.arrays) {
            arrays.emplace(name, goldenArray(**file, stored));
            QVERIFY(!arrays.at(name).empty());
            in.arrays[name] = std::as_const(arrays.at(name)).view();
        }
        const auto& method = *findMethod(compared.id);
        const auto params = makeParams(method.info().params, compared.params);
        QVERIFY(params.ok());
        const auto out = method.run(in, *params, {});
        QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
        const double gap = relativeGap(*out, expected);
        qInfo("%s %s: %.2g", compared.golden, suite.toUtf8().constData(), gap);
        QVERIFY2(gap < 1e-5, qPrintable(QString::number(gap)));
    }
};

static const attnscope::tests::RegisterTest<TestGoldenRecurrent> registered("test_golden_recurrent");

#include "test_golden_recurrent.moc"
