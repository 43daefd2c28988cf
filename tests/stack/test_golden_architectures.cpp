// SPDX-License-Identifier: GPL-3.0-or-later
// Every published architecture in resources/architectures: its layers, KV and state bytes and size are what is known of it.
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <algorithm>

using namespace attnscope;
using attnscope::tests::architectureData;
using attnscope::tests::architectureFolder;
using attnscope::tests::architectureOf;

namespace {

constexpr double MiB = 1048576.0;

/// Half a unit of the last digit that `text` writes ("97.4": 0.05).
double halfDigit(const std::string& text)
{
    const auto point = text.find('.');
    return 0.5 * std::pow(10.0, point == std::string::npos ? 0.0 : -static_cast<double>(text.size() - point - 1));
}

} // namespace

class TestGoldenArchitectures : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void published_data()
    {
        QTest::addColumn<QString>("id");
        std::vector<std::string> ids;
        for (const auto& entry : std::filesystem::directory_iterator(architectureFolder()))
            if (entry.path().extension() == ".json")
                ids.push_back(entry.path().stem().string());
        std::sort(ids.begin(), ids.end());
        QVERIFY(ids.size() >= 30);
        for (const auto& id : ids)
            QTest::newRow(id.c_str()) << QString::fromStdString(id);
    }

    void published()
    {
        QFETCH(QString, id);
        const auto data = architectureData(id.toStdString());
        QVERIFY(!data.is_discarded() && !data["source"].get<std::string>().empty() && !data["certainty"].empty());
        const auto& expected = data["expected"];
        const auto a = architectureOf(id.toStdString());
        QCOMPARE(a.layers.size(), expected["layers"].get<std::size_t>());
        QCOMPARE(attentionLayers(a), expected["attentionLayers"].get<std::vector<Index>>());
        QCOMPARE(a.decidedBy, expected["decidedBy"].get<std::string>());
        Index recurrent = 0;
        for (const auto& layer : a.layers) {
            recurrent += layer.recurrent ? 1 : 0;
            if (layer.recurrent)
                QCOMPARE(layer.recurrent->method, expected["mixer"].get<std::string>());
            if (layer.attention.kind != AttentionKind::None)
                QCOMPARE(layer.attention.kind == AttentionKind::Full, expected["attention"] == "full");
        }
        QCOMPARE(recurrent, expected["recurrentLayers"].get<Index>());
        QCOMPARE(kvBytesPerToken(a), expected["kvBytesPerToken"].get<double>());
        if (const auto& state = expected["stateMiB"]; !state.is_null()) {
            const auto text = state.get<std::string>();
            const double mebibytes = stateBytes(a) / MiB;
            QVERIFY2(std::abs(mebibytes - std::stod(text)) <= halfDigit(text) * 1.0001, qPrintable(QString::number(mebibytes)));
        }
        if (expected.contains("parameters")) {
            const double stated = expected["parameters"]["value"];
            const double ours = parametersOf(a).total;
            QVERIFY2(std::abs(ours / stated - 1.0) <= expected["parameters"]["within"].get<double>(), qPrintable(QString::number(ours)));
        }
        if (expected.contains("activeParameters")) { // of mixtures, as their authors count them: with the output head
            const double stated = expected["activeParameters"]["value"];
            const double ours = parametersOf(a).active + parametersOf(a).head;
            QVERIFY2(std::abs(ours / stated - 1.0) <= expected["activeParameters"]["within"].get<double>(),
                     qPrintable(QString::number(ours)));
        }
    }

    void outsideMeasurementsAreReproducedExactly()
    {
        const auto qwen = architectureOf("qwen2.5-1.5b");
        QCOMPARE(kvBytes(qwen, 4096) / MiB, 112.0);
        QCOMPARE(kvBytes(qwen, 32768) / MiB, 896.0);
        QCOMPARE(stateBytes(architectureOf("mamba-1.4b")) / MiB, 14.25);
        QCOMPARE(kvBytes(architectureOf("jamba-v0.1"), 262144) / (1024.0 * MiB), 4.0);
    }

    void windowsStopTheCache()
    {
        QCOMPARE(kvBytes(architectureOf("recurrentgemma-2b"), 1e6) / MiB, 16.0);
        QCOMPARE(kvBytes(architectureOf("recurrentgemma-9b"), 1e6) / MiB, 24.0);
        QCOMPARE(kvBytes(architectureOf("samba-1.3b"), 2048), kvBytes(architectureOf("samba-1.3b"), 1e6));
    }

    void stateIsNotFree_data()
    {
        QTest::addColumn<double>("tokens");
        QTest::newRow("jamba-v0.1") << 980.0;
        QTest::newRow("qwen3-next-80b-a3b") << 3144.0;
        QTest::newRow("kimi-linear-48b-a3b") << 5384.0;
        QTest::newRow("nemotron-h-8b") << 6234.0;
        QTest::newRow("granite-4.0-h-micro") << 9331.0;
        QTest::newRow("nemotron-h-56b") << 22280.0;
        QTest::newRow("nemotron-h-47b") << 37134.0;
    }

    void stateIsNotFree()
    {
        QFETCH(double, tokens);
        QCOMPARE(std::round(stateInTokens(architectureOf(QTest::currentDataTag()))), tokens);
    }

    void mambaThreesStateIsTheDocumentedSum() // per layer 2048 KiB of S, 24 KiB of last key and value, 8 KiB of angles
    {
        const auto a = architectureOf("mamba3-1.5b-shape");
        QCOMPARE(stateBytes(a) / 24.0 / 1024.0, 2048.0 + 24.0 + 8.0);
    }

    void captionsSayWhoAttends()
    {
        QCOMPARE(caption(architectureOf("nemotron-h-8b")),
                 std::string("4 of 52 layers attend to everything; they hold 100 % of the KV cache."));
        QCOMPARE(caption(architectureOf("mamba-1.4b")), std::string("None of the 48 layers attends; there is no KV cache."));
        QVERIFY(caption(architectureOf("samba-1.3b")).starts_with("0 of 18 layers attend to everything; 9 look back"));
    }

    void sharedBlocksAreNamedAndCountedOnce()
    {
        const auto one = architectureOf("zamba2-1.2b");
        const auto two = architectureOf("zamba2-2.7b");
        QVERIFY(!one.layers[5].sharedWith);
        QCOMPARE(one.layers[11].sharedWith, std::optional<Index>(5));
        QVERIFY(!two.layers[6].sharedWith && !two.layers[12].sharedWith);
        QCOMPARE(two.layers[18].sharedWith, std::optional<Index>(6));
        QCOMPARE(two.layers[24].sharedWith, std::optional<Index>(12));
        QCOMPARE(mixerName(one.layers[5]), std::string("full+mamba2"));
        auto apart = one;
        for (auto& layer : apart.layers)
            layer.sharedWith.reset();
        QVERIFY(parametersOf(apart).total > 1.3 * parametersOf(one).total);
        QCOMPARE(kvBytesPerToken(apart), kvBytesPerToken(one));
    }
};

static const attnscope::tests::RegisterTest<TestGoldenArchitectures> registered("test_golden_architectures");

#include "test_golden_architectures.moc"
