// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/resources.h"

#include <cstdlib>
#include <vector>

namespace attnscope {

namespace fs = std::filesystem;

namespace {

fs::path runningProgramFolder()
{
    std::error_code failed;
    const auto program = fs::read_symlink("/proc/self/exe", failed);
    return failed ? fs::current_path(failed) : program.parent_path();
}

std::vector<fs::path> places(const fs::path& programFolder)
{
    std::vector<fs::path> found;
    if (const char* chosen = std::getenv("ATTNSCOPE_RESOURCES"); chosen && *chosen)
        found.emplace_back(chosen);
    for (fs::path folder = programFolder; !folder.empty(); folder = folder.parent_path()) {
        found.push_back(folder / "resources");
        found.push_back(folder / "share" / "attnscope");
        if (folder == folder.parent_path())
            break;
    }
#ifdef ATTNSCOPE_SOURCE_RESOURCES
    found.emplace_back(ATTNSCOPE_SOURCE_RESOURCES);
#endif
    return found;
}

} // namespace

std::optional<fs::path> findResource(const fs::path& name) { return findResource(name, runningProgramFolder()); }

std::optional<fs::path> findResource(const fs::path& name, const fs::path& programFolder)
{
    std::error_code failed;
    for (const auto& place : places(programFolder))
        if (fs::exists(place / name, failed))
            return fs::weakly_canonical(place / name, failed);
    return std::nullopt;
}

} // namespace attnscope
