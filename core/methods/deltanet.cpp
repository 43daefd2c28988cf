// SPDX-License-Identifier: GPL-3.0-or-later
// DeltaNet: linear attention that replaces what it held at a key instead of adding to it.
#include "core/engine/delta_method.h"

namespace attnscope::methods {

namespace {

class DeltaNet final : public DeltaMethod {
public:
    const MethodInfo& info() const override;

protected:
    Decay decay() const override { return Decay::None; }
};

const MethodInfo& DeltaNet::info() const
{
    static const MethodInfo info{
        .id = "deltanet",
        .title = "DeltaNet",
        .family = "recurrent",
        .summary = "Linear attention by the delta rule: before a value is written, what the state held at its key is taken out, so that "
                   "a key written twice returns its latest value.",
        .formula = "Sᵢ = (I − βᵢ kᵢ kᵢᵀ) Sᵢ₋₁ + βᵢ kᵢ vᵢᵀ;  M = tril(QKᵀ/√d) (I + tril(diag(β) KKᵀ, −1))⁻¹ diag(β), |kᵢ| = 1",
        .assumes = "Keys are nearly orthogonal or repeat exactly, and no more than d of them are live at once.",
        .loses =
            "Similar keys overwrite each other; with more live keys than dimensions values come back mixed, some with negative weight.",
        .learned =
            "β is learned, sigmoid(Wx), and keys pass a short convolution and SiLU; here β is the input's array beta or one constant, "
            "and keys are only normalised.",
        .reference = "Yang, Wang, Zhang, Shen, Kim, Parallelizing Linear Transformers with the Delta Rule over Sequence Length, NeurIPS "
                     "2024, arXiv:2406.06484, eq. 3 to 8; Schlag, Irie, Schmidhuber, ICML 2021, arXiv:2102.11174",
        .timeGrowth = "n d²",
        .memoryGrowth = "d²",
        .supportsCausal = true,
        .supportsBidirectional = false,
        .rowsSumToOne = false,
        .nonNegative = false,
        .positional = true,
        .params = deltaParams(Decay::None),
    };
    return info;
}

} // namespace

std::unique_ptr<const AttentionMethod> deltanet() { return std::make_unique<DeltaNet>(); }

} // namespace attnscope::methods
