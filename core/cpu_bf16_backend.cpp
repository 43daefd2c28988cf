// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/cpu_bf16_backend.h"

#include "core/base/half.h"
#include "core/base/parallel.h"
#include "core/bench/machine.h"
#include "core/bench/run_timer.h"
#include "core/compute/bf16_softmax.h"

#include <atomic>

namespace attnscope {

namespace {

/// q, k, v and the output of one problem as the kernels hold them; a run of its own each time.
class Bf16Problem {
public:
    explicit Bf16Problem(const Inputs& in);

    Result<void> run(const RunContext& context);
    Tensor output() const;

private:
    Inputs m_in;
    Shape m_shape;
    std::vector<Bf16Matrix> m_q, m_k, m_v, m_o; // a head each
    std::vector<Bf16Matrix> m_vTiles;           // a key/value head each: tiles of the transposed V below each other
};

std::vector<Bf16Matrix> matricesOf(const TensorView<const float>& tensor)
{
    std::vector<Bf16Matrix> matrices;
    for (Index b = 0; b < tensor.batch(); ++b)
        for (Index h = 0; h < tensor.heads(); ++h)
            matrices.emplace_back(tensor.matrix({b, h}));
    return matrices;
}

Bf16Problem::Bf16Problem(const Inputs& in)
    : m_in(in), m_shape(in.shape()), m_q(matricesOf(in.q)), m_k(matricesOf(in.k)), m_v(matricesOf(in.v))
{
    for (Index i = 0; i < m_shape.batch * m_shape.heads; ++i)
        m_o.emplace_back(m_shape.queries, m_shape.valueDim);
    const Index tiles = (m_shape.keys + kBf16Keys - 1) / kBf16Keys;
    for (const Bf16Matrix& v : m_v)
        m_vTiles.emplace_back(tiles * v.stride(), kBf16Keys);
}

Result<void> Bf16Problem::run(const RunContext& context)
{
    const Index tiles = (m_shape.keys + kBf16Keys - 1) / kBf16Keys;
    const auto transposed = parallelFor(static_cast<Index>(m_v.size()) * tiles, 8, context, [&](Index first, Index last) {
        for (Index i = first; i < last; ++i) {
            const auto head = static_cast<std::size_t>(i / tiles);
            transposeTile(m_v[head], i % tiles, m_vTiles[head].row(i % tiles * m_v[head].stride()));
        }
    });
    if (!transposed)
        return cancelledError();
    const KeySupport support = fullSupport(m_shape.queries, m_shape.keys, m_in.causal, m_in.window);
    // Large blocks read K and V less often; small ones keep all threads busy to the end.
    const Index heads = m_shape.batch * m_shape.heads;
    const Index panels = std::clamp<Index>(heads * m_shape.queries / (kBf16Columns * 4 * context.threadCount()), 1, kBf16Panels);
    const Index step = panels * kBf16Columns;
    const Index blocks = (m_shape.queries + step - 1) / step;
    const Index total = heads * blocks;
    std::atomic<Index> finished{0};
    const bool done = parallelFor(total, 1, context, [&](Index i, Index) {
        const HeadRef head{i / blocks / m_shape.heads, i / blocks % m_shape.heads};
        const HeadRef kv = m_in.kvHead(head);
        const auto kvIndex = static_cast<std::size_t>(kv.batch * m_in.k.heads() + kv.head);
        const auto index = static_cast<std::size_t>(i / blocks);
        const Bf16Task task{&m_q[index], &m_k[kvIndex], m_vTiles[kvIndex].row(0), m_v[kvIndex].stride(), m_in.effectiveScale(), support};
        const Index first = (blocks - 1 - i % blocks) * step; // the longest first, where causal
        streamQueriesBf16(task, first, std::min(step, m_shape.queries - first), m_o[index]);
        context.report(static_cast<double>(++finished) / static_cast<double>(total));
    });
    if (!done)
        return cancelledError();
    return {};
}

Tensor Bf16Problem::output() const
{
    Tensor out(m_shape.batch, m_shape.heads, m_shape.queries, m_shape.valueDim);
    for (Index b = 0; b < m_shape.batch; ++b)
        for (Index h = 0; h < m_shape.heads; ++h) {
            const Bf16Matrix& from = m_o[static_cast<std::size_t>(b * m_shape.heads + h)];
            const auto to = out.matrix({b, h});
            for (Index i = 0; i < m_shape.queries; ++i)
                std::transform(from.row(i), from.row(i) + from.cols(), to.row(i), floatFromBfloat16);
        }
    return out;
}

class CpuBf16Backend final : public Backend {
public:
    std::string id() const override { return "cpu"; }
    std::string device() const override { return machineInfo().processor; }
    Dtype dtype() const override { return Dtype::BF16; }
    Result<const Backend*> in(Dtype dtype) const override { return cpuBackend().in(dtype); }
    Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const override
    {
        if (method.info().id == "softmax")
            return cpuBackend().supports(method, shape, causal);
        return Error{Errc::Unsupported, method.info().title + " has no bfloat16 kernel on the CPU; softmax has one.",
                     "Choose --dtype f32."};
    }
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override
    {
        if (auto ready = isReady(method, inputs, params, context); !ready)
            return ready.error();
        Bf16Problem problem(inputs);
        if (auto done = problem.run(context); !done)
            return done.error();
        return problem.output();
    }
    Result<RunTimes> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats, double timeCapSeconds,
                          const RunContext& context) const override
    {
        if (auto ready = isReady(method, inputs, params, context); !ready)
            return ready.error();
        Bf16Problem problem(inputs);
        return timeRuns([&] { return problem.run(context); }, repeats, timeCapSeconds);
    }

private:
    Result<void> isReady(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const
    {
        if (auto supported = supports(method, inputs.shape(), inputs.causal); !supported)
            return supported;
        if (!(inputs.effectiveScale() > 0.0F))
            return Error{Errc::Unsupported, "The bfloat16 kernel takes positive scales alone.", "Choose --dtype f32."};
        return checkRunnable(method, inputs, params, context);
    }
};

} // namespace

const Backend* cpuBf16Backend()
{
    static const CpuBf16Backend backend;
    return bf16Unit() == Bf16Unit::None ? nullptr : &backend;
}

} // namespace attnscope
