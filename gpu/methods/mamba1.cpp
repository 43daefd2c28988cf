// SPDX-License-Identifier: GPL-3.0-or-later
// Mamba's selective scan on the GPU, where one map serves all channels: a decay for each state and token.
#include "gpu/kernel_row.h"
#include "gpu/mixer_row.h"

namespace attnscope::cuda_methods {

namespace {

/// A of the input, [1], [1, K], or the constant times 1 .. K.
Result<kernels::Gate> ratesOf(const DeviceInputs& in, Index states, double constant, Workspace& workspace)
{
    if (const DeviceArray* const a = in.array("A")) {
        const Index cols = a->shape[3];
        if (a->shape[2] != 1 || (cols != 1 && cols != states))
            return Error{Errc::InvalidShape,
                         "The array \"A\" has " + std::to_string(a->shape[2]) + " rows of " + std::to_string(cols) +
                             " numbers, but there are " + std::to_string(states) + " states.",
                         "Give one row with a rate for all or for each state (the columns of B, or of k)."};
        return gateOfArray(*a, in);
    }
    std::vector<float> rates;
    for (Index s = 1; s <= states; ++s)
        rates.push_back(static_cast<float>(constant * static_cast<double>(s)));
    return gateOfRow(rates, workspace);
}

bool differsByChannel(const DeviceInputs& in, Index states)
{
    const auto widerThan = [&in](const char* name, Index cols) {
        const DeviceArray* const array = in.array(name);
        return array != nullptr && array->shape[3] > cols;
    };
    return widerThan("dt", 1) || widerThan("D", 1) || widerThan("A", states);
}

Result<CudaRun> prepareMamba1(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    kernels::MixerProblem problem;
    const Index states = in.array("B") ? in.array("B")->shape[3] : in.shape.dim;
    if (differsByChannel(in, states))
        return onlyOnCpu("Mamba with arrays dt, A or D that differ by value channel");
    if (auto taken = takeStateSpaceRows(in, problem, workspace); !taken)
        return taken.error();
    const auto steps = gateOf(in, {"dt"}, false, params.number("dt"), workspace);
    if (!steps)
        return steps.error();
    const auto rates = ratesOf(in, states, params.number("A"), workspace);
    if (!rates)
        return rates.error();
    if (!problem.skip.data && params.number("D") != 0.0) {
        const auto skip = gateOf(in, {"D"}, false, params.number("D"), workspace);
        if (!skip)
            return skip.error();
        problem.skip = *skip;
    }
    problem.strength = *steps;
    problem.logDecay = *rates;
    problem.rate = *steps;
    return prepareMixerRow(in, problem, workspace);
}

} // namespace

CudaMethod mamba1() { return {"mamba1", supportsMixerRow, prepareMamba1}; }

} // namespace attnscope::cuda_methods
