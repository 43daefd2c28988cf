// SPDX-License-Identifier: GPL-3.0-or-later
// Writes captured q, k, v of some layers in the safetensors form that openTensors reads.
#pragma once

#include "core/inputs/document.h"

#include <filesystem>
#include <optional>

namespace attnscope {

/// Tensors layers.L.q, layers.L.k, layers.L.v as [H, N, D] ([B, H, N, D] where the batch isn't 1) and the metadata causal, scale,
/// tokens, model. `layers` empty means all. The number L is that of layerNames where it ends in one ("layer 3"), else the index.
/// With `head`, that query head alone with the key/value head that it reads, each as [1, N, D].
/// Holds all that is chosen in memory while it writes; the file appears whole or not at all.
Result<void> writeCapture(const std::filesystem::path& path, const Document& document, const std::vector<Index>& layers,
                          const RunContext& context, std::optional<HeadRef> head = std::nullopt);

} // namespace attnscope
