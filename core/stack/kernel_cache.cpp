// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/kernel_cache.h"

#include "core/bench/machine.h"
#include "core/io/atomic_file.h"
#include "core/io/user_folders.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>
#include <iterator>

namespace attnscope {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;

constexpr int FormatVersion = 1;
constexpr std::uintmax_t MaxBytes = std::uintmax_t{4} << 20;

bool isTime(const Json& value) { return value.is_number() && value > 0.0 && value < 1e9; }

/// [n, q1, median, q3] each, ascending in n; empty where anything is wrong.
std::vector<KernelSample> samplesOf(const Json& list)
{
    std::vector<KernelSample> samples;
    for (const auto& row : list) {
        const bool whole = row.is_array() && row.size() == 4 && isTime(row[0]) && isTime(row[1]) && isTime(row[2]) && isTime(row[3]);
        if (!whole || row[1] > row[2] || row[2] > row[3] || (!samples.empty() && row[0] <= samples.back().n))
            return {};
        samples.push_back({row[0], {row[1], row[2], row[3]}});
    }
    return samples;
}

} // namespace

std::string kernelMachine(int threads)
{
    const auto& machine = machineInfo();
    return machine.processor + ", " + machine.instructionSet + ", " + std::to_string(machine.memoryBytes >> 20U) + " MiB, " +
           std::to_string(threads) + " of " + std::to_string(machine.hardwareThreads) + " threads, " + machine.system + ", " +
           machine.compiler + ", Attnscope " ATTNSCOPE_VERSION;
}

fs::path kernelCachePath(int threads)
{
    const auto folder = userCacheFolder();
    return folder ? *folder / ("kernels-" + std::to_string(threads) + ".json") : fs::path();
}

std::string writeKernelProfile(const KernelProfile& profile)
{
    Json kernels = Json::object();
    for (const auto& [name, samples] : profile.kernels) {
        Json rows = Json::array();
        for (const auto& s : samples)
            rows.push_back({s.n, s.unit.low, s.unit.median, s.unit.high});
        kernels[name] = std::move(rows);
    }
    const Json document{{"format", FormatVersion},
                        {"machine", profile.machine},
                        {"date", profile.date},
                        {"threads", profile.threads},
                        {"columns", {"n", "seconds per unit: first quartile", "median", "third quartile"}},
                        {"kernels", std::move(kernels)}};
    return document.dump(1) + "\n";
}

KernelProfile readKernelProfile(std::string_view text, const std::string& machine)
{
    KernelProfile empty;
    empty.machine = machine;
    const auto document = Json::parse(text, nullptr, false);
    if (!document.is_object() || document.value("format", Json()) != FormatVersion || document.value("machine", Json()) != machine)
        return empty;
    const auto date = document.value("date", Json());
    const auto threads = document.value("threads", Json());
    const auto kernels = document.value("kernels", Json());
    if (!date.is_string() || !threads.is_number_integer() || !kernels.is_object())
        return empty;
    KernelProfile profile = empty;
    profile.date = date;
    profile.threads = threads;
    for (const auto& [name, list] : kernels.items())
        if (auto samples = samplesOf(list); !samples.empty())
            profile.kernels[name] = std::move(samples);
    return profile;
}

KernelProfile loadKernelProfile(const fs::path& path, const std::string& machine)
{
    std::error_code failed;
    if (!fs::is_regular_file(path, failed) || fs::file_size(path, failed) > MaxBytes)
        return readKernelProfile({}, machine);
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return readKernelProfile(text, machine);
}

Result<void> saveKernelProfile(const KernelProfile& profile, const fs::path& path)
{
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed); // what fails here is told by the file
    return writeAtomically(path, writeKernelProfile(profile));
}

} // namespace attnscope
