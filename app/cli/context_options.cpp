// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/context_options.h"

#include "app/cli/lengths.h"
#include "gpu/cuda_backend.h"

#include <CLI/App.hpp>

#include <iostream>

namespace attnscope::cli {

RunContext ContextOptions::apply(RunContext context) const
{
    context.threads = threads;
    if (memoryBudgetMiB > 0.0)
        context.memoryBudget = static_cast<std::uint64_t>(memoryBudgetMiB * 1048576.0);
    return context;
}

Result<const Backend*> ContextOptions::findBackend() const
{
    const auto format = parseDtype(dtype);
    if (!format)
        return format.error();
    if (backend == "cpu")
        return cpuBackend().in(*format);
    const std::string wanted = backend == "cuda" ? "cuda:0" : backend;
    std::string known = "cpu";
    for (const auto& gpu : cudaBackends()) {
        if (gpu->id() == wanted)
            return gpu->in(*format);
        known += ", " + gpu->id();
    }
    const std::string reason = cudaUnavailableReason();
    return Error{Errc::Unsupported,
                 reason.empty() || wanted.rfind("cuda", 0) != 0 ? "There is no backend \"" + backend + "\" here." : reason,
                 "Backends of this machine: " + known + "."};
}

std::shared_ptr<ContextOptions> addContextOptions(CLI::App& app, bool withBackend)
{
    auto options = std::make_shared<ContextOptions>();
    app.add_option("--threads", options->threads, "Threads on the CPU; 0 means all of the machine's.")->check(CLI::Range(0, 4096));
    app.add_option("--memory-budget", options->memoryBudgetMiB, "MiB that a calculation may take; default 60 % of the machine's memory.")
        ->check(checkPositive);
    if (withBackend) {
        app.add_option("--backend", options->backend, "cpu, cuda (the first GPU), or cuda:N.")->capture_default_str();
        app.add_option("--dtype", options->dtype,
                       "Number format: f32; on a GPU also tf32, f16 or bf16; on a CPU with AVX-512 BF16 or AMX also bf16 (softmax).")
            ->capture_default_str();
        setNoticeHandler([](const std::string& sentence) { std::cerr << sentence << '\n'; });
    }
    return options;
}

} // namespace attnscope::cli
