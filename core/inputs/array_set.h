// SPDX-License-Identifier: GPL-3.0-or-later
// Which arrays of a file are the q, k and v of which layer.
#pragma once

#include "core/inputs/tensor_document.h"
#include "core/io/array_file.h"

#include <map>

namespace attnscope {

/// Positions in file->arrays().
struct LayerArrays {
    std::string name;     ///< "layer 3"; empty where the file has plain q, k, v
    std::string scaleKey; ///< metadata of this layer's own scale
    std::string maskKey;  ///< and of its mask
    std::size_t q = 0, k = 0, v = 0;
    std::map<std::string, std::size_t> extra; ///< knownArrays() that are there, by their plain name
};

struct ArraySet {
    std::shared_ptr<const ArrayFile> file;
    std::vector<LayerArrays> layers; ///< at least one
};

/// Finds q, k, v as openTensors says; Parse, listing the names that exist, where there are none.
Result<ArraySet> findArrays(const std::filesystem::path& path, const TensorOptions& options);

/// A .npy as three arrays named q, k, v: stacked in it, or spread over it and its neighbours.
Result<std::shared_ptr<const ArrayFile>> openNpyTriple(const std::filesystem::path& path);

} // namespace attnscope
