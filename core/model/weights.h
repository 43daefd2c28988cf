// SPDX-License-Identifier: GPL-3.0-or-later
// The weights of a model as its layers use them: borrowed from mapped files, converted to float32 a few rows at a time.
#pragma once

#include "core/base/tensor.h"
#include "core/io/weight_files.h"

#include <optional>
#include <string>
#include <vector>

namespace attnscope {

/// [rows, cols] = [out, in], whatever the file's number format and orientation; borrows from WeightFiles.
class WeightMatrix {
public:
    WeightMatrix() = default;
    /// `transposed`: the file holds [cols, rows], as GPT-2's Conv1D does.
    WeightMatrix(const RawTensor& tensor, bool transposed);

    Index rows() const { return m_rows; }
    Index cols() const { return m_cols; }

    /// The rows first ... first + count - 1.
    WeightMatrix slice(Index first, Index count) const;

    /// Float32 values of some rows: the file's own where they can be used as they are, else converted into `buffer`.
    MatrixView<const float> read(Index first, Index count, std::vector<float>& buffer) const;

private:
    const std::byte* elementAt(Index row) const; ///< of column 0
    void readTransposed(Index first, Index count, float* out) const;

    const std::byte* m_data = nullptr;
    DType m_dtype = DType::F32;
    Index m_rows = 0;
    Index m_cols = 0;
    Index m_fileWidth = 0; ///< elements between two rows of the file
    bool m_transposed = false;
    bool m_aligned = false;
};

/// Looks tensors up by name, checks their shapes, and remembers the first problem: the reader asks error() once, at the end.
class WeightBinder {
public:
    WeightBinder(const WeightFiles& files, std::string folder) : m_files(files), m_folder(std::move(folder)) {}

    /// Put before every name from now on, for example "model.".
    void setPrefix(std::string prefix) { m_prefix = std::move(prefix); }
    bool contains(const std::string& name) const { return m_files.contains(m_prefix + name); }

    /// A weight of [rows, cols]; where `transposed`, the file must hold [cols, rows].
    WeightMatrix matrix(const std::string& name, Index rows, Index cols, bool transposed = false);
    std::vector<float> vector(const std::string& name, Index size);

    const std::optional<Error>& error() const { return m_error; }

private:
    std::optional<RawTensor> tensor(const std::string& name, const std::vector<Index>& shape);

    const WeightFiles& m_files;
    std::string m_folder;
    std::string m_prefix;
    std::optional<Error> m_error;
};

} // namespace attnscope
