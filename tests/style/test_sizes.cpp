// SPDX-License-Identifier: GPL-3.0-or-later
// The size budget of files and functions: small enough to be read in one go.
#include "style/source_tree.h"
#include "support/register_test.h"

#include <QRegularExpression>
#include <QTest>

#include <algorithm>

using namespace attnscope::tests;

namespace {

struct FunctionSize {
    QString where;
    qsizetype lines = 0;
};

/// Functions as clang-format lays them out: a brace alone in the first column (or after the indentation of a class) opens
/// the body, the next one at that column closes it.
std::vector<FunctionSize> functionsOf(const SourceFile& file)
{
    std::vector<FunctionSize> sizes;
    static const QRegularExpression open(QStringLiteral(R"(^( {0,8})\{$)"));
    for (qsizetype i = 1; i < file.lines.size(); ++i) {
        const auto match = open.match(file.lines[i]);
        if (!match.hasMatch())
            continue;
        const QString close = match.captured(1) + QLatin1Char('}');
        qsizetype end = i + 1;
        while (end < file.lines.size() && file.lines[end] != close)
            ++end;
        sizes.push_back({file.path + QLatin1Char(':') + QString::number(i), end - i - 1});
        i = end;
    }
    return sizes;
}

template <class Container, class Value>
auto quantile(Container values, double q, Value value)
{
    std::sort(values.begin(), values.end(), [&](const auto& a, const auto& b) { return value(a) < value(b); });
    return value(values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))]);
}

const QStringList kFolders{QStringLiteral("core"), QStringLiteral("gpu"), QStringLiteral("ui"), QStringLiteral("app")};

bool mayBeLong(const QString& where)
{
    return where.contains(QStringLiteral(".cu")) || where.contains(QStringLiteral("kernel")) || where.contains(QStringLiteral("paint")) ||
           where.contains(QStringLiteral("plottable"));
}

} // namespace

class TestSizes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void functionsAreFound()
    {
        const SourceFile sample{QStringLiteral("x.cpp"),
                                {QStringLiteral("int f()"), QStringLiteral("{"), QStringLiteral("    return 1;"), QStringLiteral("}"),
                                 QStringLiteral("class A {"), QStringLiteral("    int g()"), QStringLiteral("    {"),
                                 QStringLiteral("        int x = 2;"), QStringLiteral("        return x;"), QStringLiteral("    }")}};
        const auto sizes = functionsOf(sample);
        QCOMPARE(sizes.size(), std::size_t(2));
        QCOMPARE(sizes[0].lines, qsizetype(1));
        QCOMPARE(sizes[1].lines, qsizetype(2));
    }

    void filesAreShort()
    {
        const auto files = sourceTree(kFolders);
        QVERIFY(files.size() > 50);
        const auto lines = [](const SourceFile& file) { return file.lines.size(); };
        const auto median = quantile(files, 0.5, lines);
        const auto p90 = quantile(files, 0.9, lines);
        qInfo("%zu files: median %lld lines, p90 %lld", files.size(), static_cast<long long>(median), static_cast<long long>(p90));
        QVERIFY2(median <= 120, qPrintable(QString::number(median)));
        QVERIFY2(p90 <= 300, qPrintable(QString::number(p90)));
        for (const auto& file : sourceTree(kFolders + QStringList{QStringLiteral("tests")}))
            QVERIFY2(file.lines.size() <= 500,
                     qPrintable(file.path + QStringLiteral(" has ") + QString::number(file.lines.size()) + QStringLiteral(" lines")));
    }

    void functionsAreShort()
    {
        std::vector<FunctionSize> all;
        for (const auto& file : sourceTree(kFolders))
            for (const auto& size : functionsOf(file))
                all.push_back(size);
        QVERIFY(all.size() > 200);
        const auto lines = [](const FunctionSize& f) { return f.lines; };
        const auto p90 = quantile(all, 0.9, lines);
        qInfo("%zu functions: p90 %lld lines", all.size(), static_cast<long long>(p90));
        QVERIFY2(p90 <= 25, qPrintable(QString::number(p90)));
        QStringList wrong;
        for (const auto& f : all)
            if (f.lines > (mayBeLong(f.where) ? 100 : 60))
                wrong += f.where + QStringLiteral(": ") + QString::number(f.lines) + QStringLiteral(" lines");
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(QLatin1Char('\n'))));
    }

    void mainWindowStaysSmall()
    {
        const auto window = readSource(QStringLiteral("ui/main_window.cpp"));
        QVERIFY(!window.lines.isEmpty());
        QVERIFY(window.lines.size() <= 250);
        for (const auto& f : functionsOf(window))
            QVERIFY2(f.lines <= 40, qPrintable(f.where));
    }
};

static const RegisterTest<TestSizes> registered("test_sizes");

#include "test_sizes.moc"
