// SPDX-License-Identifier: GPL-3.0-or-later
// A small float64 matrix, row-major: landmarks, their softmax, its inverse.
#pragma once

#include "core/base/tensor.h"

#include <algorithm>
#include <vector>

namespace attnscope {

struct DoubleMatrix {
    Index rows = 0;
    Index cols = 0;
    std::vector<double> values;

    DoubleMatrix() = default;
    DoubleMatrix(Index r, Index c) : rows(r), cols(c), values(static_cast<std::size_t>(r * c), 0.0) {}
    double& operator()(Index i, Index j) { return values[static_cast<std::size_t>(i * cols + j)]; }
    double operator()(Index i, Index j) const { return values[static_cast<std::size_t>(i * cols + j)]; }
    double* row(Index i) { return values.data() + i * cols; }
    const double* row(Index i) const { return values.data() + i * cols; }
};

/// The same rounded to float32, [1, 1, rows, cols].
inline Tensor rounded(const DoubleMatrix& m)
{
    Tensor t(1, 1, m.rows, m.cols);
    std::transform(m.values.begin(), m.values.end(), t.data(), [](double x) { return static_cast<float>(x); });
    return t;
}

} // namespace attnscope
