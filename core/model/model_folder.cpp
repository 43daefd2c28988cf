// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/model_folder.h"

#include "core/base/resources.h"
#include "core/io/file_error.h"

namespace attnscope {

Result<std::filesystem::path> bundledModelFolder()
{
    if (auto found = findResource("models/attnscope-mini"))
        return *found;
    return Error{Errc::Io, "The model that comes with Attnscope (models/attnscope-mini) is not where the program looks for it.",
                 "Set ATTNSCOPE_RESOURCES to the folder \"resources\" of Attnscope, or choose a model folder."};
}

Result<std::filesystem::path> resolveModelFolder(const std::filesystem::path& chosen)
{
    if (chosen.empty())
        return bundledModelFolder();
    std::error_code failed;
    if (!std::filesystem::exists(chosen, failed))
        return Error{Errc::Io, "The model folder " + quoted(chosen) + " does not exist.", "Choose a Hugging Face model folder."};
    if (!std::filesystem::is_directory(chosen, failed))
        return Error{Errc::Io, quoted(chosen) + " is not a folder.",
                     "Choose the folder that holds config.json, tokenizer.json and the weights."};
    return chosen;
}

} // namespace attnscope
