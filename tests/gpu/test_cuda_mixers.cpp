// SPDX-License-Identifier: GPL-3.0-or-later
// Recurrent mixers with gates, steps and rows from the input on a GPU, against their float64 definitions; skipped where there is no GPU.
#include "core/method/registry.h"
#include "gpu/cuda_backend.h"
#include "support/map_gap.h"
#include "support/on_card.h"
#include "support/register_test.h"

#include <QTest>

#include <map>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

constexpr Index kBatch = 2;
constexpr Index kHeads = 4;
constexpr Index kKvHeads = 2;

/// An array of the input with uniform values; rows and columns of 0 are as many as tokens, key columns or states.
struct Made {
    const char* name;
    float least;
    float most;
    Index heads;
    Index rows;
    Index cols;
};
constexpr Index kTokens = 0;
constexpr Index kColumns = 0;
constexpr Index kStates = 24;

/// Each of a method's arrays.
std::vector<Made> arraysOf(const std::string& id)
{
    const Made g{"g", -0.5F, 0.0F, kHeads, kTokens, 1};
    const Made wide{"g", -2.0F, 0.0F, kHeads, kTokens, kColumns};
    const Made w{"w", -0.6F, 0.0F, kHeads, kTokens, kColumns};
    const Made u{"u", -1.0F, 1.0F, kHeads, 1, kColumns};
    const Made beta{"beta", 0.0F, 1.0F, kHeads, kTokens, 1};
    const Made dt{"dt", 0.0F, 1.0F, kHeads, kTokens, 1};
    const Made rate{"A", -1.0F, 0.0F, kHeads, 1, 1};
    const Made b{"B", -1.0F, 1.0F, kKvHeads, kTokens, kStates};
    const Made c{"C", -1.0F, 1.0F, kHeads, kTokens, kStates};
    const Made d{"D", -1.0F, 1.0F, kHeads, 1, 1};
    static const std::map<std::string, std::vector<Made>> all{
        {"mamba2", {dt, rate, b, c, d}},
        {"gla", {wide}},
        {"deltanet", {beta}},
        {"gated-deltanet", {g, beta}},
        {"kda", {wide, beta}},
        {"hgrn2", {wide}},
        {"rwkv6", {w, u}},
        {"rwkv7", {w, u, {"a", 0.0F, 1.0F, kHeads, kTokens, kColumns}, {"kappa", -1.0F, 1.0F, kHeads, kTokens, kColumns}}},
        {"mamba1", {dt, {"A", -1.0F, 0.0F, 1, 1, kStates}, b, c, d}},
        {"mamba3", {dt, rate, b, c, d, {"trap", 0.0F, 1.0F, kHeads, kTokens, 1}, {"theta", -1.0F, 1.0F, kHeads, kTokens, kStates / 2 - 1}}},
        {"rg-lru", {g, beta}}};
    const auto found = all.find(id);
    return found == all.end() ? std::vector<Made>{} : found->second;
}

std::map<std::string, Tensor> makeArrays(const std::string& id, const Shape& s, std::mt19937_64& random)
{
    std::map<std::string, Tensor> made;
    for (const auto& array : arraysOf(id)) {
        Tensor values(kBatch, array.heads, array.rows == kTokens ? s.keys : array.rows, array.cols == kColumns ? s.dim : array.cols);
        std::uniform_real_distribution<float> uniform(array.least, array.most);
        for (float& x : values.values())
            x = uniform(random);
        shorten(values);
        made.emplace(array.name, std::move(values));
    }
    return made;
}

} // namespace

class TestCudaMixers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithItsDefinition_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<int>("n");
        QTest::addColumn<int>("m");
        QTest::addColumn<int>("d");
        QTest::addColumn<int>("dv");
        const auto ids =
            QStringLiteral("retention lightning mamba1 mamba2 mamba3 gla hgrn2 deltanet gated-deltanet kda rwkv6 rwkv7 rg-lru");
        for (const QString& id : ids.split(QLatin1Char(' ')))
            for (const auto& [n, m, d, dv] : {std::tuple{1, 1, 16, 16}, {17, 17, 40, 24}, {100, 130, 64, 128}, {67, 67, 19, 21}})
                QTest::newRow(qPrintable(QStringLiteral("%1 n%2 d%3").arg(id).arg(n).arg(d))) << id << n << m << d << dv;
    }

    void agreesWithItsDefinition()
    {
        if (cudaBackends().empty())
            QSKIP(qPrintable(QString::fromStdString(cudaUnavailableReason())));
        QFETCH(QString, id);
        QFETCH(int, n);
        QFETCH(int, m);
        QFETCH(int, d);
        QFETCH(int, dv);
        const Shape shape{kBatch, kHeads, n, m, d, dv};
        auto data = tests::randomInputs(shape, static_cast<std::uint64_t>(n + d), 1.0F, kKvHeads);
        for (Tensor* const tensor : {&data.q, &data.k, &data.v})
            shorten(*tensor);
        std::mt19937_64 random(static_cast<std::uint64_t>(m));
        const auto arrays = makeArrays(id.toStdString(), shape, random);
        auto inputs = data.inputs(true);
        for (const auto& [name, values] : arrays)
            inputs.arrays[name] = values.view();
        const auto* const method = findMethod(id.toStdString());
        QVERIFY(method != nullptr);
        const auto params = defaultParams(method->info().params);
        for (const auto dtype : {Dtype::F32, Dtype::TF32, Dtype::F16, Dtype::BF16}) {
            const auto backend = cudaBackends().front()->in(dtype);
            QVERIFY(backend.ok());
            const auto out = tests::runOnCard(**backend, *method, inputs, params);
            QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
            for (Index h = 0; h < kBatch * kHeads; ++h) {
                const HeadRef head{h / kHeads, h % kHeads};
                const auto map = method->define(inputs, head, params);
                QVERIFY(map.ok());
                const double tolerance = dtype == Dtype::F32 ? std::max(1e-5, 1e-6 * map->condition) : 1e-2;
                const double gap = gapOf(out->matrix(head), *map, inputs.vOf(head));
                QVERIFY2(gap <= tolerance, qPrintable(QStringLiteral("%1 at head %2, format %3").arg(gap).arg(h).arg(int(dtype))));
            }
        }
    }
};

static const attnscope::tests::RegisterTest<TestCudaMixers> registered("test_cuda_mixers");

#include "test_cuda_mixers.moc"
