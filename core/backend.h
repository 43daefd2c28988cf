// SPDX-License-Identifier: GPL-3.0-or-later
// Where attention runs: the CPU, or one GPU; both answer the same calls.
#pragma once

#include "core/method/attention_method.h"

#include <string>
#include <string_view>

namespace attnscope {

class Backend {
public:
    virtual ~Backend() = default;

    virtual std::string id() const = 0;     ///< "cpu", "cuda:0"
    virtual std::string device() const = 0; ///< "AMD EPYC 7B13, 2 threads": what a table's header says

    /// Ok, or why this backend has no such kernel.
    virtual Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const = 0;

    /// As AttentionMethod::run.
    virtual Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params,
                               const RunContext& context) const = 0;

    /// Seconds for each of `repeats` runs of the kernel alone (inputs in place, after one warm-up); Cancelled, OutOfMemory.
    virtual Result<std::vector<double>> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats,
                                             double timeCapSeconds, const RunContext& context) const = 0;
};

/// The backend that every machine has.
const Backend& cpuBackend();

} // namespace attnscope
