// SPDX-License-Identifier: GPL-3.0-or-later
// Layers of a text that is too long to be run at once equal those of one that is not, whatever was asked for before.
#include "core/model/text_layers.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QTest>

using namespace attnscope;

namespace {

constexpr std::uint64_t kCache = std::uint64_t{1} << 20;

Result<Transformer> model() { return Transformer::load(std::filesystem::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/model/qwen2"); }

std::vector<std::int32_t> ids()
{
    std::vector<std::int32_t> ids(700);
    for (std::size_t i = 0; i < ids.size(); ++i)
        ids[i] = static_cast<std::int32_t>(i * 31 % 100);
    return ids;
}

bool sameHead(const std::shared_ptr<const LayerInputs>& a, const std::shared_ptr<const LayerInputs>& b, Index head)
{
    const Inputs x = inputsOf(a, {0, head});
    const Inputs y = inputsOf(b, {0, head});
    bool same = x.q.rows() == y.q.rows();
    for (Index i = 0; same && i < x.q.rows(); ++i)
        same = std::ranges::equal(x.q.matrix({}).rowSpan(i), y.q.matrix({}).rowSpan(i)) &&
               std::ranges::equal(x.k.matrix({}).rowSpan(i), y.k.matrix({}).rowSpan(i)) &&
               std::ranges::equal(x.v.matrix({}).rowSpan(i), y.v.matrix({}).rowSpan(i));
    return same;
}

} // namespace

class TestTextLayers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void equalsTheWholeRunInAnyOrder_data()
    {
        QTest::addColumn<double>("passingBytes");
        QTest::newRow("layers are kept as they pass") << 1e9;
        QTest::newRow("one head at a time") << 0.0;
    }

    void equalsTheWholeRunInAnyOrder()
    {
        QFETCH(double, passingBytes);
        const auto loaded = model();
        QVERIFY(loaded.ok());
        TextLayers whole(*loaded, ids(), kCache);
        TextLayers pieces(*loaded, ids(), kCache, {0.0, passingBytes});
        QVERIFY(whole.open({}).ok() && pieces.open({}).ok());
        for (const Index layer : {0, 2, 1, 2, 0})
            for (Index head = 0; head < loaded->config().heads; ++head) {
                const auto a = whole.layer(layer, {});
                const auto b = pieces.head(layer, head, {});
                QVERIFY(a.ok() && b.ok());
                QVERIFY((*b)->contains({0, head}));
                QVERIFY(sameHead(*a, *b, head));
            }
    }

    void saysWhatIsStillToBeRun()
    {
        const auto loaded = model();
        QVERIFY(loaded.ok());
        TextLayers whole(*loaded, ids(), kCache);
        TextLayers pieces(*loaded, ids(), kCache, {0.0, 0.0});
        QVERIFY(whole.open({}).ok() && pieces.open({}).ok());
        QCOMPARE(whole.costOf(2, 0).flops, 0.0);
        const auto before = pieces.costOf(2, 0);
        QCOMPARE(before.layersToRun, Index{3});
        QVERIFY(before.bytes > 0.0);
        QVERIFY(pieces.head(1, 0, {}).ok());
        QCOMPARE(pieces.costOf(1, 0).flops, 0.0);
        QCOMPARE(pieces.costOf(1, 1).layersToRun, Index{1});
        const auto after = pieces.costOf(2, 0);
        QCOMPARE(after.layersToRun, Index{2});
        QVERIFY(after.flops < before.flops);
    }

    void firstPositionsDoNotNeedTheRest()
    {
        const auto loaded = model();
        QVERIFY(loaded.ok());
        TextLayers whole(*loaded, ids(), kCache);
        TextLayers pieces(*loaded, ids(), kCache, {0.0, 0.0});
        QVERIFY(whole.open({}).ok() && pieces.open({}).ok());
        const auto a = whole.layer(2, {});
        const auto b = pieces.start(2, 100, {});
        QVERIFY(a.ok() && b.ok());
        QCOMPARE((*b)->q.rows(), Index{100});
        QVERIFY(pieces.costOf(2, 0).flops > 0.0);
        double worst = 0.0;
        for (Index head = 0; head < loaded->config().heads; ++head)
            for (Index i = 0; i < 100; ++i)
                for (Index c = 0; c < (*b)->q.cols(); ++c)
                    worst = std::max<double>(worst, std::abs((*a)->q.matrix({0, head})(i, c) - (*b)->q.matrix({0, head})(i, c)));
        QVERIFY2(worst < 1e-4, qPrintable(QString::number(worst)));
    }

    void refusesWhatIsNotThere()
    {
        const auto loaded = model();
        QVERIFY(loaded.ok());
        TextLayers layers(*loaded, ids(), kCache);
        QVERIFY(layers.open({}).ok());
        QCOMPARE(layers.head(0, 99, {}).error().code, Errc::InvalidParam);
        QCOMPARE(layers.head(3, 0, {}).error().code, Errc::InvalidParam);
        QCOMPARE(layers.start(-1, 10, {}).error().code, Errc::InvalidParam);
        QCOMPARE(layers.costOf(99, 0).layersToRun, Index{0});
    }

    void aStoppedRunLeavesWhatWasThere()
    {
        const auto loaded = model();
        QVERIFY(loaded.ok());
        TextLayers layers(*loaded, ids(), kCache, {0.0, 0.0});
        QVERIFY(layers.open({}).ok());
        std::stop_source stop;
        RunContext context;
        context.stop = stop.get_token();
        context.progress = [&](double fraction) {
            if (fraction > 0.5)
                stop.request_stop();
        };
        QCOMPARE(layers.head(2, 0, context).error().code, Errc::Cancelled);
        QVERIFY(layers.head(0, 0, {}).ok());
        QVERIFY(layers.head(2, 0, {}).ok());
    }
};

static const attnscope::tests::RegisterTest<TestTextLayers> registered("test_text_layers");

#include "test_text_layers.moc"
