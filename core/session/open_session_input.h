// SPDX-License-Identifier: GPL-3.0-or-later
// Opens what a session names: its file, or its text, with the model and the layout that it says.
#pragma once

#include "core/inputs/document.h"
#include "core/session/session.h"

#include <memory>

namespace attnscope {

Result<std::shared_ptr<const Document>> openSessionInput(const InputChoice& input, const RunContext& context);

} // namespace attnscope
