// SPDX-License-Identifier: GPL-3.0-or-later
// The page of architectures: what opens there, broken files beside good ones, curves, captions, and a clicked mixer.
#include "core/stack/kernel_profile.h"
#include "support/register_test.h"
#include "test_paths.h"
#include "ui/architecture/architecture_controls.h"
#include "ui/architecture/architecture_files.h"
#include "ui/architecture/architecture_link.h"
#include "ui/architecture/architecture_page.h"
#include "ui/architecture/bundled_architectures.h"
#include "ui/architecture/stack_cells.h"
#include "ui/architecture/stack_column.h"
#include "ui/architecture/stack_designer.h"
#include "ui/architecture/stack_pages.h"
#include "ui/architecture/stack_plot.h"
#include "ui/architecture/stack_text.h"
#include "ui/main_window.h"
#include "ui/session_controller.h"

#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include <cmath>

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

    void designsFollowAtOnce()
    {
        Page p;
        p.page.open({bundled("jamba-v0.1"), bundled("llama-3.1-8b")});
        p.page.resize(1200, 800);
        p.page.show();
        p.page.setDesigning(true);
        StackCells& cells = p.page.column(0).cells();
        QTest::mouseClick(&cells, Qt::LeftButton, {}, cells.cellRect(4).center());
        QCOMPARE(p.page.designer().layer(), std::optional<Index>(4));
        QCOMPARE(cells.selected(), std::optional<Index>(4));
        QVERIFY(p.set().entries()[0].shown == p.set().entries()[0].file);
        QTest::mousePress(&cells, Qt::LeftButton, {}, cells.cellRect(4).center());
        QTest::mouseMove(&cells, cells.cellRect(2).center());
        QTest::mouseMove(&cells, cells.cellRect(0).center());
        QTest::mouseRelease(&cells, Qt::LeftButton, {}, cells.cellRect(0).center());
        QCOMPARE(attentionLayers(p.set().entries()[0].shown), (std::vector<Index>{0, 12, 20, 28}));
        QCOMPARE(p.page.designer().layer(), std::optional<Index>(0));
        QTest::keyClick(&cells, Qt::Key_Right, Qt::ControlModifier);
        QCOMPARE(attentionLayers(p.set().entries()[0].shown), (std::vector<Index>{1, 12, 20, 28}));
        QVERIFY(p.answered(2));
        QVERIFY(p.set().answer().architectures[0] == p.set().entries()[0].shown);
        QVERIFY(isChanged(p.set().entries()[0]) && !isChanged(p.set().entries()[1]));
        p.set().reset(0);
        QVERIFY(!isChanged(p.set().entries()[0]));
    }

    void aSizeThatCannotBeIsRefusedInPlace()
    {
        Page p;
        p.page.open({bundled("llama-3.1-8b")});
        p.page.setDesigning(true);
        const auto box = [&](const char* name) {
            for (auto* found : p.page.designer().findChildren<QSpinBox*>())
                if (found->accessibleName() == QLatin1String(name))
                    return found;
            return static_cast<QSpinBox*>(nullptr);
        };
        box("Query heads")->setValue(20);
        QVERIFY2(p.page.message().contains("8") && p.page.message().contains("20"), qPrintable(p.page.message()));
        QVERIFY(!isChanged(p.set().entries()[0]));
        box("Key/value heads")->setValue(4);
        QVERIFY(p.page.message().isEmpty());
        QCOMPARE(p.set().entries()[0].shown.layers[9].attention.heads, Index(20));
        QCOMPARE(p.set().entries()[0].shown.layers[9].attention.kvHeads, Index(4));
    }

    void publishedRunsStandBesideThePrediction()
    {
        Page p;
        p.page.showStudy(QStringLiteral("mamba3-prefill-decode"));
        QVERIFY(p.answered(4));
        const auto& answer = p.set().answer();
        QCOMPARE(answer.choice.question.batch, 128.0);
        QVERIFY(answer.prefillMarks.size() >= 20 && answer.decodeMarks.size() >= 20);
        for (const auto& mark : answer.prefillMarks) {
            QVERIFY(!mark.published.differs.empty());
            if (mark.published.n > 4096) // beyond the memory, in waves
                continue;
            const auto predicted = pointAt(answer.architectures[mark.architecture], answer.card, answer.choice.question, mark.published.n);
            QVERIFY2(std::abs(std::log(predicted.prefillMs / mark.published.ms)) < std::log(1.35), mark.published.series.c_str());
        }
        QCOMPARE(answer.decisions.size(), stackUses().size());
        for (const auto& decision : answer.decisions)
            QVERIFY(decisionPage(answer).contains(QString::fromStdString(decision.title)));
        p.set().choose([](StackChoice& c) { c.question.batch = 64; });
        QVERIFY(QTest::qWaitFor([&] { return p.controller.jobs().idle() && p.set().answer().choice == p.set().choice(); }, kPatience));
        QVERIFY(p.set().answer().prefillMarks.empty());
    }

    void savedDesignsAreOpenedAndDrawnWithoutAWindow()
    {
        Page p;
        p.page.open({bundled("zamba2-1.2b"), bundled("recurrentgemma-2b")});
        p.page.designer().move(0, 0, 5);
        p.set().choose([](StackChoice& c) { c.question.batch = 3; });
        const QString path =
            written(m_folder, "saved.json", QByteArray::fromStdString(stackSessionToJson({p.set().entries(), p.set().choice()})));
        QCOMPARE(architectureFile(path), ArchitectureFile::Yes);
        Page other;
        other.page.open({path});
        QVERIFY2(other.page.message().isEmpty(), qPrintable(other.page.message()));
        QCOMPARE(other.set().entries().size(), std::size_t(2));
        QVERIFY(other.set().entries()[0].shown == p.set().entries()[0].shown);
        QVERIFY(other.set().choice() == p.set().choice());
        const auto files = renderArchitectures(path, m_folder.filePath("out"));
        QVERIFY2(files.ok(), files.ok() ? "" : files.error().what.c_str());
        QCOMPARE(files->size(), qsizetype(5));
        for (const QString& file : *files)
            QVERIFY2(QFileInfo(file).size() > 100, qPrintable(file));
        QVERIFY(!renderArchitectures(m_folder.filePath("missing.json"), m_folder.path()).ok());
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

    void thisMachineIsMeasuredAgain()
    {
        const QTemporaryDir cache;
        qputenv("XDG_CACHE_HOME", cache.path().toUtf8());
        Page p;
        auto* again = p.page.findChild<ArchitectureControls*>()->findChild<QToolButton*>();
        QVERIFY(again->isHidden());
        p.set().choose([](StackChoice& c) { c.card = "measured"; });
        QVERIFY(!again->isHidden());
        QCOMPARE(again->text(), QStringLiteral("Stop"));
        const auto measured = [&] { return p.controller.jobs().idle() && p.set().answer().card.name == "measured"; };
        QVERIFY(QTest::qWaitFor(measured, kPatience));
        QCOMPARE(again->text(), QStringLiteral("Measure again"));
        const auto first = p.set().answer().card.kernels;
        p.set().choose([](StackChoice& c) { c.question.batch = 2; }); // nothing new to measure
        QVERIFY(QTest::qWaitFor([&] { return p.controller.jobs().idle() && !p.set().isAsking(); }, kPatience));
        QCOMPARE(p.set().answer().card.bytesPerSecond, 4.0 / first->at({KernelKind::Product}, 1.0).unit.median);
        again->click();
        QCOMPARE(again->text(), QStringLiteral("Stop"));
        again->click();
        QVERIFY(QTest::qWaitFor([&] { return !p.set().isAsking(); }, kPatience));
        QVERIFY(p.page.message().contains(QStringLiteral("Cancelled")));
        again->click();
        QVERIFY(QTest::qWaitFor([&] { return !p.set().isAsking(); }, kPatience));
        const auto& anew = *p.set().answer().card.kernels;
        QVERIFY(anew.at({KernelKind::Product}, 512.0).unit.median != first->at({KernelKind::Product}, 512.0).unit.median);
        qunsetenv("XDG_CACHE_HOME");
    }

private:
    QTemporaryDir m_folder;
};

static const attnscope::tests::RegisterTest<TestArchitecturePage> registered("test_architecture_page");

#include "test_architecture_page.moc"
