// SPDX-License-Identifier: GPL-3.0-or-later
// Session files: reading names the key that is wrong; writing keeps paths relative to the file.
#include "core/session/session.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace attnscope {

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::array kPools{"max", "mean", "min"};
constexpr std::array kNormalisations{"log", "linear", "symlog", "sqrt"};
constexpr std::array kMetrics{"error", "abs", "squared", "relative"};

template <class Enum, std::size_t N>
std::optional<Enum> enumFrom(const std::array<const char*, N>& names, std::string_view name)
{
    for (std::size_t i = 0; i < N; ++i)
        if (name == names[i])
            return static_cast<Enum>(i);
    return std::nullopt;
}

/// Reads members with a type check and remembers the first key that is wrong.
class Reader {
public:
    Reader(const Json& object, std::string path) : m_object(object), m_path(std::move(path)) {}

    template <class T>
    void read(const char* key, T& value)
    {
        const auto it = m_object.find(key);
        if (it == m_object.end() || it->is_null())
            return;
        bool fits = false;
        if constexpr (std::is_same_v<T, std::string>)
            fits = it->is_string();
        else if constexpr (std::is_same_v<T, bool>)
            fits = it->is_boolean();
        else if constexpr (std::is_integral_v<T>)
            fits = it->is_number_integer();
        else
            fits = it->is_number();
        if (fits)
            value = it->template get<T>();
        else
            fail(key);
    }
    template <class T>
    void read(const char* key, std::optional<T>& value)
    {
        if (m_object.contains(key) && !m_object[key].is_null())
            read(key, value.emplace());
    }
    template <class Enum, std::size_t N>
    void read(const char* key, const std::array<const char*, N>& names, Enum& value)
    {
        std::string name;
        read(key, name);
        if (name.empty())
            return;
        if (const auto found = enumFrom<Enum>(names, name))
            value = *found;
        else
            fail(key);
    }
    /// [low, high] with low < high, or null.
    void read(const char* key, std::optional<std::pair<double, double>>& range)
    {
        const auto it = m_object.find(key);
        if (it == m_object.end() || it->is_null())
            return;
        const bool fits = it->is_array() && it->size() == 2 && (*it)[0].is_number() && (*it)[1].is_number();
        if (fits && (*it)[0].get<double>() < (*it)[1].get<double>())
            range = {(*it)[0].get<double>(), (*it)[1].get<double>()};
        else
            fail(key);
    }
    /// [[query, key], ...], none of them negative.
    void read(const char* key, std::vector<std::pair<Index, Index>>& cells)
    {
        const auto it = m_object.find(key);
        if (it == m_object.end() || it->is_null())
            return;
        const auto isCell = [](const Json& cell) {
            return cell.is_array() && cell.size() == 2 && cell[0].is_number_unsigned() && cell[1].is_number_unsigned();
        };
        if (!it->is_array() || !std::all_of(it->begin(), it->end(), isCell))
            return fail(key);
        for (const Json& cell : *it)
            cells.emplace_back(cell[0].get<Index>(), cell[1].get<Index>());
    }
    void fail(const std::string& key)
    {
        if (m_wrong.empty())
            m_wrong = m_path + key;
    }
    const std::string& wrong() const { return m_wrong; }

private:
    const Json& m_object;
    std::string m_path;
    std::string m_wrong;
};

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
    Reader reader(json, "input.");
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
    if (!json.is_array()) {
        wrong = "approximations";
        return;
    }
    methods.clear();
    for (const auto& entry : json) {
        MethodSetting choice;
        Reader reader(entry, "approximations.");
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

void readView(const Json& json, ViewChoice& view, std::string& wrong)
{
    Reader reader(json, "view.");
    reader.read("pool", kPools, view.pool);
    reader.read("normalisation", kNormalisations, view.normalisation);
    reader.read("colorMap", view.colorMap);
    reader.read("metric", kMetrics, view.metric);
    reader.read("range", view.range);
    reader.read("lockRange", view.lockRange);
    reader.read("hideSink", view.hideSink);
    reader.read("transposed", view.transposed);
    reader.read("pinnedQuery", view.pinnedQuery);
    reader.read("pinnedKey", view.pinnedKey);
    reader.read("morePins", view.morePins);
    wrong = reader.wrong();
}

void readSweep(const Json& json, SweepChoice& sweep, std::string& wrong)
{
    Reader reader(json, "sweep.");
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
    Reader reader(json, "");
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

std::string toString(Normalisation normalisation) { return kNormalisations[static_cast<std::size_t>(normalisation)]; }
std::optional<Pool> poolFrom(std::string_view name) { return enumFrom<Pool>(kPools, name); }
std::optional<Normalisation> normalisationFrom(std::string_view name) { return enumFrom<Normalisation>(kNormalisations, name); }

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
    json["view"] = {{"pool", toString(s.view.pool)},
                    {"normalisation", toString(s.view.normalisation)},
                    {"colorMap", s.view.colorMap},
                    {"metric", toString(s.view.metric)},
                    {"range", s.view.range ? Json::array({s.view.range->first, s.view.range->second}) : Json()},
                    {"lockRange", s.view.lockRange},
                    {"hideSink", s.view.hideSink},
                    {"transposed", s.view.transposed},
                    {"pinnedQuery", s.view.pinnedQuery ? Json(*s.view.pinnedQuery) : Json()},
                    {"pinnedKey", s.view.pinnedKey ? Json(*s.view.pinnedKey) : Json()},
                    {"morePins", s.view.morePins}};
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
        if (wrong.empty() && json.contains(key))
            read(json[key]);
    };
    section("input", [&](const Json& j) { readInput(j, folder, session.input, wrong); });
    section("approximations", [&](const Json& j) { readMethods(j, session.approximations, wrong); });
    section("view", [&](const Json& j) { readView(j, session.view, wrong); });
    section("sweep", [&](const Json& j) { readSweep(j, session.sweep, wrong); });
    if (!wrong.empty())
        return wrongKey(wrong);
    return session;
}

Result<Session> loadSession(const fs::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    if (!in || !(text << in.rdbuf()))
        return Error{Errc::Io, "The session file " + file.string() + " can't be read.", "Check the path and the permissions."};
    return sessionFromJson(text.str(), fs::absolute(file).parent_path());
}

} // namespace attnscope
