// SPDX-License-Identifier: GPL-3.0-or-later
// The CPU backend: every method as it stands, timed by the monotonic clock.
#include "core/backend.h"
#include "core/bench/machine.h"
#include "core/bench/run_timer.h"
#include "core/cpu_bf16_backend.h"

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
    Result<const Backend*> in(Dtype dtype) const override;
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
    return timeRuns(
        [&]() -> Result<void> {
            if (auto out = method.run(inputs, params, context); !out)
                return out.error();
            return {};
        },
        repeats, timeCapSeconds);
}

Result<const Backend*> CpuBackend::in(Dtype dtype) const
{
    if (dtype == Dtype::F32)
        return this;
    if (dtype != Dtype::BF16)
        return Error{Errc::Unsupported, "The CPU computes in f32 or bf16, not in " + std::string(toString(dtype)) + ".",
                     "Leave the number format out, or choose a GPU (--backend cuda)."};
    if (const Backend* bf16 = cpuBf16Backend())
        return bf16;
    return Error{Errc::Unsupported, "This processor has no bfloat16 instructions (AVX-512 BF16 or AMX).",
                 "Leave the number format out, or choose a GPU (--backend cuda)."};
}

} // namespace

const Backend& cpuBackend()
{
    static const CpuBackend backend;
    return backend;
}

} // namespace attnscope
