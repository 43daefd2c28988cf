// SPDX-License-Identifier: GPL-3.0-or-later
// Everything that a board shows, as one small value: input, head, methods, view; saved as versioned JSON.
#pragma once

#include "core/base/result.h"
#include "core/color/normalisation.h"
#include "core/method/params.h"
#include "core/scores/difference.h"
#include "core/scores/score_source.h"

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
    std::string hash;    ///< of the file's content when the session was saved

    bool operator==(const InputChoice&) const = default;
};

/// A method with its parameters as a person wrote them.
struct MethodSetting {
    std::string id;
    std::vector<ParamText> params;
    std::uint64_t seed = 0;

    bool operator==(const MethodSetting&) const = default;
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

struct SweepChoice {
    std::vector<std::string> methods{"softmax", "linear-elu", "performer", "linformer", "window"};
    Index from = 64;
    Index to = 8192;
    Index dim = 64;
    Index heads = 1;
    double timeCapSeconds = 5.0;

    bool operator==(const SweepChoice&) const = default;
};

struct Session {
    InputChoice input;
    Index layer = 0;
    HeadRef head;
    std::optional<bool> causal; ///< none: as the input says
    std::vector<MethodSetting> approximations{{"performer", {}, 0}};
    std::size_t selected = 0; ///< the approximation whose error is shown
    ViewChoice view;
    SweepChoice sweep;

    bool operator==(const Session&) const = default;
};

inline constexpr int kSessionVersion = 1;

std::string toString(Normalisation normalisation);
std::optional<Pool> poolFrom(std::string_view name);
std::optional<Normalisation> normalisationFrom(std::string_view name);

/// JSON text; input paths are made relative to `folder` where it is not empty.
std::string sessionToJson(const Session& session, const std::filesystem::path& folder = {});

/// Parse errors name the key. Relative paths are resolved against `folder`.
Result<Session> sessionFromJson(std::string_view json, const std::filesystem::path& folder = {});

Result<Session> loadSession(const std::filesystem::path& file);

} // namespace attnscope
