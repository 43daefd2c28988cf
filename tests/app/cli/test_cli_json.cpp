// SPDX-License-Identifier: GPL-3.0-or-later
// The JSON documents that scripts rely on: exactly the fields that were promised, with sensible values.
#include "app/cli/cli_process.h"
#include "core/method/registry.h"
#include "support/register_test.h"

#include <QTest>

#include <cmath>

#include <nlohmann/json.hpp>

#include <set>

using namespace attnscope;
using tests::CliFolder;

namespace {

using Json = nlohmann::json;
using Keys = std::set<std::string>;

/// Discarded, which is no object, where the output is not one JSON document.
Json jsonOf(const tests::CliResult& result) { return Json::parse(result.out.begin(), result.out.end(), nullptr, false); }

Keys keysOf(const Json& value)
{
    Keys keys;
    for (const auto& [key, member] : value.items())
        keys.insert(key);
    return keys;
}

} // namespace

class TestCliJson : public QObject {
    Q_OBJECT

private:
    CliFolder m_folder;

private Q_SLOTS:
    void initTestCase() { tests::writeInputs(m_folder.file("in.safetensors"), tests::randomInputs({1, 2, 80, 80, 16, 16}, 31)); }

    void methods()
    {
        const auto result = m_folder.run({"methods", "--json"});
        QCOMPARE(result.code, 0);
        QCOMPARE(keysOf(jsonOf(result)), (Keys{"methods"}));
        const auto list = jsonOf(result).at("methods");
        QCOMPARE(list.size(), allMethods().size());
        for (const auto& method : list) {
            QCOMPARE(keysOf(method), (Keys{"id", "title", "family", "causal", "bidirectional", "exact", "summary", "formula", "assumes",
                                           "loses", "learned", "time", "memory", "source", "parameters"}));
            const auto* known = findMethod(method["id"].get<std::string>());
            QVERIFY(known != nullptr);
            QCOMPARE(method["exact"].get<bool>(), known->info().exact);
            QCOMPARE(method["causal"].get<bool>(), known->info().supportsCausal);
            QCOMPARE(method["parameters"].size(), known->info().params.size());
            for (const auto& parameter : method["parameters"])
                QCOMPARE(keysOf(parameter), (Keys{"key", "default", "min", "max", "choices"}));
        }
    }

