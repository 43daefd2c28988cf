// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/open_session_input.h"

#include "core/inputs/open_input.h"
#include "core/model/text_document.h"

namespace attnscope {

std::filesystem::path missingPart(const InputChoice& input)
{
    std::error_code ignored;
    for (const auto& part : {input.path, input.model})
        if (!part.empty() && !std::filesystem::exists(part, ignored))
            return part;
    return {};
}

Error missingPartError(const std::filesystem::path& part)
{
    return {Errc::Io, "The session's input " + part.string() + " isn't there.",
            "Put it back, or open the session in the window to say where it is."};
}

Result<std::shared_ptr<const Document>> openSessionInput(const InputChoice& input, const RunContext& context)
{
    if (input.path.empty())
        return openText(input.text, {}, input.model, context);
    OpenOptions options;
    options.modelFolder = input.model;
    options.tensors.q = input.q;
    options.tensors.k = input.k;
    options.tensors.v = input.v;
    options.tensors.layout = layoutNamed(input.layout);
    return openInput(input.path, options, context);
}

} // namespace attnscope
