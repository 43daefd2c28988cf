// SPDX-License-Identifier: GPL-3.0-or-later
// The CPU backend: every method as it stands, timed by the monotonic clock.
#include "core/backend.h"
#include "core/bench/machine.h"

#include <chrono>

namespace attnscope {

namespace {

class CpuBackend final : public Backend {
public:
    std::string id() const override { return "cpu"; }
    std::string device() const override { return machineInfo().processor; }
    Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const override
    {
        (void)shape;
        const auto& info = method.info();
        if (causal ? info.supportsCausal : info.supportsBidirectional)
            return {};
        return Error{Errc::Unsupported, info.title + (causal ? " has no causal form." : " has only a causal form."),
                     causal ? "Switch causal off, or choose another method." : "Switch causal on, or choose another method."};
    }
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override
    {
        return method.run(inputs, params, context);
    }
    Result<RunTimes> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats, double timeCapSeconds,
                          const RunContext& context) const override;
};

Result<RunTimes> CpuBackend::time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats,
                                  double timeCapSeconds, const RunContext& context) const
{
    using Clock = std::chrono::steady_clock;
    std::vector<double> seconds;
    double spent = 0.0;
    // The first run warms caches and touches fresh pages; it counts only when it alone fills the time cap.
    for (int i = 0; i <= repeats && (i < 2 || spent < timeCapSeconds); ++i) {
        const auto start = Clock::now();
        if (auto out = method.run(inputs, params, context); !out)
            return out.error();
        const double took = std::chrono::duration<double>(Clock::now() - start).count();
        spent += took;
        if (i > 0 || took >= timeCapSeconds)
            seconds.push_back(took);
        if (i == 0 && took >= timeCapSeconds)
            break;
    }
    return RunTimes{std::move(seconds)};
}

} // namespace

const Backend& cpuBackend()
{
    static const CpuBackend backend;
    return backend;
}

} // namespace attnscope
