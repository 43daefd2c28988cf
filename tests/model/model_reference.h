// SPDX-License-Identifier: GPL-3.0-or-later
// The largest differences between our forward pass and what PyTorch transformers computed for the same folder and ids.
#pragma once

#include "core/model/transformer.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace attnscope::tests {

/// Tensors of an expected.safetensors by name, as flat float32.
class ModelReference {
public:
    static Result<ModelReference> open(const std::filesystem::path& path);

    bool contains(const std::string& name) const { return m_tensors.contains(name); }
    const std::vector<float>& tensor(const std::string& name) const { return m_tensors.at(name); }
    std::vector<std::int32_t> ids() const;

private:
    std::map<std::string, std::vector<float>> m_tensors;
};

/// Over all layers; infinity where sizes differ.
struct LargestDifference {
    double absolute = 0.0;
    double relative = 0.0; ///< to the tensor's largest magnitude, which float32 rounding grows with
};

/// By kind: "hidden", "last", "logits", "q", "k", "v", "scale", "attention". A kind is there only where something was compared.
Result<std::map<std::string, LargestDifference>> compareWithReference(const std::filesystem::path& folder, const ModelReference& reference);

/// Exact attention of one head from captured inputs, in float64: [N, N] row by row.
std::vector<double> attentionOf(const LayerInputs& layer, Index head, Index window);

} // namespace attnscope::tests
