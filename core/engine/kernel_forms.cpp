// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/kernel_forms.h"

#include "core/base/parallel.h"
#include "core/engine/kernel_state.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <vector>

namespace attnscope {

namespace {

/// One key/value head and the query heads that read it.
class TokenWalk {
public:
    TokenWalk(const Inputs& in, const FeatureMap& map, HeadRef kvHead)
        : m_in(in),
          m_map(map),
          m_kvHead(kvHead),
          m_state(map.features(), in.v.cols()),
          m_keys(1, map),
          m_queries(1, map),
          m_scaledKey(1, 1, 1, map.features()),
          m_scaledQuery(1, 1, 1, map.features()),
          m_sums(static_cast<std::size_t>(in.v.cols()))
    {
    }

    void take(Index j)
    {
        const auto key = m_keys.compute(m_map, Side::Key, j, m_in.k.matrix(m_kvHead).rowRange(j, 1));
        const auto shift = m_state.raisedShift(key);
        scaleKeys(key, shift, m_scaledKey.matrix());
        m_state.add(m_scaledKey.matrix(), shift, m_in.v.matrix(m_kvHead).rowRange(j, 1));
    }

    void answer(HeadRef head, Index i, std::span<float> out)
    {
        const auto query = m_queries.compute(m_map, Side::Query, i, m_in.q.matrix(head).rowRange(i, 1));
        std::vector<float> logScale(1);
        scaleQueries(query, m_state.shift(), m_scaledQuery.matrix(), logScale);
        std::fill(m_sums.begin(), m_sums.end(), 0.0);
        double sum = 0.0;
        for (Index r = 0; r < m_map.features(); ++r) {
            const double feature = m_scaledQuery.matrix()(0, r);
            sum += feature * m_state.weights()[static_cast<std::size_t>(r)];
            const auto values = m_state.values(r);
            for (std::size_t c = 0; c < values.size(); ++c)
                m_sums[c] += feature * values[c];
        }
        const double divisor = m_map.divisor(sum, static_cast<double>(logScale.front()));
        std::transform(m_sums.begin(), m_sums.end(), out.begin(), [divisor](double x) { return static_cast<float>(x / divisor); });
    }

private:
    const Inputs& m_in;
    const FeatureMap& m_map;
    HeadRef m_kvHead;
    KernelState m_state;
    FeatureBuffer m_keys;
    FeatureBuffer m_queries;
    Tensor m_scaledKey;
    Tensor m_scaledQuery;
    std::vector<double> m_sums;
};

} // namespace

Result<Tensor> runKernelTokens(const Inputs& in, const FeatureMap& map, const RunContext& context)
{
    const Shape s = in.shape();
    Tensor out(s.batch, s.heads, s.queries, s.valueDim);
    const Index group = s.heads / in.k.heads();
    std::atomic<bool> whole{true};
    const bool done = parallelFor(s.batch * in.k.heads(), 1, context, [&](Index unit, Index) {
        const HeadRef kvHead{unit / in.k.heads(), unit % in.k.heads()};
        TokenWalk walk(in, map, kvHead);
        for (Index j = 0; j < s.keys; ++j) {
            if (context.cancelled()) {
                whole = false;
                return;
            }
            walk.take(j);
            const bool last = j + 1 == s.keys;
            const Index place = j - (s.keys - s.queries);
            const Index first = in.causal ? std::max<Index>(0, place) : last ? 0 : s.queries;
            const Index end = in.causal ? place + 1 : s.queries;
            for (Index i = first; i < end && !context.cancelled(); ++i)
                for (Index h = kvHead.head * group; h < (kvHead.head + 1) * group; ++h)
                    walk.answer({kvHead.batch, h}, i, out.matrix({kvHead.batch, h}).rowSpan(i));
        }
    });
    if (!done || !whole)
        return cancelledError();
    return out;
}

} // namespace attnscope
