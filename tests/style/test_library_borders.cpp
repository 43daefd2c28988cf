// SPDX-License-Identifier: GPL-3.0-or-later
// The four libraries include only what they may: core and gpu no Qt, ui no gpu, nothing includes what stands above it.
#include "style/source_tree.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QRegularExpression>
#include <QTest>

using namespace attnscope::tests;

namespace {

struct Rule {
    QString folder;
    QRegularExpression forbidden;
    QString why;
};

const std::vector<Rule>& rules()
{
    static const std::vector<Rule> list{
        {QStringLiteral("core"), QRegularExpression(QStringLiteral(R"(^#include\s*[<"](Q[A-Z]|qcustomplot|cuda|gpu/|ui/|app/))")),
         QStringLiteral("core knows neither Qt nor CUDA nor what is built on it")},
        {QStringLiteral("gpu"), QRegularExpression(QStringLiteral(R"(^#include\s*[<"](Q[A-Z]|qcustomplot|ui/|app/))")),
         QStringLiteral("gpu knows only core and CUDA")},
        {QStringLiteral("ui"), QRegularExpression(QStringLiteral(R"(^#include\s*[<"](gpu/|cuda|app/))")),
         QStringLiteral("ui never includes gpu")},
        {QStringLiteral("app/cli"), QRegularExpression(QStringLiteral(R"(^#include\s*[<"](Q[A-Z]|qcustomplot|ui/))")),
         QStringLiteral("attnscope-cli uses no Qt")},
    };
    return list;
}

} // namespace

class TestLibraryBorders : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rulesSeeWhatTheyForbid()
    {
        QVERIFY(rules()[0].forbidden.match(QStringLiteral("#include <QString>")).hasMatch());
        QVERIFY(rules()[2].forbidden.match(QStringLiteral("#include \"gpu/cuda_backend.h\"")).hasMatch());
        QVERIFY(!rules()[0].forbidden.match(QStringLiteral("#include \"core/base/tensor.h\"")).hasMatch());
    }

    void includesStayInTheirLayer()
    {
        QStringList wrong;
        std::size_t files = 0;
        for (const auto& rule : rules())
            for (const auto& file : sourceTree({rule.folder})) {
                ++files;
                for (const QString& line : file.lines)
                    if (rule.forbidden.match(line).hasMatch())
                        wrong += file.path + QStringLiteral(": ") + line + QStringLiteral(" (") + rule.why + QLatin1Char(')');
            }
        QVERIFY(files > 50);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
    }

    void everyFileHasALicence()
    {
        QStringList wrong;
        for (const auto& file : sourceTree(
                 {QStringLiteral("core"), QStringLiteral("gpu"), QStringLiteral("ui"), QStringLiteral("app"), QStringLiteral("tests")}))
            if (file.lines.isEmpty() || !file.lines.first().contains(QStringLiteral("SPDX-License-Identifier: GPL-3.0-or-later")))
                wrong += file.path;
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
    }

    void headersSayWhatTheyAreFor()
    {
        QStringList wrong;
        for (const auto& file : sourceTree({QStringLiteral("core"), QStringLiteral("gpu"), QStringLiteral("ui"), QStringLiteral("app")}))
            if (file.path.endsWith(QStringLiteral(".h")) && !file.lines.value(1).startsWith(QStringLiteral("// ")))
                wrong += file.path;
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
    }

    void qcustomplotStaysOutOfHeaders()
    {
        QStringList wrong;
        for (const auto& file : sourceTree({QStringLiteral("ui")}))
            if (file.path.endsWith(QStringLiteral(".h")) && file.lines.contains(QStringLiteral("#include <qcustomplot.h>")))
                for (const QString& line : file.lines)
                    if (line.trimmed() == QLatin1String("Q_OBJECT"))
                        wrong += file.path;
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
    }

    void everyMethodHasATest()
    {
        const QDir methods(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/core/methods"));
        const auto files = methods.entryList({QStringLiteral("*.cpp")}, QDir::Files);
        QVERIFY(!files.isEmpty());
        for (const QString& file : files)
            QVERIFY2(QFile::exists(QStringLiteral(ATTNSCOPE_SOURCE_DIR "/tests/methods/test_") + file), qPrintable(file));
    }
};

static const RegisterTest<TestLibraryBorders> registered("test_library_borders");

#include "test_library_borders.moc"
