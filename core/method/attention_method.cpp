// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/attention_method.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

std::string mebibytes(double bytes) { return std::to_string(static_cast<long long>(std::ceil(bytes / 1048576.0))) + " MiB"; }

} // namespace

Result<Tensor> AttentionMethod::runForm(std::string_view form, const Inputs&, const Params&, const RunContext&) const
{
    return Error{Errc::Unsupported, info().title + " has no form named \"" + std::string(form) + "\".", "Leave the form out."};
}

Result<std::vector<TheoryCurve>> AttentionMethod::theory(const Inputs&, HeadRef, const Params&, const RunContext&) const
{
    if (info().exact)
        return std::vector<TheoryCurve>{{.title = "Exact",
                                         .kind = TheoryKind::Guidance,
                                         .caption = "It equals softmax attention up to rounding: there is no error to predict."}};
    return std::vector<TheoryCurve>{};
}

std::pair<Index, Index> AttentionMethod::fileShape(std::string_view, const Shape& shape, const Params&) const
{
    return {std::min<Index>(16, shape.keys), shape.keys};
}

Index AttentionMethod::rankBound(const Shape&, const Params&) const { return 0; }

Index AttentionMethod::keysPerRow(const Shape&, const Params&) const { return 0; }

Result<void> checkRunnable(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context)
{
    if (auto valid = validate(inputs); !valid)
        return valid;
    const auto& info = method.info();
    if (inputs.causal && !info.supportsCausal)
        return Error{Errc::Unsupported, info.title + " has no causal form.",
                     "Switch causal off to compare bidirectionally, or choose another method."};
    if (!inputs.causal && !info.supportsBidirectional)
        return Error{Errc::Unsupported, info.title + " has only a causal form.", "Switch causal on, or choose another method."};
    if (inputs.window > 0 && !info.supportsWindow)
        return Error{Errc::Unsupported, info.title + " has no form for the sliding window of this input.",
                     "Leave the window out to compare without it, or choose another method."};
    const double need = method.cost(inputs.shape(), params, inputs.causal).peakBytes;
    if (need > static_cast<double>(context.memoryBudget))
        return Error{
            Errc::OutOfMemory,
            info.title + " needs about " + mebibytes(need) + " here, more than the budget of " +
                mebibytes(static_cast<double>(context.memoryBudget)) + ".",
            "Shorten the input, choose one head, or take a method with less memory, such as softmax (streaming) or a linear-time one."};
    return {};
}

Result<void> checkRunnable(const AttentionMethod& method, const Inputs& inputs, HeadRef head, const Params& params,
                           const RunContext& context)
{
    if (auto ready = checkRunnable(method, inputs, params, context); !ready)
        return ready;
    const auto outside = [](Index index, Index count) { return index < 0 || index >= count; };
    const bool batch = outside(head.batch, inputs.q.batch());
    if (!batch && !outside(head.head, inputs.q.heads()))
        return {};
    return Error{Errc::InvalidParam,
                 batch ? "The input has no batch entry " + std::to_string(head.batch) + "."
                       : "The input has no head " + std::to_string(head.head) + ".",
                 "There are " + std::to_string(batch ? inputs.q.batch() : inputs.q.heads()) + ", counted from 0."};
}

} // namespace attnscope
