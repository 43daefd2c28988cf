// SPDX-License-Identifier: GPL-3.0-or-later
// The page of architectures: what opens there, broken files beside good ones, curves, captions, and a clicked mixer.
#include "support/register_test.h"
#include "test_paths.h"
#include "ui/architecture/architecture_link.h"
#include "ui/architecture/architecture_page.h"
#include "ui/architecture/bundled_architectures.h"
#include "ui/architecture/stack_cells.h"
#include "ui/architecture/stack_column.h"
#include "ui/architecture/stack_plot.h"
#include "ui/architecture/stack_text.h"
#include "ui/main_window.h"
#include "ui/session_controller.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace attnscope;

namespace {

constexpr int kPatience = 60000; // ms

QString bundled(const char* name) { return bundledArchitecture(QString::fromLatin1(name)); }

QString written(const QTemporaryDir& folder, const QString& name, const QByteArray& text)
{
    QFile file(folder.filePath(name));
    if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size())
        return {};
    return file.fileName();
}

/// A page of its own with a queue.
struct Page {
    SessionController controller{{}};
    Settings settings;
    ArchitecturePage page{controller.jobs(), settings};

    ArchitectureSet& set() { return page.architectures(); }
    bool answered(std::size_t count)
    {
        return QTest::qWaitFor([&] { return controller.jobs().idle() && set().answer().curves.size() == count; }, kPatience);
    }
};

} // namespace

