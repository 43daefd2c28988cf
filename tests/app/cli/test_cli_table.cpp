// SPDX-License-Identifier: GPL-3.0-or-later
// `table`: both tables at small size, what they hold, and what is refused.
#include "app/cli/cli_process.h"
#include "support/register_test.h"

#include <QTest>

#include <nlohmann/json.hpp>

using attnscope::tests::CliFolder;
using Json = nlohmann::json;

class TestCliTable : public QObject {
    Q_OBJECT

private:
    static Json lineOf(const Json& table, const std::string& label)
    {
        for (const auto& line : table["lines"])
            if (line["label"] == label)
                return line;
        return {};
    }

private Q_SLOTS:
    void performerFigure()
    {
        const CliFolder folder;
        const auto result = folder.run({"table", "performer-fig4", "--length", "256", "--draws", "3", "--json"});
        QCOMPARE(result.code, 0);
        const Json table = Json::parse(result.out.toStdString());
        QCOMPARE(table["columns"].size(), std::size_t{6});
        for (const auto& line : table["lines"])
            for (const auto& cell : line["cells"])
                QVERIFY(cell["measured"].get<double>() > 0.0 && cell["stated"].get<double>() > 0.0);
        // Small inputs: more features are better, and half the scale is easier.
        const Json positive = lineOf(table, "positive, orthogonal")["cells"];
        QVERIFY(positive[5]["measured"].get<double>() < positive[3]["measured"].get<double>());
        QVERIFY(positive[5]["measured"].get<double>() < positive[2]["measured"].get<double>());
        const Json zero = lineOf(table, "zero output")["cells"];
        QCOMPARE(zero[0]["measured"].get<double>(), zero[2]["measured"].get<double>());
    }

    void orientation()
    {
        const CliFolder folder;
        const auto result = folder.run({"table", "orientation", "--length", "96", "--dim", "16", "--json"});
        QCOMPARE(result.code, 0);
        const Json table = Json::parse(result.out.toStdString());
        for (const auto& line : table["lines"])
            QVERIFY(line["note"].is_null() ? line["cells"].size() == 4 : line["cells"].empty());
        const Json floor = lineOf(table, "best of rank 16")["cells"];
        const Json taylor = lineOf(table, "Taylor, all dimensions")["cells"];
        const Json uniform = lineOf(table, "uniform 1/n")["cells"];
        QCOMPARE(floor.size(), std::size_t{4});
        QVERIFY(floor[0]["measured"].get<double>() < uniform[0]["measured"].get<double>());
        QVERIFY(taylor[1]["measured"].get<double>() < uniform[1]["measured"].get<double>());
    }

    void readingAndWriting()
    {
        const CliFolder folder;
        const auto result = folder.run({"table", "prefill-decode", "--json"});
        QCOMPARE(result.code, 0);
        const Json table = Json::parse(result.out.toStdString());
        QCOMPARE(table["columns"].dump(), std::string(R"(["512","1024","2048","4096","16384"])"));
        QCOMPARE(table["lines"].size(), std::size_t{8});
        for (const auto& line : table["lines"])
            for (const auto& cell : line["cells"])
                QVERIFY(cell["ratio"].get<double>() > 0.8 && cell["ratio"].get<double>() < 1.2);
        const Json step = lineOf(table, "Llama 3.2 1B (vLLM), a step, ms")["cells"][4];
        QVERIFY(std::abs(step["stated"].get<double>() - 58.86) < 0.01 && std::abs(step["predicted"].get<double>() - 57.3) < 0.1);
        QVERIFY(folder.run({"table", "prefill-decode"}).out.contains("predicted, stated, ratio"));
    }

    void textForPeople()
    {
        const CliFolder folder;
        const auto result = folder.run({"table", "orientation", "--length", "64", "--dim", "8"});
        QCOMPARE(result.code, 0);
        QVERIFY(result.out.contains("ratio") && result.out.contains("elu + 1") && result.out.contains("length 64"));
    }

    void unknownTablesAndSizesAreRefused()
    {
        const CliFolder folder;
        for (const QStringList& arguments : {QStringList{"table"}, {"table", "nonsense"}, {"table", "orientation", "--length", "-3"}}) {
            const auto result = folder.run(arguments);
            QCOMPARE(result.code, 2);
            QVERIFY(result.oneSentence());
        }
    }
};

static const attnscope::tests::RegisterTest<TestCliTable> registered("test_cli_table");

#include "test_cli_table.moc"
