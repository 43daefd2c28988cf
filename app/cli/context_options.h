// SPDX-License-Identifier: GPL-3.0-or-later
// --threads, --memory-budget, --backend, --dtype: where and within which limits a subcommand runs.
#pragma once

#include "core/backend.h"

#include <memory>

namespace CLI {
class App;
}

namespace attnscope::cli {

struct ContextOptions {
    int threads = 0;              ///< 0: all
    double memoryBudgetMiB = 0.0; ///< 0: 60 % of the machine's memory
    std::string backend = "cpu";  ///< "cpu", "cuda" (the first GPU) or "cuda:1"
    std::string dtype = "f32";    ///< as parseDtype

    /// The context with threads and budget set.
    RunContext apply(RunContext context) const;

    /// Unsupported, with the reason, where there is no such backend here.
    Result<const Backend*> findBackend() const;
};

/// Adds the options; `withBackend` where the subcommand can run on a GPU.
std::shared_ptr<ContextOptions> addContextOptions(CLI::App& app, bool withBackend);

} // namespace attnscope::cli
