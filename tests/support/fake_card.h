// SPDX-License-Identifier: GPL-3.0-or-later
// A backend that says it is a graphics card and computes on the CPU: for tests of what a person sees of one, and of its failures.
#pragma once

#include "core/backend.h"
#include "core/base/half.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace attnscope::tests {

/// How it behaves; may be changed while it is in use.
struct CardMood {
    std::atomic<bool> lost = false;       ///< every call fails with Errc::Device, as on a broken context
    std::atomic<bool> memoryEnds = false; ///< runs and maps fall back to the CPU, with a notice
    std::atomic<int> slowMs = 0;          ///< a run takes that long, and can be stopped
    std::atomic<int> runs = 0;            ///< asked of it so far
    std::atomic<int> maps = 0;            ///< likewise
    std::atomic<int> reads = 0;           ///< blocks that its maps were asked for
};

/// Marks a map as the card's.
class CardMap final : public ScoreSource {
public:
    CardMap(std::shared_ptr<const ScoreSource> map, std::shared_ptr<CardMood> mood) : m_map(std::move(map)), m_mood(std::move(mood)) {}

    Index rows() const override { return m_map->rows(); }
    Index cols() const override { return m_map->cols(); }
    Provenance provenance() const override { return m_map->provenance(); }
    KeyRange visible(Index row) const override { return m_map->visible(row); }
    bool isZero(Index row0, Index col0, Index rows, Index cols) const override { return m_map->isZero(row0, col0, rows, cols); }

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        return forward({row0, col0, out.rows, out.cols, 0}, Pool::Max, out, context);
    }
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override
    {
        return forward(block, pool, out, context);
    }

private:
    Result<void> forward(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
    {
        ++m_mood->reads;
        if (m_mood->lost)
            giveNotice("The card is gone. This part of the map was computed on the CPU.");
        return m_map->read(block, pool, out, context);
    }

    std::shared_ptr<const ScoreSource> m_map;
    std::shared_ptr<CardMood> m_mood;
};

/// Supports softmax and linear-elu; in f32 and f16, whose outputs are rounded to 11 bits so that they can be told apart.
class FakeCard final : public Backend {
public:
    explicit FakeCard(int index = 0, Dtype dtype = Dtype::F32, std::shared_ptr<CardMood> shared = std::make_shared<CardMood>())
        : mood(std::move(shared)), m_index(index), m_dtype(dtype)
    {
        if (dtype == Dtype::F32)
            m_half = std::make_unique<FakeCard>(index, Dtype::F16, mood);
    }

    std::shared_ptr<CardMood> mood;

    std::string id() const override { return "cuda:" + std::to_string(m_index); }
    std::string device() const override { return "Test card " + std::to_string(m_index); }
    Dtype dtype() const override { return m_dtype; }
    Result<const Backend*> in(Dtype dtype) const override
    {
        if (dtype == Dtype::F32 || (dtype == Dtype::F16 && m_half))
            return dtype == Dtype::F16 ? m_half.get() : static_cast<const Backend*>(this);
        return Error{Errc::Unsupported, device() + " has no " + std::string(toString(dtype)) + ".", ""};
    }
    Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const override
    {
        if (mood->lost)
            return Error{Errc::Device, id() + " failed earlier and can't be used until the program is started again.", ""};
        if (method.info().id != "softmax" && method.info().id != "linear-elu")
            return Error{Errc::Unsupported, method.info().title + " has no CUDA kernel in this version.", ""};
        return cpuBackend().supports(method, shape, causal);
    }
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override
    {
        ++mood->runs;
        for (int passed = 0; passed < mood->slowMs; ++passed) {
            if (context.cancelled())
                return cancelledError();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        if (mood->memoryEnds)
            giveNotice("The memory of " + id() + " doesn't hold one head. It was computed on the CPU instead.");
        auto out = cpuBackend().run(method, inputs, params, context);
        if (out && m_dtype == Dtype::F16)
            for (float& x : out->values())
                x = floatFromHalf(halfFromFloat(x));
        return out;
    }
    Result<RunTimes> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats, double timeCapSeconds,
                          const RunContext& context) const override
    {
        if (auto can = supports(method, inputs.shape(), inputs.causal); !can)
            return can.error();
        return cpuBackend().time(method, inputs, params, repeats, timeCapSeconds, context);
    }
    Result<std::shared_ptr<const ScoreSource>> scores(const AttentionMethod& method, const Inputs& inputs, HeadRef head,
                                                      const Params& params, const RunContext& context) const override
    {
        ++mood->maps;
        auto map = method.scores(inputs, head, params, context);
        if (!map || !supports(method, inputs.shape(), inputs.causal) || mood->memoryEnds)
            return map;
        return std::shared_ptr<const ScoreSource>(std::make_shared<CardMap>(*std::move(map), mood));
    }
    Result<std::shared_ptr<const ScoreSource>> difference(std::shared_ptr<const ScoreSource> a, std::shared_ptr<const ScoreSource> b,
                                                          DifferenceMetric metric) const override
    {
        const bool both = computes(*a) && computes(*b);
        auto made = makeDifference(std::move(a), std::move(b), metric);
        if (!made || !both)
            return made;
        return std::shared_ptr<const ScoreSource>(std::make_shared<CardMap>(*std::move(made), mood));
    }
    bool computes(const ScoreSource& map) const override { return dynamic_cast<const CardMap*>(&map) != nullptr; }

private:
    int m_index;
    Dtype m_dtype;
    std::unique_ptr<const FakeCard> m_half;
};

} // namespace attnscope::tests
