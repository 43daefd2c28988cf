// SPDX-License-Identifier: GPL-3.0-or-later
// A head's thumbnail as a picture.
#pragma once

#include "core/base/tensor.h"

#include <QImage>

namespace attnscope {

/// Pooled cells [1, 1, rows, cols] in viridis on a log scale.
QImage thumbnailImage(const Tensor& cells);

} // namespace attnscope
