// SPDX-License-Identifier: GPL-3.0-or-later
// Writes captured q, k, v of some layers in the safetensors form that openTensors reads.
#pragma once

#include "core/inputs/document.h"

#include <filesystem>

namespace attnscope {

/// Tensors layers.L.q, layers.L.k, layers.L.v as [H, N, D] ([B, H, N, D] where the batch isn't 1) and the metadata causal, scale,
/// tokens, model. `layers` empty means all. The number L is that of layerNames where it ends in one ("layer 3"), else the index.
/// Holds all chosen layers in memory while it writes; the file appears whole or not at all.
Result<void> writeCapture(const std::filesystem::path& path, const Document& document, const std::vector<Index>& layers,
                          const RunContext& context);

} // namespace attnscope
