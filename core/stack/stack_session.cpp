// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_session.h"

#include "core/io/file_error.h"
#include "core/stack/stack_fields.h"
#include "core/stack/stack_file.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <tuple>

namespace attnscope {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostArchitectures = 64;
constexpr Index kMostTurns = 1000;
constexpr std::uintmax_t kMostBytes = std::uintmax_t{16} << 20;
constexpr const char* kSaveAgain = "Open a file that Attnscope saved.";

auto tied(const StackChoice& c)
{
    return std::tie(c.question.scenario, c.question.batch, c.question.prefixReuse, c.question.turns, c.question.turnTokens, c.card, c.dtype,
                    c.longest);
}

constexpr std::pair<Scenario, const char*> kScenarios[] = {
    {Scenario::Prompt, "prompt"}, {Scenario::Generate, "generate"}, {Scenario::Conversation, "conversation"}};

Json choiceJson(const StackChoice& c)
{
    const char* scenario = kScenarios[0].second;
    for (const auto& [value, name] : kScenarios)
        if (value == c.question.scenario)
            scenario = name;
    return {{"scenario", scenario}, {"batch", c.question.batch}, {"turns", c.question.turns}, {"turnTokens", c.question.turnTokens},
            {"card", c.card},       {"dtype", c.dtype},          {"longest", c.longest}};
}

StackChoice readChoice(StackFields& fields)
{
    constexpr Index kLongestOfAll = Index{1} << 24;
    StackChoice c;
    const auto wrong = [&](const char* key, const std::string& value) {
        fields.fail(Errc::InvalidParam, fields.origin() + ": \"" + key + "\" is \"" + value.substr(0, 40) + "\", which is not known.",
                    kSaveAgain);
    };
    const std::string scenario = fields.text("scenario", "prompt");
    const auto* known = std::find_if(std::begin(kScenarios), std::end(kScenarios), [&](const auto& s) { return scenario == s.second; });
    if (known == std::end(kScenarios))
        wrong("scenario", scenario);
    else
        c.question.scenario = known->first;
    c.question.batch = fields.number("batch", 1.0, 1 << 20, 1.0);
    c.question.turns = static_cast<int>(fields.size("turns", kMostTurns, 1));
    c.question.turnTokens = fields.number("turnTokens", 1.0, 1 << 20, kTurnTokens);
    c.card = fields.text("card", c.card);
    if (c.card != "measured" && !findCard(c.card))
        wrong("card", c.card);
    c.dtype = fields.text("dtype", {});
    if (!c.dtype.empty() && c.dtype != "bf16" && c.dtype != "f16" && c.dtype != "f32")
        wrong("dtype", c.dtype);
    c.longest = std::max<Index>(1024, fields.size("longest", kLongestOfAll, c.longest));
    return c;
}

/// An architecture and the key that decided about it, which files of stacks don't keep.
Json architectureJson(const Architecture& a) { return {{"decidedBy", a.decidedBy}, {"stack", Json::parse(writeStack(a))}}; }

Architecture readArchitecture(StackFields& fields, const char* key)
{
    const auto* object = fields.object(key);
    StackFields inner(object ? *object : fields.json(), fields.origin() + ", " + key);
    const auto* stack = inner.object("stack");
    if (!stack)
        inner.fail(Errc::Parse, inner.origin() + " has no \"stack\".", kSaveAgain);
    auto read = stack ? readStackFile(*stack, inner.origin(), "design") : Result<Architecture>(Architecture());
    if (!read)
        inner.fail(read.error().code, read.error().what, read.error().hint);
    else
        read->decidedBy = inner.text("decidedBy", read->decidedBy);
    if (inner.error())
        fields.fail(inner.error()->code, inner.error()->what, inner.error()->hint);
    return read ? std::move(read).value() : Architecture();
}

StackEntry readEntry(StackFields& fields)
{
    StackEntry entry;
    entry.path = fields.text("path", {});
    entry.bundled = fields.text("bundled", {});
    entry.file = readArchitecture(fields, "file");
    entry.shown = fields.has("shown") ? readArchitecture(fields, "shown") : entry.file;
    return entry;
}

} // namespace

bool isChanged(const StackEntry& entry) { return entry.shown != entry.file; }

bool StackChoice::operator==(const StackChoice& other) const { return tied(*this) == tied(other); }

std::string stackSessionToJson(const StackSession& session)
{
    Json architectures = Json::array();
    for (const auto& entry : session.entries) {
        Json item{{"path", entry.path}, {"bundled", entry.bundled}, {"file", architectureJson(entry.file)}};
        if (isChanged(entry))
            item["shown"] = architectureJson(entry.shown);
        architectures.push_back(std::move(item));
    }
    const Json whole{
        {kStackSessionKey, kStackSessionVersion}, {"question", choiceJson(session.choice)}, {"architectures", std::move(architectures)}};
    return whole.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<StackSession> stackSessionFromJson(std::string_view text, const std::string& origin)
{
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || !json.contains(kStackSessionKey))
        return Error{Errc::Parse, origin + " holds no saved architectures.", kSaveAgain};
    StackFields fields(json, origin);
    if (fields.size(kStackSessionKey, StackFields::MaxSize) > kStackSessionVersion && !fields.error())
        return Error{Errc::Unsupported, origin + " was saved by a newer Attnscope.", "Open it with that one."};
    StackSession session;
    if (const auto* question = fields.object("question")) {
        StackFields inner(*question, origin + ", question");
        session.choice = readChoice(inner);
        if (inner.error())
            return *inner.error();
    }
    if (!json.contains("architectures") || !json["architectures"].is_array() || json["architectures"].size() > kMostArchitectures)
        return Error{Errc::Parse, origin + ": \"architectures\" is not a list of at most " + std::to_string(kMostArchitectures) + ".",
                     kSaveAgain};
    for (const auto& item : json["architectures"]) {
        if (!item.is_object())
            return Error{Errc::Parse, origin + ": \"architectures\" holds something that is no object.", kSaveAgain};
        StackFields inner(item, origin + ", architecture " + std::to_string(session.entries.size()));
        session.entries.push_back(readEntry(inner));
        if (inner.error())
            return *inner.error();
    }
    if (fields.error())
        return *fields.error();
    return session;
}

Result<StackSession> loadStackSession(const std::filesystem::path& path)
{
    std::error_code failed;
    if (!std::filesystem::is_regular_file(path, failed))
        return readError(path, ENOENT);
    if (std::filesystem::file_size(path, failed) > kMostBytes)
        return parseError(path, "is larger than 16 MiB", kSaveAgain);
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file)
        return readError(path, errno == 0 ? EIO : errno);
    return stackSessionFromJson(text, quoted(path));
}

} // namespace attnscope
