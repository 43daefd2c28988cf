// SPDX-License-Identifier: GPL-3.0-or-later
// What every recurrent method promises: all its forms agree, with gates from the input as well; nothing overflows; the past is all it sees.
#include "support/mixer_maps.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

struct Drawn {
    const char* name;
    Index width; ///< 0: as wide as the keys
    double least, most;
};

/// Arrays that a method takes from the input.
std::vector<Drawn> arraysOf(const std::string& id)
{
    static const std::map<std::string, std::vector<Drawn>> known{
        {"gla", {{"g", 0, -0.6, 0.0}}},
        {"hgrn2", {{"gk", 0, -0.6, 0.0}}},
        {"rwkv6", {{"w", 0, -0.6, 0.0}, {"u", 0, -1.0, 1.0}}},
        {"rwkv7", {{"w", 0, -0.6, 0.0}, {"a", 0, 0.0, 1.0}, {"kappa", 0, -1.0, 1.0}, {"u", 0, -1.0, 1.0}}},
        {"deltanet", {{"beta", 1, 0.0, 1.0}}},
        {"gated-deltanet", {{"beta", 1, 0.0, 1.0}, {"g", 1, -0.6, 0.0}}},
        {"kda", {{"beta", 1, 0.0, 1.0}, {"g", 0, -0.6, 0.0}}},
        {"mamba2", {{"dt", 1, 0.0, 1.0}, {"A", 1, -1.0, 0.0}, {"D", 1, -1.0, 1.0}, {"B", 11, -1.0, 1.0}, {"C", 11, -1.0, 1.0}}},
        {"mamba3", {{"dt", 1, 0.0, 1.0}, {"g", 1, -0.6, 0.0}, {"trap", 1, 0.0, 1.0}, {"theta", 2, -2.0, 2.0}, {"D", 1, -1.0, 1.0}}},
        {"mamba1", {{"dt", 1, 0.0, 1.0}, {"D", 1, -1.0, 1.0}, {"B", 11, -1.0, 1.0}, {"C", 11, -1.0, 1.0}}},
        {"rg-lru", {{"g", 1, -0.6, 0.0}, {"beta", 1, 0.0, 1.0}}},
        {"log-linear", {{"g", 1, -0.6, 0.0}, {"lambda", 24, 0.0, 2.0}}},
    };
    const auto found = known.find(id);
    return found == known.end() ? std::vector<Drawn>{} : found->second;
}

GatedInputs gatedInputs(const std::string& id, const Shape& shape, std::uint64_t seed, Index kvHeads = 0)
{
    GatedInputs data(shape, seed, 0.7F, kvHeads);
    for (const Drawn& array : arraysOf(id))
        data.draw(array.name, array.width > 0 ? array.width : shape.dim, array.least, array.most);
    return data;
}

/// max |a - b| / max |b| over all heads; infinity where something is no number.
double gap(const Tensor& a, const Tensor& b)
{
    double size = 0.0;
    for (const float x : b.values())
        size = std::max(size, std::fabs(static_cast<double>(x)));
    return size > 0.0 ? maxDifference(a, b) / size : maxDifference(a, b);
}

const Shape kShapes[] = {{2, 4, 67, 131, 24, 19}, {1, 2, 193, 193, 33, 7},  {1, 1, 64, 64, 8, 40},   {1, 1, 1, 1, 5, 3},
                         {2, 4, 67, 131, 24, 32}, {1, 1, 193, 193, 40, 64}, {1, 4, 150, 260, 33, 16}};

} // namespace

class TestRecurrentContract : public QObject {
    Q_OBJECT

private:
    static void addMethods()
    {
        QTest::addColumn<QString>("id");
        for (const auto& method : allMethods())
            if (method->info().family == "recurrent")
                QTest::newRow(method->info().id.c_str()) << QString::fromStdString(method->info().id);
    }
    static std::string currentId()
    {
        QFETCH(QString, id);
        return id.toStdString();
    }
    static Params defaults(const std::string& id) { return defaultParams(findMethod(id)->info().params, 5); }

private Q_SLOTS:
    void formsAgreeWithTheDefinition_data() { addMethods(); }
    void formsAgreeWithTheDefinition()
    {
        const std::string id = currentId();
        const auto& method = *findMethod(id);
        for (const Shape& shape : kShapes) {
            const GatedInputs data = gatedInputs(id, shape, 201, shape.heads / 2 > 0 ? shape.heads / 2 : 1);
            const Inputs in = data.inputs();
            const auto out = method.run(in, defaults(id), {});
            QVERIFY2(out.ok(), out.ok() ? "" : out.error().what.c_str());
            for (const auto& form : method.otherForms()) {
                const auto other = method.runForm(form, in, defaults(id), {});
                QVERIFY(other.ok());
                QVERIFY2(gap(*other, *out) < 1e-5, qPrintable(QString("%1: %2").arg(form.c_str()).arg(gap(*other, *out))));
            }
            const HeadRef last{shape.batch - 1, shape.heads - 1};
            const auto source = method.scores(in, last, defaults(id), {});
            const auto defined = method.define(in, last, defaults(id));
            QVERIFY(source.ok() && defined.ok());
            Matrix64 truth(shape.queries, shape.keys);
            truth.values = defined->cells;
            const double residual = relativeDifference(readWhole(**source), truth);
            QVERIFY2(residual < 1e-5, qPrintable(QString::number(residual)));
        }
    }

