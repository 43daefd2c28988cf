// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/state_space.h"

#include "core/engine/mixer_gates.h"

#include <algorithm>
#include <array>
#include <string>

namespace attnscope {

namespace {

constexpr std::array<std::string_view, 1> kStepNames{"dt"};
constexpr std::array<std::string_view, 1> kDecayNames{"g"};
constexpr std::array<std::string_view, 1> kRateNames{"A"};
const GateRule kStep{.names = kStepNames, .least = 0.0, .most = 1e6};
const GateRule kDecay{.names = kDecayNames, .least = -1e30, .most = 0.0};
const GateRule kRate{.names = kRateNames, .least = -1e30, .most = 0.0};

Error wrongRows(std::string_view name, MatrixView<const float> rows, const std::string& expected)
{
    return {Errc::InvalidShape,
            "The array \"" + std::string(name) + "\" is " + std::to_string(rows.rows) + " x " + std::to_string(rows.cols) +
                ", but should be " + expected + ".",
            "Give B one row per key and C one row per query or key, of the same width."};
}

} // namespace

Result<StateSpaceRows> stateSpaceRows(const Inputs& in, HeadRef head, bool channels)
{
    if (const auto d = in.array("D", head); d && d->cols != 1 && !channels)
        return Error{Errc::InvalidShape,
                     "The array \"D\" has " + std::to_string(d->cols) + " numbers per head, but one map per head takes 1.",
                     "Give one D for each head, or leave it out: it adds to the diagonal alone."};
    StateSpaceRows rows{in.array("C", head).value_or(in.qOf(head)), in.array("B", head).value_or(in.kOf(head))};
    if (rows.writes.rows != in.k.rows())
        return wrongRows("B", rows.writes, std::to_string(in.k.rows()) + " rows high");
    if (rows.reads.rows == in.k.rows())
        rows.reads = rows.reads.rowRange(in.k.rows() - in.q.rows(), in.q.rows());
    if (rows.reads.rows != in.q.rows() || rows.reads.cols != rows.writes.cols)
        return wrongRows("C", rows.reads, std::to_string(in.q.rows()) + " x " + std::to_string(rows.writes.cols));
    return rows;
}

Result<MixerFactors::Rows> stateSpaceSteps(const Inputs& in, HeadRef head, const Params& params, MixerFactors& into)
{
    return gateRows(in, head, kStep, params.number("dt"), into);
}

Result<MixerFactors::Rows> stateSpaceDecay(const Inputs& in, HeadRef head, const Params& params, MixerFactors& into)
{
    if (in.array("g", head))
        return gateRows(in, head, kDecay, 0.0, into);
    const auto dt = gateRows(in, head, kStep, params.number("dt"), into);
    if (!dt)
        return dt.error();
    const auto rate = gateRows(in, head, kRate, params.number("g"), into);
    if (!rate)
        return rate.error();
    Tensor g(1, 1, std::max(dt->rows, rate->rows), 1);
    for (Index t = 0; t < g.rows(); ++t)
        g.data()[t] = *tokenRow(*dt, t) * *tokenRow(*rate, t);
    return into.keep(std::move(g));
}

double ownShare(const Inputs& in, HeadRef head, Index query)
{
    const auto d = in.array("D", head);
    if (!d)
        return 0.0;
    const Index token = query + (d->rows == in.k.rows() ? in.k.rows() - in.q.rows() : 0);
    return static_cast<double>((*d)(d->rows == 1 ? 0 : token, 0));
}

double definedStep(const Inputs& in, HeadRef head, const Params& params, Index t)
{
    return definedGate(in, head, kStep, params.number("dt"), t);
}

double definedLogDecay(const Inputs& in, HeadRef head, const Params& params, Index t)
{
    if (in.array("g", head))
        return definedGate(in, head, kDecay, 0.0, t);
    return definedStep(in, head, params, t) * definedGate(in, head, kRate, params.number("g"), t);
}

std::vector<ParamSpec> stateSpaceParams()
{
    return {{.key = "g",
             .label = "Log decay of a step",
             .initial = -0.0433,
             .min = -20,
             .max = 0,
             .help = "Where the input has neither g [N] nor A: a token decays the state by e^(dt times this); −0.0433 halves it every 16 "
                     "unit steps."},
            {.key = "dt",
             .label = "Step Δ",
             .initial = 1,
             .min = 0,
             .max = 1000,
             .help = "How strongly each token is written and how long it lasts for the decay, where the input has no array dt [N]; 0 "
                     "passes over all tokens."}};
}

} // namespace attnscope
