// SPDX-License-Identifier: GPL-3.0-or-later
// The published architectures that come with the program, as the tests read them.
#pragma once

#include "core/stack/read_architecture.h"
#include "test_paths.h"

#include <QTest>

#include <nlohmann/json.hpp>

#include <fstream>

namespace attnscope::tests {

using ArchitectureJson = nlohmann::json;

inline std::filesystem::path architectureFolder() { return ATTNSCOPE_SOURCE_DIR "/resources/architectures"; }

inline ArchitectureJson architectureData(const std::string& id)
{
    std::ifstream file(architectureFolder() / (id + ".json"));
    return ArchitectureJson::parse(file, nullptr, false);
}

inline Result<Architecture> parsedConfig(const ArchitectureJson& config) { return parseArchitecture(config.dump(), "config.json", "test"); }

/// The architecture of a file in resources/architectures; the test stops where it can't be read.
inline Architecture architectureOf(const std::string& id)
{
    auto parsed = parsedConfig(architectureData(id)["config"]);
    if (!parsed)
        qFatal("%s: %s", id.c_str(), parsed.error().what.c_str());
    return std::move(parsed).value();
}

} // namespace attnscope::tests
