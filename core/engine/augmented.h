// SPDX-License-Identifier: GPL-3.0-or-later
// Rows with one more column, so that a single product gives x . y - |y|² / 2.
#pragma once

#include "core/base/tensor.h"

#include <algorithm>

namespace attnscope {

/// [x, |x|² / 2], [1, 1, rows, cols + 1].
inline Tensor withHalfSquares(MatrixView<const float> x)
{
    Tensor out(1, 1, x.rows, x.cols + 1);
    for (Index i = 0; i < x.rows; ++i) {
        double square = 0.0;
        for (Index c = 0; c < x.cols; ++c)
            square += static_cast<double>(x(i, c)) * x(i, c);
        std::copy_n(x.row(i), x.cols, out.matrix().row(i));
        out.matrix()(i, x.cols) = static_cast<float>(square / 2.0);
    }
    return out;
}

/// [x, -1], [1, 1, rows, cols + 1].
inline Tensor withMinusOne(MatrixView<const float> x)
{
    Tensor out(1, 1, x.rows, x.cols + 1);
    for (Index i = 0; i < x.rows; ++i) {
        std::copy_n(x.row(i), x.cols, out.matrix().row(i));
        out.matrix()(i, x.cols) = -1.0F;
    }
    return out;
}

} // namespace attnscope