class TestArchitecturePage : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase()
    {
        QVERIFY(m_folder.isValid());
        qputenv("XDG_CONFIG_HOME", m_folder.path().toUtf8()); // settings of the test, not of the user
    }

    void everyBundledArchitectureIsListed()
    {
        const auto all = bundledArchitectures();
        QVERIFY(all.size() >= 30);
        for (const auto& one : all)
            QVERIFY2(architectureFile(one.path) == ArchitectureFile::Yes, qPrintable(one.path));
    }

    void threeSideBySide()
    {
        Page p;
        p.page.open({bundled("jamba-v0.1"), bundled("nemotron-h-8b"), bundled("llama-3.1-8b")});
        QVERIFY(p.page.message().isEmpty());
        QVERIFY(p.answered(3));
        QCOMPARE(p.page.column(1).caption(), QStringLiteral("4 of 52 layers attend to everything; they hold 100 % of the KV cache."));
        QCOMPARE(factsOf(p.set().entries()[2].shown)[0].value, QStringLiteral("128 KiB"));
        const auto& answer = p.set().answer();
        QCOMPARE(answer.lengths.front(), kShortestStack);
        QCOMPARE(answer.lengths.back(), Index(1) << 18);
        QVERIFY(!stackCrossings(answer, StackQuantity::Decode).empty());
        QCOMPARE(crossoverSentences(answer).size(), qsizetype(answer.crossovers.size()));
        p.set().remove(0);
        QVERIFY(p.answered(2));
        QCOMPARE(p.set().answer().architectures[0].name, p.set().entries()[0].shown.name);
    }

    void brokenFilesLeaveTheOthers()
    {
        Page p;
        const QString noKind = written(m_folder, "strange.json", R"({"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64,
            "num_attention_heads": 4, "intermediate_size": 8, "layer_types": ["full_attention", "telepathy"]})");
        const QString noJson = written(m_folder, "config.json", "{ not json");
        p.page.open({bundled("jamba-v0.1"), noKind, noJson, m_folder.filePath("missing.json")});
        QCOMPARE(p.set().entries().size(), std::size_t(1));
        const QStringList lines = p.page.message().split(QLatin1Char('\n'));
        QCOMPARE(lines.size(), qsizetype(3));
        QVERIFY2(lines[0].contains("layer_types") && lines[0].contains("telepathy"), qPrintable(lines[0]));
        QVERIFY(lines[1].contains("config.json"));
        QVERIFY(p.answered(1));
        p.page.open({bundled("gpt2")});
        QVERIFY(p.page.message().isEmpty());
    }

    void aQuestionIsAnsweredAnew()
    {
        Page p;
        p.page.open({bundled("llama-3.1-8b")});
        QVERIFY(p.answered(1));
        QVERIFY(p.set().answer().curves[0].back().fits);
        const double before = p.set().answer().curves[0].back().kvBytes;
        p.set().choose([](StackChoice& c) {
            c.question.batch = 8;
            c.dtype = "f32";
        });
        QVERIFY(QTest::qWaitFor([&] { return p.controller.jobs().idle() && p.set().answer().choice == p.set().choice(); }, kPatience));
        QCOMPARE(p.set().answer().curves[0].back().kvBytes, 16 * before);
        QVERIFY(!p.set().answer().curves[0].back().fits);
        const auto lines = stackLines(p.set().answer(), StackQuantity::Memory);
        QCOMPARE(lines.size(), std::size_t(2));
        QVERIFY(lines[0].fits && !lines[1].fits);
        QCOMPARE(lines[0].n.back(), lines[1].n.front());
        p.set().choose([](StackChoice& c) { c.question.scenario = Scenario::Conversation; });
        QVERIFY(QTest::qWaitFor([&] { return p.controller.jobs().idle() && p.set().answer().choice == p.set().choice(); }, kPatience));
        QCOMPARE(p.set().answer().curves[0].size(), 2 * p.set().answer().lengths.size());
        QVERIFY(!p.page.plot().describe({5, 5}).contains("n ="));
    }

    void sharesAreStackedToOne()
    {
        Page p;
        p.page.open({bundled("nemotron-h-8b")});
        QVERIFY(p.answered(1));
        for (const auto quantity : {StackQuantity::Memory, StackQuantity::Prefill, StackQuantity::Decode}) {
            const auto shares = stackShares(p.set().answer(), 0, quantity);
            for (qsizetype i = 0; i < shares.n.size(); ++i)
                QVERIFY(0.0 < shares.weights[i] && shares.weights[i] <= shares.attention[i] && shares.attention[i] <= 1.0);
            QVERIFY(shares.attention.back() - shares.weights.back() > shares.attention.front() - shares.weights.front());
        }
    }

    void filesGoWhereTheyBelong()
    {
        const QString samples = QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/");
        QCOMPARE(architectureFile(samples + "example_session.json"), ArchitectureFile::No);
        QCOMPARE(architectureFile(samples + "hamlet_opening.txt"), ArchitectureFile::No);
        QCOMPARE(architectureFile(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/models/attnscope-mini")), ArchitectureFile::ModelFolder);
        QTemporaryDir bare;
        QCOMPARE(architectureFile(bare.path()), ArchitectureFile::No);
        QVERIFY(!written(bare, "config.json", "{}").isEmpty());
        QCOMPARE(architectureFile(bare.path()), ArchitectureFile::Yes);
    }

    void aClickedMixerIsShownOnTheBoard()
    {
        MainWindow window({&cpuBackend()}, {});
        window.open(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/planted_pattern.safetensors"));
        window.open(bundled("nemotron-h-8b"));
        QCOMPARE(window.controller().session().input.path, ATTNSCOPE_SOURCE_DIR "/resources/samples/planted_pattern.safetensors");
        auto& page = window.architectures().page();
        QCOMPARE(page.architectures().entries().size(), std::size_t(1));
        QVERIFY(QTest::qWaitFor([&] { return window.controller().jobs().idle(); }, kPatience));
        StackCells& cells = page.column(0).cells();
        QTest::mouseClick(&cells, Qt::LeftButton, {}, cells.cellRect(7).center()); // attention: nothing to show
        QCOMPARE(window.controller().session().approximations[0].id, std::string("performer"));
        QTest::mouseClick(&cells, Qt::LeftButton, {}, cells.cellRect(0).center());
        QCOMPARE(window.controller().session().approximations[0].id, std::string("mamba2"));
        QVERIFY(QTest::qWaitFor([&] { return window.controller().jobs().idle(); }, kPatience));
        QVERIFY(window.controller().board().approximations[0].comparison != nullptr);
    }

    void aLayerSaysWhatItIs()
    {
        Page p;
        p.page.open({bundled("nemotron-h-8b"), bundled("recurrentgemma-2b"), bundled("kimi-linear-48b-a3b")});
        const auto& entries = p.set().entries();
        const QString attention = layerTip(entries[0].shown, 7);
        QVERIFY2(attention.contains("32 query heads, 8 key/value heads × 128") && attention.contains("hybrid_override_pattern"),
                 qPrintable(attention));
        QVERIFY(layerTip(entries[0].shown, 0).contains("Mamba-2"));
        QVERIFY(layerTip(entries[0].shown, 1).contains("feed-forward only"));
        QVERIFY(layerTip(entries[1].shown, 2).contains("sliding window of 2,048"));
        QVERIFY(layerTip(entries[2].shown, 3).contains("latent"));
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestArchitecturePage> registered("test_architecture_page");

#include "test_architecture_page.moc"
