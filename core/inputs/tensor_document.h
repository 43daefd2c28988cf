// SPDX-License-Identifier: GPL-3.0-or-later
// A document made of q, k, v arrays in a file: one layer, or many named layers.L.q, layers.L.k, layers.L.v.
#pragma once

#include "core/inputs/document.h"
#include "core/inputs/layout.h"

#include <filesystem>

namespace attnscope {

/// What a person says about the arrays; empty means: found, guessed, or as the file's metadata says.
struct TensorOptions {
    std::string q{}, k{}, v{}; ///< names of arrays; found among q/k/v, Q/K/V, query/key/value where empty
    std::optional<Layout> layout{};
    std::optional<bool> causal{};
    std::optional<float> scale{};  ///< 0 means 1/sqrt(D)
    std::optional<Index> window{}; ///< keys that a query sees, its own included; 0: all of them
};

/// What the window shows beside a document of tensors, to be corrected through TensorOptions.
class TensorDocument : public Document {
public:
    virtual const LayoutReading& layout() const = 0;
    virtual std::vector<std::string> arrayNames() const = 0;
};

/// Opens .npy, .npz or .safetensors. A .npy holds q, k and v stacked along a first axis of 3, or q alone beside files that
/// have k and v in place of the q that ends its name (q.npy, layer0_q.npy). Metadata that count, all optional: "causal"
/// ("true", "false"), "scale" (a number; "layers.L.scale" for one layer), "mask" ("sliding window 128"; "layers.L.mask"), "tokens" (a
/// JSON array of texts), "model".
/// Arrays of a known name (see knownArrays()), plain or as layers.L.NAME, come along with q, k and v; a .npy has none.
/// The first layer is read at once: everything that makes q, k, v unusable, NaN too, is an error that names it.
Result<std::shared_ptr<const TensorDocument>> openTensors(const std::filesystem::path& path, const TensorOptions& options = {},
                                                          const RunContext& context = {});

} // namespace attnscope
