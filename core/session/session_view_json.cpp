// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/session_view_json.h"

namespace attnscope {

namespace {

constexpr std::array kPools{"max", "mean", "min"};
constexpr std::array kNormalisations{"log", "linear", "symlog", "sqrt"};
constexpr std::array kMetrics{"error", "abs", "squared", "relative"};
constexpr std::array kModes{"sideBySide", "exact", "approximation", "difference", "curtainVertical", "curtainHorizontal", "blink"};
constexpr std::array kLayouts{"compare", "inspect", "measure", "teach"};
constexpr std::size_t kMostPanes = 64;

template <class Enum, std::size_t N>
std::string nameOf(const std::array<const char*, N>& names, Enum value)
{
    return names[static_cast<std::size_t>(value)];
}

SessionJson toJson(const std::optional<MapWindow>& window)
{
    return window ? SessionJson::array({window->left, window->top, window->width, window->height}) : SessionJson();
}

bool areNumbers(const SessionJson& json, std::size_t count)
{
    return json.is_array() && json.size() == count && std::all_of(json.begin(), json.end(), [](const auto& n) { return n.is_number(); });
}

/// [left, top, width, height], or null.
void readWindow(JsonReader& reader, const SessionJson& json, const char* key, std::optional<MapWindow>& window)
{
    const auto it = json.find(key);
    if (it == json.end() || it->is_null())
        return;
    if (!areNumbers(*it, 4))
        return reader.fail(key);
    const auto number = [&](std::size_t i) { return (*it)[i].get<double>(); };
    window = {number(0), number(1), number(2), number(3)};
    if (window->left < 0.0 || window->top < 0.0 || !(window->width > 0.0) || !(window->height > 0.0))
        reader.fail(key);
}

void readOwnWindow(JsonReader& reader, const SessionJson& json, std::optional<std::array<int, 4>>& place)
{
    constexpr double kFarthest = 1e6; // pixels; more is no screen
    const auto it = json.find("ownWindow");
    if (it == json.end() || it->is_null())
        return;
    if (!areNumbers(*it, 4))
        return reader.fail("ownWindow");
    place.emplace();
    for (std::size_t i = 0; i < place->size(); ++i) {
        const double value = (*it)[i].get<double>();
        if (!(std::abs(value) < kFarthest))
            return reader.fail("ownWindow");
        (*place)[i] = static_cast<int>(value);
    }
}

std::string readPane(const SessionJson& json, PaneChoice& pane)
{
    JsonReader reader(json, "board.panes.");
    reader.read("pane", pane.pane);
    reader.read("linked", pane.linked);
    readWindow(reader, json, "window", pane.window);
    readOwnWindow(reader, json, pane.ownWindow);
    if (pane.pane >= kMostPanes)
        reader.fail("pane");
    return reader.wrong();
}

} // namespace

std::string toString(Normalisation normalisation) { return nameOf(kNormalisations, normalisation); }
std::string toString(LayoutKind kind) { return nameOf(kLayouts, kind); }
std::optional<Pool> poolFrom(std::string_view name) { return enumFrom<Pool>(kPools, name); }
std::optional<Normalisation> normalisationFrom(std::string_view name) { return enumFrom<Normalisation>(kNormalisations, name); }

SessionJson toJson(const ViewChoice& view)
{
    return {{"pool", nameOf(kPools, view.pool)},
            {"normalisation", toString(view.normalisation)},
            {"colorMap", view.colorMap},
            {"metric", nameOf(kMetrics, view.metric)},
            {"range", view.range ? SessionJson::array({view.range->first, view.range->second}) : SessionJson()},
            {"lockRange", view.lockRange},
            {"hideSink", view.hideSink},
            {"transposed", view.transposed},
            {"pinnedQuery", view.pinnedQuery ? SessionJson(*view.pinnedQuery) : SessionJson()},
            {"pinnedKey", view.pinnedKey ? SessionJson(*view.pinnedKey) : SessionJson()},
            {"morePins", view.morePins}};
}

SessionJson toJson(const TextChoice& text)
{
    return {{"search", text.search},
            {"matchCase", text.matchCase},
            {"only", text.only},
            {"hit", text.hit ? SessionJson(*text.hit) : SessionJson()}};
}

SessionJson toJson(const BoardChoice& board)
{
    SessionJson panes = SessionJson::array();
    for (const auto& pane : board.panes)
        panes.push_back({{"pane", pane.pane},
                         {"linked", pane.linked},
                         {"window", toJson(pane.window)},
                         {"ownWindow", pane.ownWindow ? SessionJson(*pane.ownWindow) : SessionJson()}});
    return {{"mode", nameOf(kModes, board.mode)}, {"window", toJson(board.window)}, {"panes", panes}};
}

SessionJson toJson(const LayoutChoice& layout)
{
    return {{"kind", layout.kind ? SessionJson(toString(*layout.kind)) : SessionJson()}, {"docks", layout.docks}};
}

std::string readView(const SessionJson& json, ViewChoice& view)
{
    JsonReader reader(json, "view.");
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
    return reader.wrong();
}

std::string readText(const SessionJson& json, TextChoice& text)
{
    JsonReader reader(json, "text.");
    reader.read("search", text.search);
    reader.read("matchCase", text.matchCase);
    reader.read("only", text.only);
    reader.read("hit", text.hit);
    return reader.wrong();
}

std::string readBoard(const SessionJson& json, BoardChoice& board)
{
    JsonReader reader(json, "board.");
    reader.read("mode", kModes, board.mode);
    readWindow(reader, json, "window", board.window);
    const auto panes = json.find("panes");
    if (panes == json.end())
        return reader.wrong();
    if (!panes->is_array() || panes->size() > kMostPanes)
        reader.fail("panes");
    else
        for (const auto& entry : *panes)
            if (auto wrong = readPane(entry, board.panes.emplace_back()); !wrong.empty())
                return wrong;
    return reader.wrong();
}

std::string readSeen(const SessionJson& json, std::vector<std::optional<std::array<double, 3>>>& seen)
{
    if (!json.is_array() || json.size() > kMostPanes)
        return "seen";
    for (const auto& range : json) {
        if (!range.is_null() && (!areNumbers(range, 3) || range[0].get<double>() > range[1].get<double>()))
            return "seen";
        seen.push_back(range.is_null() ? std::nullopt : std::optional(range.get<std::array<double, 3>>()));
    }
    return {};
}

std::string readLayout(const SessionJson& json, LayoutChoice& layout)
{
    JsonReader reader(json, "layout.");
    LayoutKind kind{};
    reader.read("kind", kLayouts, kind);
    if (const auto it = json.find("kind"); it != json.end() && !it->is_null())
        layout.kind = kind;
    reader.read("docks", layout.docks);
    return reader.wrong();
}

} // namespace attnscope
