// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/thumbnails.h"

#include "core/method/registry.h"

#include <algorithm>
#include <bit>

namespace attnscope {

namespace {

TensorView<const float> firstRows(TensorView<const float> view, Index rows)
{
    view.shape[2] = std::min(view.shape[2], rows);
    return view;
}

int levelFor(Index n)
{
    const auto ratio = static_cast<std::uint64_t>((n + kThumbnailCells - 1) / kThumbnailCells);
    return ratio <= 1 ? 0 : static_cast<int>(std::bit_width(ratio - 1));
}

Result<std::shared_ptr<const Tensor>> thumbnail(Inputs head, const RunContext& context)
{
    head.q = firstRows(head.q, kThumbnailLength);
    head.k = firstRows(head.k, kThumbnailLength);
    head.v = firstRows(head.v, kThumbnailLength);
    const auto method = requireMethod("softmax");
    if (!method)
        return method.error();
    const auto map = (*method)->scores(head, {}, defaultParams((*method)->info().params), context);
    if (!map)
        return map.error();
    const int level = levelFor(std::max((*map)->rows(), (*map)->cols()));
    Tensor cells(1, 1, pooledSize((*map)->rows(), level), pooledSize((*map)->cols(), level));
    if (auto done = (*map)->read({0, 0, cells.rows(), cells.cols(), level}, Pool::Max, cells.matrix(), context); !done)
        return done.error();
    return std::make_shared<const Tensor>(std::move(cells));
}

} // namespace

Result<int> computeThumbnails(const Document& document, Index batch, bool causal, const RunContext& context, const ThumbnailReady& ready)
{
    const auto layers = static_cast<Index>(document.info().layerNames.size());
    int made = 0;
    for (Index l = 0; l < layers; ++l) {
        const auto layer = document.layer(l, context);
        if (!layer)
            return layer.error();
        for (Index h = 0; h < (*layer)->q.heads(); ++h) {
            Inputs head = inputsOf(*layer, {batch, h});
            head.causal = causal;
            const auto cells = thumbnail(head, context);
            if (!cells)
                return cells.error();
            ready(static_cast<int>(l), static_cast<int>(h), *cells);
            context.report(static_cast<double>(l * (*layer)->q.heads() + h + 1) / static_cast<double>(layers * (*layer)->q.heads()));
            ++made;
        }
    }
    return made;
}

} // namespace attnscope
