// SPDX-License-Identifier: GPL-3.0-or-later
// Session files: reading names the key that is wrong; writing keeps paths relative to the file.
#include "core/session/session.h"

#include "core/session/session_view_json.h"

#include <fstream>
#include <sstream>

namespace attnscope {

namespace {

using Json = SessionJson;
namespace fs = std::filesystem;

constexpr std::size_t kMostMethods = 16;
constexpr std::uintmax_t kLargestFile = std::uintmax_t{64} << 20; // what is larger isn't read at all

std::string relativeTo(const std::string& path, const fs::path& folder)
{
    if (path.empty() || folder.empty())
        return path;
    const auto relative = fs::path(path).lexically_relative(folder);
    return relative.empty() ? path : relative.string();
}

std::string resolve(const std::string& path, const fs::path& folder)
{
    if (path.empty() || folder.empty() || fs::path(path).is_absolute())
        return path;
    return (folder / path).lexically_normal().string();
}

Json methodToJson(const MethodSetting& choice)
{
    Json params = Json::object();
    for (const auto& [key, value] : choice.params)
        params[key] = value;
    return {{"id", choice.id}, {"parameters", params}, {"seed", choice.seed}};
}

void readInput(const Json& json, const fs::path& folder, InputChoice& input, std::string& wrong)
{
    JsonReader reader(json, "input.");
    reader.read("path", input.path);
    reader.read("text", input.text);
    reader.read("model", input.model);
    reader.read("q", input.q);
    reader.read("k", input.k);
    reader.read("v", input.v);
    reader.read("layout", input.layout);
    reader.read("hash", input.hash);
    input.path = resolve(input.path, folder);
    input.model = resolve(input.model, folder);
    wrong = reader.wrong();
}

void readMethods(const Json& json, std::vector<MethodSetting>& methods, std::string& wrong)
{
    if (!json.is_array() || json.size() > kMostMethods) {
        wrong = "approximations";
        return;
    }
    methods.clear();
    for (const auto& entry : json) {
        MethodSetting choice;
        JsonReader reader(entry, "approximations.");
        if (!entry.is_object()) {
            wrong = "approximations";
            return;
        }
        reader.read("id", choice.id);
        reader.read("seed", choice.seed);
        if (const auto params = entry.find("parameters"); params != entry.end() && params->is_object())
            for (const auto& [key, value] : params->items())
                choice.params.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
        if (choice.id.empty())
            reader.fail("id");
        wrong = reader.wrong();
        methods.push_back(std::move(choice));
    }
}

void readCompute(const Json& json, ComputeChoice& compute, std::string& wrong)
{
    JsonReader reader(json, "compute.");
    std::string dtype{toString(compute.dtype)};
    reader.read("backend", compute.backend);
    reader.read("dtype", dtype);
    if (compute.backend.empty())
        reader.fail("backend");
    if (const auto known = parseDtype(dtype))
        compute.dtype = *known;
    else
        reader.fail("dtype");
    wrong = reader.wrong();
}

void readSweep(const Json& json, SweepChoice& sweep, std::string& wrong)
{
    JsonReader reader(json, "sweep.");
    reader.read("from", sweep.from);
    reader.read("to", sweep.to);
    reader.read("dim", sweep.dim);
    reader.read("heads", sweep.heads);
    reader.read("timeCapSeconds", sweep.timeCapSeconds);
    if (const auto list = json.find("methods"); list != json.end() && list->is_array()) {
        sweep.methods.clear();
        for (const auto& id : *list)
            if (id.is_string())
                sweep.methods.push_back(id.get<std::string>());
            else
                reader.fail("methods");
    }
    if (sweep.from < 1 || sweep.to < sweep.from)
        reader.fail("from");
    wrong = reader.wrong();
}

Error wrongKey(const std::string& key)
{
    return {Errc::Parse, "The session file has a wrong value for \"" + key + "\".",
            "Correct it in the file, or save the session again from Attnscope."};
}

void readTop(const Json& json, Session& session, std::string& wrong)
{
    JsonReader reader(json, "");
    reader.read("layer", session.layer);
    reader.read("batch", session.head.batch);
    reader.read("head", session.head.head);
    reader.read("causal", session.causal);
    reader.read("selected", session.selected);
    if (session.layer < 0 || session.head.batch < 0 || session.head.head < 0)
        reader.fail("layer, batch or head");
    wrong = reader.wrong();
}

} // namespace

bool InputChoice::opensTheSame(const InputChoice& other) const
{
    InputChoice same = other;
    same.hash = hash;
    return *this == same;
}

std::string sessionToJson(const Session& s, const fs::path& folder)
{
    Json json{{"attnscopeSession", kSessionVersion}};
    json["input"] = {{"path", relativeTo(s.input.path, folder)},
                     {"text", s.input.text},
                     {"model", relativeTo(s.input.model, folder)},
                     {"q", s.input.q},
                     {"k", s.input.k},
                     {"v", s.input.v},
                     {"layout", s.input.layout},
                     {"hash", s.input.hash}};
    json["layer"] = s.layer;
    json["batch"] = s.head.batch;
    json["head"] = s.head.head;
    json["causal"] = s.causal ? Json(*s.causal) : Json();
    json["approximations"] = Json::array();
    for (const auto& choice : s.approximations)
        json["approximations"].push_back(methodToJson(choice));
    json["selected"] = s.selected;
    json["compute"] = {{"backend", s.compute.backend}, {"dtype", toString(s.compute.dtype)}};
    json["view"] = toJson(s.view);
    json["text"] = toJson(s.text);
    json["board"] = toJson(s.board);
    json["layout"] = toJson(s.layout);
    json["seen"] = Json::array();
    for (const auto& range : s.seen)
        json["seen"].push_back(range ? Json(*range) : Json());
    json["sweep"] = {{"methods", s.sweep.methods}, {"from", s.sweep.from},   {"to", s.sweep.to},
                     {"dim", s.sweep.dim},         {"heads", s.sweep.heads}, {"timeCapSeconds", s.sweep.timeCapSeconds}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Session> sessionFromJson(std::string_view text, const fs::path& folder)
{
    const Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object() || !json.contains("attnscopeSession"))
        return Error{Errc::Parse, "This is not an Attnscope session file.", "Open a .json file that was saved with File > Save session."};
    if (!json["attnscopeSession"].is_number_integer() || json["attnscopeSession"].get<long long>() > kSessionVersion)
        return Error{Errc::Unsupported, "This session was saved by a newer Attnscope.", "Update Attnscope to open it."};
    Session session;
    std::string wrong;
    readTop(json, session, wrong);
    const auto section = [&](const char* key, auto&& read) {
        if (!wrong.empty() || !json.contains(key))
            return;
        if (json[key].is_structured())
            read(json[key]);
        else
            wrong = key;
    };
    section("input", [&](const Json& j) { readInput(j, folder, session.input, wrong); });
    section("approximations", [&](const Json& j) { readMethods(j, session.approximations, wrong); });
    section("compute", [&](const Json& j) { readCompute(j, session.compute, wrong); });
    section("view", [&](const Json& j) { wrong = readView(j, session.view); });
    section("text", [&](const Json& j) { wrong = readText(j, session.text); });
    section("board", [&](const Json& j) { wrong = readBoard(j, session.board); });
    section("layout", [&](const Json& j) { wrong = readLayout(j, session.layout); });
    section("seen", [&](const Json& j) { wrong = readSeen(j, session.seen); });
    section("sweep", [&](const Json& j) { readSweep(j, session.sweep, wrong); });
    if (!wrong.empty())
        return wrongKey(wrong);
    return session;
}

Result<Session> loadSession(const fs::path& file)
{
    std::error_code ignored;
    if (fs::file_size(file, ignored) > kLargestFile && !ignored)
        return Error{Errc::Parse, "The file " + file.string() + " is too large for an Attnscope session.",
                     "Open a .json file that was saved with File > Save session."};
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (in.peek() != std::ifstream::traits_type::eof())
        text << in.rdbuf();
    if (!in.is_open() || in.bad() || !text)
        return Error{Errc::Io, "The session file " + file.string() + " can't be read.", "Check the path and the permissions."};
    return sessionFromJson(text.str(), fs::absolute(file).parent_path());
}

} // namespace attnscope