    void promisedMethodsAndKeys_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QStringList>("keys");
        QTest::newRow("softmax") << "softmax" << QStringList{};
        QTest::newRow("softmax-reference") << "softmax-reference" << QStringList{};
        QTest::newRow("linear-elu") << "linear-elu" << QStringList{};
        QTest::newRow("performer") << "performer" << QStringList{"features", "map", "projection"};
        QTest::newRow("linformer") << "linformer" << QStringList{"rank", "projection"};
        QTest::newRow("window") << "window" << QStringList{"window", "globals"};
        QTest::newRow("uniform") << "uniform" << QStringList{};
        QTest::newRow("topk") << "topk" << QStringList{"k"};
        QTest::newRow("svd") << "svd" << QStringList{"rank"};
    }
    void promisedMethodsAndKeys()
    {
        QFETCH(QString, id);
        QFETCH(QStringList, keys);
        const auto list = jsonOf(m_folder.run({"methods", id, "--json"})).at("methods");
        QCOMPARE(list.size(), std::size_t{1});
        QStringList found;
        for (const auto& parameter : list[0]["parameters"])
            found << QString::fromStdString(parameter["key"].get<std::string>());
        for (const auto& key : keys)
            QVERIFY2(found.contains(key), qPrintable(key));
    }

    void rows()
    {
        const auto result = m_folder.run({"rows", "--input", "in.safetensors", "--head", "0:1", "--rows", "2:5", "--json"});
        QVERIFY2(result.code == 0, result.err);
        const auto json = jsonOf(result);
        QCOMPARE(keysOf(json), (Keys{"backend", "dtype", "means", "rows"}));
        QCOMPARE(json["rows"].size(), std::size_t{3});
        for (const auto& row : json["rows"]) {
            QCOMPARE(keysOf(row), (Keys{"row", "lse", "entropy", "sumSquares", "top"}));
            QVERIFY(row["entropy"] >= 0.0 && row["sumSquares"] <= 1.0);
            for (std::size_t i = 1; i < row["top"].size(); ++i)
                QVERIFY(row["top"][i]["weight"] <= row["top"][i - 1]["weight"]);
        }
        QCOMPARE(m_folder.run({"rows", "--input", "in.safetensors", "--rows", "5:2"}).code, 2);
        const auto withOutput =
            m_folder.run({"rows", "--input", "in.safetensors", "--head", "0:1", "--rows", "2:5", "--json", "--out", "rows.npy"});
        QCOMPARE(withOutput.code, 0);
        QCOMPARE(withOutput.out, result.out);
        QCOMPARE(m_folder.run({"run", "--input", "in.safetensors", "--head", "0:1", "--method", "softmax", "--out", "run.npy"}).code, 0);
        QVERIFY(!m_folder.readBytes("run.npy").isEmpty());
        QCOMPARE(m_folder.readBytes("rows.npy"), m_folder.readBytes("run.npy"));
    }

    void compare()
    {
        const auto result =
            m_folder.run({"compare", "--input", "in.safetensors", "--head", "0:1", "--methods",
                          "softmax-reference;performer:features=32;linformer:rank=8;uniform;svd:rank=4;topk:k=8", "--json"});
        QVERIFY2(result.code == 0, result.err);
        QCOMPARE(keysOf(jsonOf(result)), (Keys{"methods", "exactRows"}));
        QCOMPARE(keysOf(jsonOf(result)["exactRows"]), (Keys{"entropy", "sumSquares", "largest", "lse"}));
        const auto list = jsonOf(result).at("methods");
        QCOMPARE(list.size(), std::size_t{6});
        for (const auto& line : list) {
            QCOMPARE(keysOf(line),
                     (Keys{"method", "parameters", "mapRelFrobenius", "outputRelFrobenius", "mapMaxAbs", "outputMaxAbs", "totalVariation",
                           "kl", "topkRecall", "entropyDifference", "rowSumDeviation", "negativeMass", "latencyMs", "label", "sampled"}));
            QVERIFY(line["sampled"].is_null()); // all rows were read
            QCOMPARE(keysOf(line["topkRecall"]), (Keys{"1", "8", "64"}));
            QVERIFY(line["latencyMs"].get<double>() > 0.0);
            QVERIFY(line["label"].is_string());
        }
        QVERIFY(list[0]["mapRelFrobenius"].get<double>() < 1e-5);
        QVERIFY(list[0]["outputRelFrobenius"].get<double>() < 1e-5);
        QCOMPARE(list[0]["label"].get<std::string>(), std::string("exact"));
        QCOMPARE(list[0]["topkRecall"]["1"].get<double>(), 1.0);
        QCOMPARE(list[1]["parameters"]["features"].get<int>(), 32);
        QCOMPARE(list[1]["label"].get<std::string>(), std::string("implied"));
        QVERIFY(list[1]["kl"].is_number()); // positive features: KL is defined
        QVERIFY(list[4]["kl"].is_null());   // the best rank 4 has negative weights
        QVERIFY(list[4]["negativeMass"].get<double>() > 0.0);
        QVERIFY(list[4]["mapRelFrobenius"].get<double>() <= list[3]["mapRelFrobenius"].get<double>());
        QVERIFY(list[5]["kl"].is_null()); // zero where exact attention is positive
    }

    void bidirectionalFallbackIsSaid()
    {
        const auto result =
            m_folder.run({"compare", "--input", "in.safetensors", "--causal", "--methods", "linformer;linear-elu", "--json"});
        QVERIFY2(result.code == 0, result.err);
        QVERIFY(result.err.contains("no causal form"));
        const auto list = jsonOf(result).at("methods");
        QCOMPARE(list[0]["label"].get<std::string>(), std::string("implied, bidirectional"));
        QCOMPARE(list[1]["label"].get<std::string>(), std::string("implied"));
    }

    void aWindowIsKeptOrItsLossIsSaid()
    {
        const auto result = m_folder.run(
            {"compare", "--input", "in.safetensors", "--causal", "--window", "5", "--methods", "softmax;uniform;linear-elu", "--json"});
        QVERIFY2(result.code == 0, result.err);
        QVERIFY(result.err.contains("no form for a sliding window: compared without it"));
        const auto list = jsonOf(result).at("methods");
        QCOMPARE(list[0]["label"].get<std::string>(), std::string("exact"));
        QVERIFY(list[0]["mapRelFrobenius"].get<double>() < 1e-6);
        QCOMPARE(list[1]["label"].get<std::string>(), std::string("implied"));
        QCOMPARE(list[2]["label"].get<std::string>(), std::string("implied, no window"));
        const auto refused =
            m_folder.run({"run", "--input", "in.safetensors", "--causal", "--window", "5", "--method", "linear-elu", "--out", "o.npy"});
        QVERIFY(refused.code != 0);
        QVERIFY(refused.err.contains("sliding window"));
    }

    void sweep()
    {
        const auto result = m_folder.run({"sweep", "--methods", "softmax;linear-elu", "--lengths", "64:512", "--dim", "16", "--heads", "2",
                                          "--causal", "--repeats", "2", "--json"});
        QVERIFY2(result.code == 0, result.err);
        const auto json = jsonOf(result);
        QCOMPARE(keysOf(json), (Keys{"machine", "samples", "fits", "crossovers"}));
        QVERIFY(!json["machine"]["processor"].get<std::string>().empty());
        const auto samples = json["samples"];
        QCOMPARE(samples.size(), std::size_t{8});
        for (const auto& sample : samples) {
            QCOMPARE(keysOf(sample), (Keys{"method", "backend", "dtype", "causal", "heads", "dim", "n", "status", "medianMs", "q1Ms",
                                           "q3Ms", "flops", "bytes", "peakBytes"}));
            QCOMPARE(sample["status"].get<std::string>(), std::string("ok"));
            QVERIFY(sample["q1Ms"].get<double>() <= sample["medianMs"].get<double>() &&
                    sample["medianMs"].get<double>() <= sample["q3Ms"].get<double>());
            QCOMPARE(sample["dtype"].get<std::string>(), std::string("f32"));
            QCOMPARE(sample["backend"].get<std::string>(), std::string("cpu"));
            QCOMPARE(sample["heads"].get<int>(), 2);
            QCOMPARE(sample["dim"].get<int>(), 16);
            QVERIFY(sample["causal"].get<bool>());
            QVERIFY(sample["flops"].get<double>() > 0.0);
        }
        QCOMPARE(samples[0]["n"].get<int>(), 64);
        QCOMPARE(samples[7]["n"].get<int>(), 512);
        QCOMPARE(json["fits"].size(), std::size_t{2});
        for (const auto& fit : json["fits"])
            QCOMPARE(keysOf(fit), (Keys{"method", "backend", "exponent", "low", "high", "from", "to"}));
        QCOMPARE(json["crossovers"].size(), std::size_t{1});
        QCOMPARE(keysOf(json["crossovers"][0]), (Keys{"a", "b", "n", "low", "high"}));
    }

    void sweepAgainstPeaks()
    {
        const QStringList arguments{"sweep", "--methods", "softmax;linear-elu", "--lengths", "256", "--repeats", "1", "--peaks"};
        const auto result = m_folder.run(arguments + QStringList{"--json"});
        QVERIFY2(result.code == 0, result.err);
        const auto json = jsonOf(result);
        const auto peaks = json["machine"]["peaks"];
        QCOMPARE(keysOf(peaks), (Keys{"threads", "flops", "exponentials", "bytes"}));
        for (const char* name : {"flops", "exponentials", "bytes"})
            QVERIFY(peaks[name]["one"].get<double>() > 0.0 && peaks[name]["all"].get<double>() >= peaks[name]["one"].get<double>());
        for (const auto& sample : json["samples"]) {
            const double perSecond = sample["flops"].get<double>() / (1e-3 * sample["medianMs"].get<double>());
            const double share = sample["ofPeak"]["flops"].get<double>();
            QVERIFY(std::abs(share * peaks["flops"]["all"].get<double>() - perSecond) <= 1e-6 * perSecond);
        }
        QVERIFY(json["samples"][0]["ofPeak"]["exponentials"].get<double>() > 0.0);
        QVERIFY(json["samples"][1]["ofPeak"]["exponentials"].is_null());
        const auto csv = m_folder.run(arguments + QStringList{"--csv"});
        QVERIFY(csv.out.startsWith("method,") && csv.out.contains(",ofFlops,ofExponentials,ofBytes"));
    }

    void sweepNeverDropsSamples()
    {
        const auto result = m_folder.run({"sweep", "--methods", "softmax-reference;linformer", "--lengths", "64,100,4096", "--causal",
                                          "--memory-budget", "1", "--repeats", "1", "--json"});
        QVERIFY2(result.code == 0, result.err);
        const auto samples = jsonOf(result).at("samples");
        QCOMPARE(samples.size(), std::size_t{6});
        QCOMPARE(samples[0]["status"].get<std::string>(), std::string("ok"));
        QCOMPARE(samples[1]["status"].get<std::string>(), std::string("failed")); // no causal form
        QVERIFY(samples[1]["medianMs"].is_null());
        QCOMPARE(samples[4]["status"].get<std::string>(), std::string("oom")); // 3 MiB of inputs alone
    }

    void sweepAsCsv()
    {
        const auto result = m_folder.run({"sweep", "--methods", "softmax", "--lengths", "64,65", "--repeats", "1", "--csv"});
        QCOMPARE(result.code, 0);
        const auto lines = result.out.trimmed().split('\n');
        QCOMPARE(lines.size(), 3);
        QVERIFY(lines[0].startsWith("method,parameters,backend,dtype,causal,heads,dim,n,status,medianMs,q1Ms,q3Ms,flops,peakBytes"));
        QVERIFY(lines[2].contains(",65,ok,"));
    }

    void verify()
    {
        const auto result = m_folder.run({"verify", "--json"});
        QVERIFY2(result.code == 0, result.err);
        QCOMPARE(keysOf(jsonOf(result)), (Keys{"results"}));
        Keys methods;
        const auto results = jsonOf(result).at("results");
        for (const auto& line : results) {
            QCOMPARE(keysOf(line), (Keys{"method", "form", "backend", "dtype", "residual", "verdict", "note"}));
            const auto verdict = line["verdict"].get<std::string>();
            QVERIFY2(verdict == "pass" || verdict == "unsupported", line.dump().c_str());
            if (verdict == "pass")
                QVERIFY(line["residual"].get<double>() < 1e-2);
            methods.insert(line["method"].get<std::string>());
        }
        for (const auto& method : allMethods())
            QVERIFY2(methods.contains(method->info().id), method->info().id.c_str());
    }
};

static const attnscope::tests::RegisterTest<TestCliJson> registered("test_cli_json");

#include "test_cli_json.moc"
