// SPDX-License-Identifier: GPL-3.0-or-later
// [B, H, N, D] arrays: Tensor owns, TensorView and MatrixView borrow; innermost contiguous, strides in elements.
#pragma once

#include "core/base/shape.h"

#include <array>
#include <memory>
#include <span>

namespace attnscope {

/// A borrowed [rows, cols] matrix whose rows are contiguous and `stride` elements apart.
template <class T>
struct MatrixView {
    T* data = nullptr;
    Index rows = 0;
    Index cols = 0;
    Index stride = 0;

    T* row(Index i) const { return data + i * stride; }
    std::span<T> rowSpan(Index i) const { return {row(i), static_cast<std::size_t>(cols)}; }
    T& operator()(Index i, Index j) const { return data[i * stride + j]; }
    MatrixView rowRange(Index first, Index count) const { return {row(first), count, cols, stride}; }
    operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, cols, stride}; }
};

/// A borrowed [B, H, N, D] tensor; the last dimension is contiguous.
template <class T>
struct TensorView {
    T* data = nullptr;
    std::array<Index, 4> shape{0, 0, 0, 0};
    std::array<Index, 3> strides{0, 0, 0}; // of B, H, N

    Index batch() const { return shape[0]; }
    Index heads() const { return shape[1]; }
    Index rows() const { return shape[2]; }
    Index cols() const { return shape[3]; }
    Index size() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
    MatrixView<T> matrix(HeadRef h) const { return {data + h.batch * strides[0] + h.head * strides[1], shape[2], shape[3], strides[2]}; }
    operator TensorView<const T>() const requires(!std::is_const_v<T>) { return {data, shape, strides}; }
};

/// An owned, contiguous [B, H, N, D] tensor; moved, never copied by accident. Values start uninitialised.
template <class T>
class BasicTensor {
public:
    BasicTensor() = default;
    BasicTensor(Index batch, Index heads, Index rows, Index cols)
        : m_shape{batch, heads, rows, cols},
          m_data(std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(batch * heads * rows * cols)))
    {
    }

    Index batch() const { return m_shape[0]; }
    Index heads() const { return m_shape[1]; }
    Index rows() const { return m_shape[2]; }
    Index cols() const { return m_shape[3]; }
    Index size() const { return m_shape[0] * m_shape[1] * m_shape[2] * m_shape[3]; }
    bool empty() const { return size() == 0; }
    const std::array<Index, 4>& shape() const { return m_shape; }

    T* data() { return m_data.get(); }
    const T* data() const { return m_data.get(); }
    std::span<T> values() { return {m_data.get(), static_cast<std::size_t>(size())}; }
    std::span<const T> values() const { return {m_data.get(), static_cast<std::size_t>(size())}; }

    TensorView<T> view() { return {m_data.get(), m_shape, strides()}; }
    TensorView<const T> view() const { return {m_data.get(), m_shape, strides()}; }
    MatrixView<T> matrix(HeadRef h = {}) { return view().matrix(h); }
    MatrixView<const T> matrix(HeadRef h = {}) const { return view().matrix(h); }

private:
    std::array<Index, 3> strides() const { return {m_shape[1] * m_shape[2] * m_shape[3], m_shape[2] * m_shape[3], m_shape[3]}; }

    std::array<Index, 4> m_shape{0, 0, 0, 0};
    std::unique_ptr<T[]> m_data;
};

using Tensor = BasicTensor<float>;

} // namespace attnscope
