// SPDX-License-Identifier: GPL-3.0-or-later
// Architectures side by side as they were read and as they were changed, and what is asked of them; saved as versioned JSON.
#pragma once

#include "core/stack/stack_curve.h"

#include <filesystem>
#include <string_view>

namespace attnscope {

struct StackEntry {
    Architecture file;   ///< as it was read
    Architecture shown;  ///< as it was changed
    std::string path;    ///< empty: it is in no file
    std::string bundled; ///< its name among resources/architectures; empty: it is none of those
};

/// Designed: no longer as its file says.
bool isChanged(const StackEntry& entry);

/// Beside StackQuestion: on what, in which numbers, and how far.
struct StackChoice {
    StackQuestion question;
    std::string card = "h100"; ///< a name that findCard() takes, or "measured"
    std::string dtype;         ///< "bf16", "f16", "f32"; empty: each as its file says
    Index longest = Index{1} << 18;

    bool operator==(const StackChoice& other) const;
};

struct StackSession {
    std::vector<StackEntry> entries;
    StackChoice choice;
};

inline constexpr int kStackSessionVersion = 1;
inline constexpr const char* kStackSessionKey = "attnscopeArchitectures";

/// Each architecture as writeStack() writes it.
std::string stackSessionToJson(const StackSession& session);

/// Parse and InvalidParam name the key; `origin` opens the messages. At most 64 architectures.
Result<StackSession> stackSessionFromJson(std::string_view json, const std::string& origin);

/// At most 16 MiB.
Result<StackSession> loadStackSession(const std::filesystem::path& file);

} // namespace attnscope
