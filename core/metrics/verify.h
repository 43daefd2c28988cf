// SPDX-License-Identifier: GPL-3.0-or-later
// Every method against its float64 definition: the largest residual, row sums, signs, verdict.
#pragma once

#include "core/backend.h"

#include <functional>
#include <string>
#include <vector>

namespace attnscope {

struct VerifyResult {
    std::string method;
    std::string form; ///< "bidirectional", "causal", "map", ...: what was compared
    std::string backend;
    std::string dtype;     ///< "f32": that of Backend::dtype()
    double residual = 0.0; ///< max |x - x64| / max |x64| over all shapes tried
    std::string verdict;   ///< "pass", "fail" or "unsupported"
    std::string note;      ///< row sums, negative mass, condition, or why unsupported
};

/// Fresh random inputs from `seed`, shapes that divide nothing, several heads and batches. onResult may be empty.
Result<std::vector<VerifyResult>> verifyMethods(const Backend& backend, std::uint64_t seed, const RunContext& context,
                                                const std::function<void(const VerifyResult&)>& onResult = {});

} // namespace attnscope
