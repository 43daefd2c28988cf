// SPDX-License-Identifier: GPL-3.0-or-later
// Gated DeltaNet: the delta rule on a state that decays.
#include "core/engine/delta_method.h"

namespace attnscope::methods {

namespace {

class GatedDeltaNet final : public DeltaMethod {
public:
    const MethodInfo& info() const override;

protected:
    Decay decay() const override { return Decay::Token; }
};

const MethodInfo& GatedDeltaNet::info() const
{
    static const MethodInfo info{
        .id = "gated-deltanet",
        .title = "Gated DeltaNet",
        .family = "recurrent",
        .summary = "The delta rule on a state that each token lets decay first: it can both forget everything at once and replace one key.",
        .formula = "Sᵢ = e^gᵢ (I − βᵢ kᵢ kᵢᵀ) Sᵢ₋₁ + βᵢ kᵢ vᵢᵀ,  oᵢ = Sᵢᵀ qᵢ/√d,  |kᵢ| = 1",
        .assumes = "What is still needed is recent or was written to keys that later ones leave alone.",
        .loses = "All that is older than a few half-lives of the gate, and, among what is left, the values of similar keys, which mix.",
        .learned = "g = −e^A softplus(Wx + b) and β = sigmoid(Wx) are learned, and there is a short convolution; here they are the input's "
                   "arrays g and beta, or constants.",
        .reference =
            "Yang, Kautz, Hatamizadeh, Gated Delta Networks: Improving Mamba2 with Delta Rule, ICLR 2025, arXiv:2412.06464, eq. 10",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = deltaParams(Decay::Token),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> gated_deltanet() { return std::make_unique<GatedDeltaNet>(); }

} // namespace attnscope::methods
