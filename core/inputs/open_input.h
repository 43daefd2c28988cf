// SPDX-License-Identifier: GPL-3.0-or-later
// Opens whatever a person gives: a tensor file, or a text through a model.
#pragma once

#include "core/inputs/tensor_document.h"

#include <string_view>

namespace attnscope {

enum class InputKind { Tensors, Text, ModelFolder };

/// By content: arrays, plain UTF-8 text, or a folder with a config.json. Unsupported, with one sentence on what can be opened
/// instead, for other folders and binary files.
Result<InputKind> inputKind(const std::filesystem::path& path);

struct OpenOptions {
    TensorOptions tensors;             ///< for tensor files
    std::filesystem::path modelFolder; ///< for texts
};

/// A model's folder alone is refused: it takes a text to look at.
Result<std::shared_ptr<const Document>> openInput(const std::filesystem::path& path, const OpenOptions& options = {},
                                                  const RunContext& context = {});

/// "*.safetensors *.npz *.npy *.txt *.md": for file dialogs; content decides, not the name.
std::string_view inputFilePatterns();

} // namespace attnscope
