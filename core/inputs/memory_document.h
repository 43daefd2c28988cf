// SPDX-License-Identifier: GPL-3.0-or-later
// A document of one layer whose q, k, v are in memory: generated, say.
#pragma once

#include "core/inputs/document.h"

namespace attnscope {

/// Checks them as a file's are checked: validate() and checkFinite(). `tokens` may be empty.
Result<std::shared_ptr<const Document>> makeDocument(std::shared_ptr<const LayerInputs> layer, std::string title,
                                                     std::vector<std::string> tokens = {});

} // namespace attnscope
