// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/thumbnail_image.h"

#include "core/color/color_scale.h"

#include <algorithm>

namespace attnscope {

QImage thumbnailImage(const Tensor& cells)
{
    const auto values = cells.values();
    ColorScale scale;
    scale.low = 1e-3; // below that a thumbnail shows noise
    scale.high = std::max<double>(2e-3, values.empty() ? 1.0 : *std::max_element(values.begin(), values.end()));
    QImage image(static_cast<int>(cells.cols()), static_cast<int>(cells.rows()), QImage::Format_RGB32);
    const auto matrix = cells.matrix();
    for (int y = 0; y < image.height(); ++y) {
        auto* line = reinterpret_cast<QRgb*>(image.scanLine(y));
        for (int x = 0; x < image.width(); ++x) {
            const Rgb color = scale.color(matrix(y, x));
            line[x] = qRgb(color.r, color.g, color.b);
        }
    }
    return image;
}

} // namespace attnscope