    void identityValuesReadTheMap_data() { addMethods(); }
    void identityValuesReadTheMap()
    {
        const std::string id = currentId();
        GatedInputs data = gatedInputs(id, {1, 1, 90, 100, 12, 100}, 202);
        for (Index j = 0; j < 100; ++j)
            for (Index c = 0; c < 100; ++c)
                data.data.v.matrix()(j, c) = j == c ? 1.0F : 0.0F;
        const auto out = findMethod(id)->run(data.inputs(), defaults(id), {});
        QVERIFY(out.ok());
        QVERIFY(gap(mapOf(id.c_str(), data.inputs()), *out) < 1e-5);
    }

    void rowsReadAloneEqualTheMap_data() { addMethods(); }
    void rowsReadAloneEqualTheMap()
    {
        const std::string id = currentId();
        const GatedInputs data = gatedInputs(id, {1, 1, 200, 230, 12, 4}, 203);
        const auto source = findMethod(id)->scores(data.inputs(), {}, defaults(id), {});
        QVERIFY(source.ok());
        const Tensor whole = readWhole(**source);
        Tensor row(1, 1, 1, 230);
        for (const Index i : {0, 33, 34, 97, 199}) {
            QVERIFY((*source)->read({i, 0, 1, 230, 0}, Pool::Max, row.matrix(), {}).ok());
            for (Index j = 0; j < 230; ++j)
                QVERIFY(std::fabs(row.data()[j] - whole.matrix()(i, j)) <= 1e-6F);
        }
    }

    void farTilesEqualTheMapInAnyOrder_data() { addMethods(); }
    void farTilesEqualTheMapInAnyOrder()
    {
        const std::string id = currentId();
        const GatedInputs data = gatedInputs(id, {1, 1, 130, 9000, 4, 1}, 204);
        const auto fresh = findMethod(id)->scores(data.inputs(), {}, defaults(id), {});
        const auto used = findMethod(id)->scores(data.inputs(), {}, defaults(id), {});
        QVERIFY(fresh.ok() && used.ok());
        Tensor once(1, 1, 128, 4500);
        QVERIFY((*fresh)->read({1, 40, 128, 4500, 0}, Pool::Max, once.matrix(), {}).ok());
        Tensor tile(1, 1, 128, 300);
        for (const Index col : {4240, 40, 2140, 40, 4240, 1000}) {
            QVERIFY((*used)->read({1, col, 128, 300, 0}, Pool::Max, tile.matrix(), {}).ok());
            for (Index i = 0; i < 128; ++i)
                for (Index j = 0; j < 300; ++j)
                    QCOMPARE(tile.matrix()(i, j), once.matrix()(i, col - 40 + j));
        }
    }

    void whatDecayedAwayReadsAsZero()
    {
        const GatedInputs data({1, 1, 9000, 9000, 4, 1}, 211);
        for (const char* id : {"kda", "gated-deltanet", "rwkv7", "gla"}) {
            const auto source = findMethod(id)->scores(data.inputs(), {}, paramsOf(id, {{"g", "-0.1"}}), {});
            QVERIFY(source.ok());
            Tensor tile(1, 1, 128, 200);
            std::fill(tile.values().begin(), tile.values().end(), 1.0F);
            QVERIFY((*source)->read({8800, 100, 128, 200, 0}, Pool::Max, tile.matrix(), {}).ok());
            for (const float x : tile.values())
                QCOMPARE(x, 0.0F);
            const Tensor overview = readWhole(**source, 9, Pool::Extreme);
            QVERIFY(overview.matrix()(17, 0) == 0.0F && overview.matrix()(17, 17) != 0.0F);
        }
    }

    void earlierRowsStayToTheBit_data() { addMethods(); }
    void earlierRowsStayToTheBit()
    {
        const std::string id = currentId();
        GatedInputs data = gatedInputs(id, {1, 1, 150, 150, 12, 6}, 205);
        const auto before = findMethod(id)->run(data.inputs(), defaults(id), {});
        for (Tensor* x : {&data.data.q, &data.data.k, &data.data.v})
            for (float& value : x->matrix().rowSpan(77))
                value += 1.0F;
        for (auto& [name, array] : data.arrays)
            for (float& value : array.matrix().rowSpan(77))
                value *= 0.5F;
        const auto after = findMethod(id)->run(data.inputs(), defaults(id), {});
        QVERIFY(before && after);
        for (Index i = 0; i < 76; ++i) // the row before may know the next step (Mamba-3), never earlier ones
            for (Index c = 0; c < 6; ++c)
                QCOMPARE(after->matrix()(i, c), before->matrix()(i, c));
        QVERIFY(maxDifference(*before, *after) > 0.01);
    }

