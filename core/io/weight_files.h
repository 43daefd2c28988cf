// SPDX-License-Identifier: GPL-3.0-or-later
// The weights of a model folder: model.safetensors, or the shards that model.safetensors.index.json names.
#pragma once

#include "core/io/safetensors.h"

namespace attnscope {

/// Immutable and thread-safe; keeps the files mapped.
class WeightFiles {
public:
    /// model.safetensors where there is one, else the index; other files of the folder are not looked at.
    static Result<std::shared_ptr<const WeightFiles>> open(const std::filesystem::path& folder);

    bool contains(const std::string& name) const { return m_where.contains(name); }

    /// Borrowed, without copying; Parse where there is none of that name.
    Result<RawTensor> raw(const std::string& name) const;

    std::vector<std::string> names() const;

    /// Io where a file was cut short since it was opened: ask before each long use of what raw() gave.
    Result<void> checkWhole() const;

private:
    explicit WeightFiles(std::filesystem::path folder) : m_folder(std::move(folder)) {}

    std::filesystem::path m_folder;
    std::map<std::string, std::shared_ptr<const SafetensorsFile>> m_where; // by tensor
    std::vector<std::shared_ptr<const SafetensorsFile>> m_files;
};

} // namespace attnscope
