// SPDX-License-Identifier: GPL-3.0-or-later
// Kimi Delta Attention: the delta rule on a state whose channels decay each at its own rate.
#include "core/engine/delta_method.h"

namespace attnscope::methods {

namespace {

class Kda final : public DeltaMethod {
public:
    const MethodInfo& info() const override;

protected:
    Decay decay() const override { return Decay::Channel; }
};

const MethodInfo& Kda::info() const
{
    static const MethodInfo info{
        .id = "kda",
        .title = "Kimi Delta Attention (KDA)",
        .family = "recurrent",
        .summary =
            "Gated DeltaNet with a decay for each key channel: the state decays first, then is corrected against what is left of it.",
        .formula = "Sᵢ = (I − βᵢ kᵢ kᵢᵀ) diag(e^gᵢ) Sᵢ₋₁ + βᵢ kᵢ vᵢᵀ,  oᵢ = Sᵢᵀ qᵢ/√d,  |kᵢ| = 1",
        .assumes = "Channels of the keys can be told apart by how long they must last.",
        .loses = "What its channels' gates let go, and, among what is left, the values of similar keys, which mix.",
        .learned = "Gates per channel and β are learned, and there is a short convolution; here they are the input's arrays g [N, K] and "
                   "beta, or constants, with which it equals Gated DeltaNet.",
        .reference = "Kimi Team, Kimi Linear: An Expressive, Efficient Attention Architecture, 2025, arXiv:2510.26692, eq. 1",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = deltaParams(Decay::Channel),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> kda() { return std::make_unique<Kda>(); }

} // namespace attnscope::methods