    void rowsDontDependOnTheLength_data() { addMethods(); }
    void rowsDontDependOnTheLength()
    {
        const std::string id = currentId();
        const GatedInputs data = gatedInputs(id, {1, 1, 200, 200, 12, 6}, 206);
        Inputs in = data.inputs();
        const auto whole = findMethod(id)->run(in, defaults(id), {});
        for (auto* view : {&in.q, &in.k, &in.v})
            view->shape[2] = 101;
        for (auto& [name, view] : in.arrays)
            view.shape[2] = 101;
        const auto part = findMethod(id)->run(in, defaults(id), {});
        QVERIFY(whole && part);
        for (Index i = 0; i < 101; ++i)
            for (Index c = 0; c < 6; ++c)
                QVERIFY(std::fabs(whole->matrix()(i, c) - part->matrix()(i, c)) <= 1e-5F * (1.0F + std::fabs(whole->matrix()(i, c))));
    }

    void queriesStandAtTheLastTokens_data() { addMethods(); }
    void queriesStandAtTheLastTokens()
    {
        const std::string id = currentId();
        const GatedInputs data = gatedInputs(id, {1, 2, 200, 200, 12, 6}, 207);
        Inputs in = data.inputs();
        const auto whole = findMethod(id)->run(in, defaults(id), {});
        in.q.data += 130 * in.q.strides[2];
        in.q.shape[2] = 70;
        const auto part = findMethod(id)->run(in, defaults(id), {});
        QVERIFY(whole && part);
        for (Index i = 0; i < 70; ++i)
            for (Index c = 0; c < 6; ++c) {
                const float expected = whole->matrix({0, 1})(130 + i, c);
                QVERIFY(std::fabs(part->matrix({0, 1})(i, c) - expected) <= 1e-5F * (1.0F + std::fabs(expected)));
            }
    }

    void oneThreadGivesTheSame_data() { addMethods(); }
    void oneThreadGivesTheSame()
    {
        const std::string id = currentId();
        const GatedInputs data = gatedInputs(id, {1, 1, 3000, 3000, 8, 5}, 208);
        RunContext one;
        one.threads = 1;
        RunContext two;
        two.threads = 2;
        const auto a = findMethod(id)->run(data.inputs(), defaults(id), one);
        const auto b = findMethod(id)->run(data.inputs(), defaults(id), two);
        QVERIFY(a && b);
        QCOMPARE(maxDifference(*a, *b), 0.0);
    }

    void nothingOverflowsOnLongInputs_data() { addMethods(); }
    void nothingOverflowsOnLongInputs()
    {
        const std::string id = currentId();
        const Index n = id == "retention" || id == "gla" ? 1000000 : 20000;
        const GatedInputs data({1, 1, n, n, 2, 1}, 209);
        auto params = defaults(id);
        if (params.numbers.count("g") == 1)
            params.numbers["g"] = -0.1; // e^0.1n leaves float32 at n = 887
        const auto out = findMethod(id)->run(data.inputs(), params, {});
        QVERIFY(out.ok());
        double size = 0.0;
        for (const float x : out->values()) {
            QVERIFY(std::isfinite(x));
            size = std::max(size, std::fabs(static_cast<double>(x)));
        }
        QVERIFY(size > 0.1);
    }

    void withoutGatesItIsLinearAttention_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("params");
        QTest::addColumn<double>("scale");
        QTest::newRow("retention") << "retention"
                                   << "gamma=1" << 0.25;
        QTest::newRow("lightning") << "lightning"
                                   << "schedule=fla" << 1.0;
        QTest::newRow("gla") << "gla"
                             << "g=0" << 0.25;
        QTest::newRow("rwkv6") << "rwkv6"
                               << "g=0 u=1" << 1.0;
        QTest::newRow("rwkv7") << "rwkv7"
                               << "g=0 a=0" << 1.0;
        QTest::newRow("mamba2") << "mamba2"
                                << "g=0 dt=1" << 1.0;
        QTest::newRow("mamba2, half steps") << "mamba2"
                                            << "g=0 dt=0.5" << 0.5;
        QTest::newRow("mamba1") << "mamba1"
                                << "A=0 dt=1" << 1.0;
        QTest::newRow("log-linear") << "log-linear"
                                    << "g=0 ratio=1" << 1.0;
        QTest::newRow("mamba3") << "mamba3"
                                << "g=0 dt=1 lambda=1 theta=0" << 1.0;
    }
    void withoutGatesItIsLinearAttention()
    {
        QFETCH(QString, id);
        QFETCH(QString, params);
        QFETCH(double, scale);
        std::vector<ParamText> given;
        for (const QString& pair : params.split(' '))
            given.emplace_back(pair.section('=', 0, 0).toStdString(), pair.section('=', 1).toStdString());
        const GatedInputs data({1, 1, 150, 170, 16, 4}, 210);
        const double residual =
            relativeDifference(mapOf(id.toUtf8().constData(), data.inputs(), given), linearMap(data.inputs(), {}, scale));
        QVERIFY2(residual < 1e-6, qPrintable(QString::number(residual)));
    }
};

static const attnscope::tests::RegisterTest<TestRecurrentContract> registered("test_recurrent_contract");

#include "test_recurrent_contract.moc"
