// SPDX-License-Identifier: GPL-3.0-or-later
// Opens what a session names: its file, or its text, with the model and the layout that it says.
#pragma once

#include "core/inputs/document.h"
#include "core/session/session.h"

#include <filesystem>
#include <memory>

namespace attnscope {

/// The file or the model folder that the session names and that isn't there; empty where all is there.
std::filesystem::path missingPart(const InputChoice& input);

/// What to say about it where nobody can be asked.
Error missingPartError(const std::filesystem::path& part);

Result<std::shared_ptr<const Document>> openSessionInput(const InputChoice& input, const RunContext& context);

} // namespace attnscope
