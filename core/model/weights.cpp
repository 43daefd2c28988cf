// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/weights.h"

namespace attnscope {

WeightMatrix::WeightMatrix(const RawTensor& tensor, bool transposed)
    : m_data(tensor.data),
      m_dtype(tensor.dtype),
      m_rows(tensor.shape[transposed ? 1 : 0]),
      m_cols(tensor.shape[transposed ? 0 : 1]),
      m_fileWidth(tensor.shape[1]),
      m_transposed(transposed),
      m_aligned(tensor.isAligned())
{
}

const std::byte* WeightMatrix::elementAt(Index row) const
{
    return m_data + static_cast<std::size_t>(m_transposed ? row : row * m_fileWidth) * bytesOf(m_dtype);
}

WeightMatrix WeightMatrix::slice(Index first, Index count) const
{
    WeightMatrix part = *this;
    part.m_data = elementAt(first);
    part.m_rows = count;
    return part;
}

MatrixView<const float> WeightMatrix::read(Index first, Index count, std::vector<float>& buffer) const
{
    if (m_dtype == DType::F32 && !m_transposed && m_aligned)
        return {reinterpret_cast<const float*>(elementAt(first)), count, m_cols, m_fileWidth};
    buffer.resize(static_cast<std::size_t>(count * m_cols));
    if (m_transposed)
        readTransposed(first, count, buffer.data());
    else
        convertToFloat32(m_dtype, elementAt(first), buffer.size(), buffer.data());
    return {buffer.data(), count, m_cols, m_cols};
}

void WeightMatrix::readTransposed(Index first, Index count, float* out) const
{
    std::vector<float> part(static_cast<std::size_t>(count));
    const std::size_t step = static_cast<std::size_t>(m_fileWidth) * bytesOf(m_dtype);
    const std::byte* from = elementAt(first);
    for (Index col = 0; col < m_cols; ++col, from += step) {
        convertToFloat32(m_dtype, from, part.size(), part.data());
        for (Index row = 0; row < count; ++row)
            out[row * m_cols + col] = part[static_cast<std::size_t>(row)];
    }
}

std::optional<RawTensor> WeightBinder::tensor(const std::string& name, const std::vector<Index>& shape)
{
    if (m_error)
        return std::nullopt;
    auto raw = m_files.raw(m_prefix + name);
    if (!raw) {
        m_error = raw.error();
        return std::nullopt;
    }
    if (raw->shape != shape)
        m_error = Error{Errc::InvalidShape,
                        "The tensor \"" + m_prefix + name + "\" in " + m_folder + " is " + shapeText(raw->shape) +
                            ", but config.json asks for " + shapeText(shape) + ".",
                        "Take config.json and the weights from the same model."};
    else if (raw->dtype == DType::Other)
        m_error =
            Error{Errc::Unsupported, "The tensor \"" + m_prefix + name + "\" in " + m_folder + " is not stored as floating-point numbers.",
                  "Use the unquantised folder of the model: weights in float32, float16 or bfloat16."};
    if (m_error)
        return std::nullopt;
    return *raw;
}

WeightMatrix WeightBinder::matrix(const std::string& name, Index rows, Index cols, bool transposed)
{
    const auto raw = tensor(name, transposed ? std::vector<Index>{cols, rows} : std::vector<Index>{rows, cols});
    return raw ? WeightMatrix(*raw, transposed) : WeightMatrix();
}

std::vector<float> WeightBinder::vector(const std::string& name, Index size)
{
    const auto raw = tensor(name, {size});
    if (!raw)
        return {};
    std::vector<float> values(static_cast<std::size_t>(size));
    convertToFloat32(raw->dtype, raw->data, values.size(), values.data());
    return values;
}

} // namespace attnscope
