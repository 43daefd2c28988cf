// SPDX-License-Identifier: GPL-3.0-or-later
// Every key of every published config, replaced by what it must not be: never a crash, always one sentence that names the key.
#include "core/stack/stack_curve.h"
#include "core/stack/stack_memory.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <random>

using namespace attnscope;
using attnscope::tests::architectureData;
using attnscope::tests::architectureFolder;
using attnscope::tests::parsedConfig;
using Json = nlohmann::json;

namespace {

std::vector<std::string> architectureIds()
{
    std::vector<std::string> ids;
    for (const auto& entry : std::filesystem::directory_iterator(architectureFolder()))
        ids.push_back(entry.path().stem().string());
    return ids;
}

const Json& deepList()
{
    static const Json value = Json::parse(std::string(1000, '[') + std::string(1000, ']'));
    return value;
}

/// What the key holds is of no other type than it was, so that a message about it can only be about its value.
std::vector<Json> replacements(const Json& was)
{
    std::vector<Json> values{-1,
                             -1e308,
                             1e308,
                             std::numeric_limits<std::uint64_t>::max(),
                             1'000'000'000'000,
                             1.5,
                             Json::array({Json::object()}),
                             deepList(),
                             Json::object({{"a", 1}}),
                             "telepathy",
                             std::string(10'000, 'x')};
    if (!was.is_boolean())
        values.emplace_back(true);
    return values;
}

/// One sentence, short, with its hint; about a key or about a number that the message repeats.
QString problemWith(const Error& error)
{
    const auto what = QString::fromStdString(error.what);
    if (!what.endsWith(QLatin1Char('.')) || what.contains(QLatin1Char('\n')) || what.size() > 400 || error.hint.empty())
        return QStringLiteral("no short sentence: ") + what.left(500);
    return {};
}

/// All that is computed of a stack is finite.
bool finite(const Architecture& a)
{
    static const Card card = *findCard("h100");
    const auto point = pointAt(a, card, {Scenario::Generate, 4.0}, 4096);
    return std::isfinite(point.prefillMs) && std::isfinite(point.decodeMs) && std::isfinite(point.kvBytes) &&
           std::isfinite(point.stateBytes) && point.weightBytes >= 0.0 && point.prefillMs >= 0.0 && !caption(a).empty();
}

} // namespace

class TestHostileConfigs : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyKeyReplaced_data()
    {
        QTest::addColumn<QString>("id");
        for (const auto& id : architectureIds())
            QTest::newRow(id.c_str()) << QString::fromStdString(id);
    }

    void everyKeyReplaced()
    {
        QFETCH(QString, id);
        const Json config = architectureData(id.toStdString())["config"];
        for (const auto& [key, was] : config.items())
            for (const auto& value : replacements(was)) {
                Json changed = config;
                changed[key] = value;
                const auto parsed = parsedConfig(changed);
                const auto context = key + " = " + value.dump().substr(0, 40);
                if (parsed) {
                    QVERIFY2(finite(*parsed), context.c_str());
                    continue;
                }
                const auto problem = problemWith(parsed.error());
                QVERIFY2(problem.isEmpty(), qPrintable(QString::fromStdString(context) + QStringLiteral(": ") + problem));
                const bool named = parsed.error().what.find(key) != std::string::npos;
                const bool wrongType = value.is_object() || (value.is_string() && was.is_number());
                QVERIFY2(named || !wrongType, (context + ": " + parsed.error().what).c_str());
            }
    }

    void everyKeyMissing()
    {
        for (const auto& id : architectureIds()) {
            const Json config = architectureData(id)["config"];
            for (const auto& [key, was] : config.items())
                for (const bool null : {false, true}) {
                    Json changed = config;
                    changed.erase(key);
                    if (null)
                        changed[key] = nullptr;
                    const auto parsed = parsedConfig(changed);
                    if (parsed)
                        QVERIFY2(finite(*parsed), (id + " without " + key).c_str());
                    else
                        QVERIFY2(problemWith(parsed.error()).isEmpty(), qPrintable(problemWith(parsed.error())));
                }
        }
    }

    void severalKeysAtOnce() // pairs of hostile values may pass one check and meet in another
    {
        std::mt19937 random(7);
        const std::vector<Json> values{0,
                                       1,
                                       2,
                                       3,
                                       7,
                                       64,
                                       4096,
                                       16777216,
                                       1 << 30,
                                       -1,
                                       0.5,
                                       "full_attention",
                                       true,
                                       nullptr,
                                       Json::array(),
                                       Json::array({0, 1}),
                                       Json::array({"mamba", "attention"}),
                                       Json::object()};
        const auto ids = architectureIds();
        for (int i = 0; i < 4000; ++i) {
            Json config = architectureData(ids[static_cast<std::size_t>(i) % ids.size()])["config"];
            std::vector<std::string> keys;
            for (const auto& [key, value] : config.items())
                keys.push_back(key);
            for (int j = 0; j < 3; ++j)
                config[keys[random() % keys.size()]] = values[random() % values.size()];
            const auto parsed = parsedConfig(config);
            if (parsed)
                QVERIFY2(finite(*parsed), config.dump().c_str());
            else
                QVERIFY2(problemWith(parsed.error()).isEmpty(), qPrintable(problemWith(parsed.error())));
        }
    }

    void brokenTexts()
    {
        const std::string whole = architectureData("jamba-v0.1")["config"].dump();
        for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
            const auto parsed = parseArchitecture(std::string_view(whole).substr(0, cut), "config.json", "x");
            QVERIFY(!parsed.ok() && problemWith(parsed.error()).isEmpty());
        }
        for (const std::string& text : {std::string(200'000, '{'), std::string("{\"a\":") + std::string(200'000, '['),
                                        std::string("\xff\xfe\0{", 4), std::string("\"text\""), std::string("null"), std::string("1e999")})
            QVERIFY(!parseArchitecture(text, "config.json", "x").ok());
        for (const char* key : {"model_type", "hidden_size", "layer_types", "attn", "ssm_cfg", "attnscope_stack", "text_config"}) {
            const auto text = "{\"" + std::string(key) + "\": " + std::string(300'000, '[') + std::string(300'000, ']') + "}";
            const auto parsed = parseArchitecture(text, "config.json", "x");
            QVERIFY2(!parsed.ok() && problemWith(parsed.error()).isEmpty(), key);
        }
        for (const char* wrap : {"text_config", "llm_config", "language_config", "config"}) // a wrapper in itself, however deep
            QVERIFY(!parseArchitecture("{\"" + std::string(wrap) + "\": {\"" + wrap + "\": {}}}", "config.json", "x").ok());
    }
};

static const attnscope::tests::RegisterTest<TestHostileConfigs> registered("test_hostile_configs");

#include "test_hostile_configs.moc"
