// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that a board shows, as one small value: input, head, methods, view; saved as versioned JSON.
#pragma once

#include "core/base/dtype.h"
#include "core/base/result.h"
#include "core/color/normalisation.h"
#include "core/method/params.h"
#include "core/scores/difference.h"
#include "core/scores/score_source.h"

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

/// What to open: a text (typed, or in a file) through a model, or a tensor file.
struct InputChoice {
    std::string path;    ///< file; relative to the session file when saved
    std::string text;    ///< typed or pasted text; used where path is empty
    std::string model;   ///< model folder for texts; empty means the bundled model
    std::string q, k, v; ///< array names of a tensor file; empty means guessed
    std::string layout;  ///< HND, NHD, BHND, BNHD; empty means guessed
    std::string hash;    ///< of the file's content when the session was saved; says nothing about what is opened

    bool operator==(const InputChoice&) const = default;

    /// The same document, whatever the hashes.
    bool opensTheSame(const InputChoice& other) const;
};

/// A method with its parameters as a person wrote them.
struct MethodSetting {
    std::string id;
    std::vector<ParamText> params;
    std::uint64_t seed = 0;

    bool operator==(const MethodSetting&) const = default;
};

/// Where exact attention and approximations are computed, and in which number format. Kept as asked for on machines that lack it.
struct ComputeChoice {
    std::string backend = "cpu"; ///< Backend::id()
    Dtype dtype = Dtype::F32;

    bool operator==(const ComputeChoice&) const = default;
};

struct ViewChoice {
    Pool pool = Pool::Max;
    Normalisation normalisation = Normalisation::Log;
    std::string colorMap = "viridis";
    DifferenceMetric metric = DifferenceMetric::Error;
    std::optional<std::pair<double, double>> range; ///< colour range of exact and approximations, low < high; none: automatic
    bool lockRange = false;                         ///< another input, layer or head keeps the range
    bool hideSink = false;                          ///< the automatic range ignores key 0; the data stay as they are
    bool transposed = false;                        ///< keys run top to bottom, queries left to right
    std::optional<Index> pinnedQuery;
    std::optional<Index> pinnedKey;
    std::vector<std::pair<Index, Index>> morePins; ///< (query, key) of the cells pinned before that one, the oldest first

    /// Forgets all pins.
    void unpin()
    {
        pinnedQuery.reset();
        pinnedKey.reset();
        morePins.clear();
    }

    bool operator==(const ViewChoice&) const = default;
};

/// What is looked for in the text; the selected query and key are the last pin.
struct TextChoice {
    std::string search{}; ///< literal; empty: nothing
    bool matchCase = false;
    bool only = false;          ///< the maps veil all else
    std::optional<Index> hit{}; ///< the place that was gone to last, counted from 0

    bool operator==(const TextChoice&) const = default;
};

struct SweepChoice {
    std::vector<std::string> methods{"softmax", "linear-elu", "performer", "linformer", "window"};
    Index from = 64;
    Index to = 8192;
    Index dim = 64;
    Index heads = 1;
    double timeCapSeconds = 5.0;

    bool operator==(const SweepChoice&) const = default;
};

/// All panes, one of them at full size, or exact and approximation in one pane.
enum class BoardMode { SideBySide, Exact, Approximation, Difference, CurtainVertical, CurtainHorizontal, Blink };

/// The part of the map that is seen, in cells: keys from left, queries from top.
struct MapWindow {
    double left = 0.0;
    double top = 0.0;
    double width = 0.0;
    double height = 0.0;

    bool operator==(const MapWindow&) const = default;
};

/// What one pane does on its own.
struct PaneChoice {
    std::size_t pane = 0;                        ///< in the board's order
    bool linked = true;                          ///< shares zoom and cursor with the others
    std::optional<MapWindow> window;             ///< of an unlinked pane; none: the whole map
    std::optional<std::array<int, 4>> ownWindow; ///< x, y, width, height on screen of a pane that left the board

    bool operator==(const PaneChoice&) const = default;
};

/// How the board shows its maps; nothing is computed again when it changes.
struct BoardChoice {
    BoardMode mode = BoardMode::SideBySide;
    std::optional<MapWindow> window; ///< of the linked panes; none: the whole map
    std::vector<PaneChoice> panes;   ///< those that differ from the rest

    bool operator==(const BoardChoice&) const = default;
};

/// What the window is arranged for.
enum class LayoutKind { Compare, Inspect, Measure, Teach };

struct LayoutChoice {
    std::optional<LayoutKind> kind; ///< none: as the window stands
    std::string docks;              ///< where a person put the docks, as the user interface wrote it; empty: as the layout has them

    bool operator==(const LayoutChoice&) const = default;
};

struct Session {
    InputChoice input;
    Index layer = 0;
    HeadRef head;
    std::optional<bool> causal; ///< none: as the input says
    std::vector<MethodSetting> approximations{{"performer", {}, 0}};
    std::size_t selected = 0; ///< the approximation whose error is shown
    ComputeChoice compute;
    ViewChoice view;
    BoardChoice board;
    LayoutChoice layout;
    TextChoice text;
    /// By pane: smallest, largest and smallest positive value that automatic colours were fitted to, which depends on what was
    /// looked at. Of a file; empty while a window holds the session.
    std::vector<std::optional<std::array<double, 3>>> seen;
    SweepChoice sweep;

    bool operator==(const Session&) const = default;
};

/// 2 added board and layout. Older files open, with what they lack at its default.
inline constexpr int kSessionVersion = 2;

std::string toString(Normalisation normalisation);
std::string toString(LayoutKind kind); ///< "compare"
std::optional<Pool> poolFrom(std::string_view name);
std::optional<Normalisation> normalisationFrom(std::string_view name);

/// JSON text; input paths are made relative to `folder` where it is not empty.
std::string sessionToJson(const Session& session, const std::filesystem::path& folder = {});

/// Parse errors name the key. Relative paths are resolved against `folder`.
Result<Session> sessionFromJson(std::string_view json, const std::filesystem::path& folder = {});

Result<Session> loadSession(const std::filesystem::path& file);

} // namespace attnscope
