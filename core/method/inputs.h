// SPDX-License-Identifier: GPL-3.0-or-later
// What every attention method is given: q, k, v, the mask, the logit scale, and further arrays by name.
#pragma once

#include "core/base/result.h"
#include "core/base/tensor.h"
#include "core/method/extra_arrays.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

namespace attnscope {

/// Which keys each query may see.
struct KeyMask {
    Index queries = 0;
    Index keys = 0;
    bool causal = false;
    Index window = 0;

    /// Query i stands at key i + (M - N). Causal: nothing after it. A window of w: nothing w or more places before it, nor after it.
    KeyRange visible(Index query) const
    {
        const Index place = query + keys - queries;
        const Index last = causal ? place + 1 : window > 0 ? place + window : keys;
        return {window > 0 ? std::clamp<Index>(place + 1 - window, 0, keys) : 0, std::clamp<Index>(last, 0, keys)};
    }
};

/// q [B, H, N, D], k [B, Hkv, M, D], v [B, Hkv, M, Dv]; Hkv divides H (grouped-query attention).
struct Inputs {
    TensorView<const float> q;
    TensorView<const float> k;
    TensorView<const float> v;
    bool causal = false;               ///< query i sees the keys j <= i + (M - N)
    float scale = 0.0F;                ///< of the logits; 0 means 1/sqrt(D)
    std::shared_ptr<const void> owner; ///< keeps the arrays alive; score sources copy it
    ExtraArrays arrays{};              ///< what recurrent methods take where it is there: see knownArrays()
    Index window = 0;                  ///< a query sees that many keys up to its own place, unless causal as many after it; 0: all
    Index firstHead = 0;               ///< of its layer, where not all heads of it are here
    Index layerHeads = 0;              ///< query heads of the layer; 0: just these

    Shape shape() const;
    KeyMask mask() const { return {q.rows(), k.rows(), causal, window}; }
    float effectiveScale() const;    ///< `scale`, or 1/sqrt(D) where that is 0
    HeadRef kvHead(HeadRef h) const; ///< the key/value head that query head h reads
    Index headOfLayer(HeadRef h) const { return firstHead + h.head; }
    Index headsOfLayer() const { return layerHeads > 0 ? layerHeads : q.heads(); }
    MatrixView<const float> qOf(HeadRef h) const { return q.matrix(h); }
    MatrixView<const float> kOf(HeadRef h) const { return k.matrix(kvHead(h)); }
    MatrixView<const float> vOf(HeadRef h) const { return v.matrix(kvHead(h)); }

    /// An array's part for query head h, [N, width], or [1, width] where one row stands for all tokens; none of that name: nothing.
    std::optional<MatrixView<const float>> array(std::string_view name, HeadRef h) const;
};

/// Says in one sentence why q, k, v can't be attended to: empty, widths or lengths that differ, heads that don't divide,
/// more queries than keys where causal or within a window, further arrays of other sizes.
Result<void> validate(const Inputs& inputs);

/// NaN or infinity in q, k, v or a further array: InvalidParam with how many there are and where the first one is. Reads everything once,
/// so it is asked when inputs are loaded, not at every run.
Result<void> checkFinite(const Inputs& inputs);

} // namespace attnscope
