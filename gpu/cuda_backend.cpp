// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_backend.h"

#include "core/method/registry.h"
#include "gpu/card_ceilings.h"
#include "gpu/cuda_map.h"
#include "gpu/cuda_method.h"
#include "gpu/cuda_rows.h"
#include "gpu/device_problem.h"
#include "gpu/fallback.h"

#include <algorithm>
#include <atomic>

namespace attnscope {

namespace {

constexpr Index kMostInputSets = 16;

/// Which of a run's heads are worked on.
struct RunPart {
    HeadRef first;
    bool isPart = false;
};

/// One card, shared by its backends in all number formats.
struct Card {
    CudaDevice device;
    std::atomic<bool> lost = false; ///< an error that the CUDA context doesn't survive: nothing runs there until the program is restarted
    std::vector<std::unique_ptr<const Backend>> formats;
};

class CudaBackend final : public Backend {
public:
    CudaBackend(Card& card, Dtype dtype) : m_card(card), m_dtype(dtype) {}

    std::string id() const override { return "cuda:" + std::to_string(m_card.device.index); }
    std::string device() const override { return m_card.device.name; }
    Dtype dtype() const override { return m_dtype; }
    Result<const Backend*> in(Dtype dtype) const override { return m_card.formats[static_cast<std::size_t>(dtype)].get(); }
    Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const override;
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override;
    Result<RunTimes> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats, double timeCapSeconds,
                          const RunContext& context) const override;
    Result<SharedSource> scores(const AttentionMethod& method, const Inputs& inputs, HeadRef head, const Params& params,
                                const RunContext& context) const override;
    Result<SharedSource> difference(SharedSource a, SharedSource b, DifferenceMetric metric) const override;
    Result<RowStatistics> rowStatistics(const Inputs& inputs, HeadRef head, const RunContext& context) const override;
    Result<ExactOutput> exactWithRows(const Inputs& inputs, const RunContext& context) const override;
    bool computes(const ScoreSource& map) const override { return isCudaMap(map); }
    Result<Ceilings> ceilings() const override { return noteLoss(measureCeilings(m_card.device)); }

private:
    std::string lostText() const { return id() + " failed earlier and can't be used until the program is started again."; }
    Result<void> supportsRow(const AttentionMethod& method, const Shape& shape, bool causal, const Params* params) const;
    Result<void> ready(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const;
    Result<void> runOnCard(const CudaMethod& row, const Inputs& inputs, const RunPart& part, const Params& params, std::span<float> out,
                           const RunContext& context) const;
    Result<RunTimes> measure(const CudaMethod& row, const Inputs& inputs, const Params& params, int repeats, double timeCapSeconds,
                             const RunContext& context) const;
    template <class T>
    T noteLoss(T result) const;

    Card& m_card;
    Dtype m_dtype;
};

/// Remembers a card whose context is gone: from then on every call to it would fail.
template <class T>
T CudaBackend::noteLoss(T result) const
{
    if (!result && result.error().code == Errc::Device && cudaDeviceSynchronize() != cudaSuccess)
        m_card.lost = true;
    return result;
}

Result<void> CudaBackend::supportsRow(const AttentionMethod& method, const Shape& shape, bool causal, const Params* params) const
{
    if (m_card.lost)
        return Error{Errc::Device, lostText(), "Run on the CPU (--backend cpu)."};
    if (auto onCpu = cpuBackend().supports(method, shape, causal); !onCpu) // no such form anywhere
        return onCpu;
    const auto* row = findCudaMethod(method.info().id);
    if (row == nullptr)
        return Error{Errc::Unsupported, method.info().title + " has no CUDA kernel in this version.", "Run it on the CPU (--backend cpu)."};
    return row->supports({shape, causal, m_dtype, m_card.device, params});
}

Result<void> CudaBackend::supports(const AttentionMethod& method, const Shape& shape, bool causal) const
{
    return supportsRow(method, shape, causal, nullptr);
}

Result<void> CudaBackend::ready(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const
{
    if (auto runnable = checkRunnable(method, inputs, params, context); !runnable)
        return runnable;
    if (auto supported = supportsRow(method, inputs.shape(), inputs.causal, &params); !supported)
        return supported;
    if (inputs.window > 0 && !findCudaMethod(method.info().id)->takesWindow)
        return Error{Errc::Unsupported, "The CUDA kernel of " + method.info().title + " sees no sliding windows.",
                     "Run it on the CPU (--backend cpu)."};
    return context.cancelled() ? Result<void>(cancelledError()) : Result<void>();
}

Result<void> CudaBackend::runOnCard(const CudaMethod& row, const Inputs& inputs, const RunPart& part, const Params& params,
                                    std::span<float> out, const RunContext& context) const
{
    auto workspace = Workspace::make(m_card.device);
    if (!workspace)
        return workspace.error();
    auto device = uploadInputs(inputs, m_dtype, *workspace);
    if (!device)
        return device.error();
    device->first = part.first;
    device->isPart = part.isPart;
    device->context = &context;
    const auto run = row.prepare(*device, params, *workspace);
    if (!run)
        return run.error();
    Launch launch(*workspace, context);
    if (auto launched = (*run)(*device, launch); !launched)
        return launched;
    return downloadOutput(*device, out, *workspace);
}

Result<Tensor> CudaBackend::run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const
{
    const auto onCpu = [&] { return cpuBackend().run(method, inputs, params, context); };
    if (auto can = ready(method, inputs, params, context); !can) {
        if (can.error().code != Errc::Device)
            return can.error();
        giveNotice(can.error().what + " This ran on the CPU.");
        return onCpu();
    }
    const CudaMethod& row = *findCudaMethod(method.info().id);
    const Index heads = inputs.q.batch() * inputs.q.heads();
    const auto onCard = [&](const Inputs& part, HeadRef first, std::span<float> out) {
        return noteLoss(runOnCard(row, part, {first, part.q.batch() * part.q.heads() < heads}, params, out, context));
    };
    return runWithFallback(inputs, {id(), onCard, onCpu});
}

Result<RunTimes> CudaBackend::measure(const CudaMethod& row, const Inputs& inputs, const Params& params, int repeats, double timeCapSeconds,
                                      const RunContext& context) const
{
    auto workspace = Workspace::make(m_card.device);
    auto copies = Workspace::make(m_card.device);
    if (!workspace || !copies)
        return workspace ? copies.error() : workspace.error();
    auto first = uploadInputs(inputs, m_dtype, *workspace);
    if (!first)
        return first.error();
    first->context = &context;
    const auto run = row.prepare(*first, params, *workspace);
    if (!run)
        return run.error();
    if (auto ready = workspace->synchronize("copying to the card"); !ready)
        return ready.error();
    // Twice the cache's size, so that a set was evicted before its turn comes again.
    const auto bytes = static_cast<Index>(inputBytes(*first));
    const auto sets =
        rotatedInputs(*first, std::clamp<Index>(2 * static_cast<Index>(m_card.device.l2Bytes) / bytes + 1, 1, kMostInputSets), *copies);
    if (!sets)
        return sets.error();
    if (auto ready = copies->synchronize("copying on the card"); !ready)
        return ready.error();
    RunTimes times;
    double spent = 0.0;
    for (int i = 0; i <= repeats && (i < 2 || spent < timeCapSeconds); ++i) {
        Launch launch(*workspace, context);
        Event start;
        Event end;
        if (auto marked = checkCuda(start.record(launch.stream()), "timing a kernel"); !marked)
            return marked.error();
        if (auto launched = (*run)((*sets)[static_cast<std::size_t>(i) % sets->size()], launch); !launched)
            return launched.error();
        if (auto marked = checkCuda(end.record(launch.stream()), "timing a kernel"); !marked)
            return marked.error();
        if (auto ended = checkCuda(end.wait(), "timing a kernel"); !ended)
            return ended.error();
        const auto took = Event::secondsBetween(start, end);
        if (!took)
            return took.error();
        spent += *took;
        if (i > 0) // the first one warms up
            times.seconds.push_back(*took);
    }
    times.peakBytes = static_cast<double>(workspace->bytes()) - static_cast<double>(bytes);
    return times;
}

Result<RunTimes> CudaBackend::time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats,
                                   double timeCapSeconds, const RunContext& context) const
{
    if (auto can = ready(method, inputs, params, context); !can)
        return can.error();
    return noteLoss(measure(*findCudaMethod(method.info().id), inputs, params, repeats, timeCapSeconds, context));
}

Result<SharedSource> CudaBackend::scores(const AttentionMethod& method, const Inputs& inputs, HeadRef head, const Params& params,
                                         const RunContext& context) const
{
    const auto onCpu = [&method, inputs, head, params, context] { return method.scores(inputs, head, params, context); };
    if (m_card.lost)
        giveNotice(lostText() + " The map is computed on the CPU.");
    if (m_card.lost || inputs.window > 0)
        return onCpu();
    Result<SharedSource> made = Error{Errc::Unsupported, "", ""};
    if (method.info().id == "softmax") {
        if (auto runnable = checkRunnable(method, inputs, head, params, context); !runnable)
            return runnable.error();
        // Later it is asked for from other threads, when this call's stop and progress are over.
        const auto later = [&method, inputs, head, params, budget = context.memoryBudget, threads = context.threads] {
            return method.scores(inputs, head, params, {{}, {}, budget, threads});
        };
        made = noteLoss(makeCudaSoftmaxMap(m_card.device, inputs, head, m_dtype, later, context));
    } else {
        auto source = onCpu();
        if (!source)
            return source;
        made = noteLoss(makeCudaFactoredMap(m_card.device, *source, m_dtype));
        if (!made && made.error().code != Errc::Cancelled) {
            giveNotice(made.error().what + " The map is computed on the CPU.");
            return source;
        }
    }
    if (made || (made.error().code != Errc::OutOfMemory && made.error().code != Errc::Device))
        return made;
    giveNotice(made.error().what + " The map is computed on the CPU.");
    return onCpu();
}

Result<SharedSource> CudaBackend::difference(SharedSource a, SharedSource b, DifferenceMetric metric) const
{
    if (auto onCard = makeCudaDifference(a, b, metric))
        return onCard;
    return makeDifference(std::move(a), std::move(b), metric);
}

Result<RowStatistics> CudaBackend::rowStatistics(const Inputs& inputs, HeadRef head, const RunContext& context) const
{
    if (m_card.lost)
        giveNotice(lostText() + " The row statistics are computed on the CPU.");
    if (m_card.lost || inputs.window > 0)
        return computeRowStatistics(inputs, head, context);
    if (auto runnable = checkRunnable(*findMethod("softmax"), inputs, head, {}, context); !runnable)
        return runnable.error();
    auto made = noteLoss(computeCudaRowStatistics(m_card.device, inputs, head, m_dtype, context));
    if (made || made.error().code == Errc::Cancelled)
        return made;
    giveNotice(made.error().what + " The row statistics are computed on the CPU.");
    return computeRowStatistics(inputs, head, context);
}

Result<ExactOutput> CudaBackend::exactWithRows(const Inputs& inputs, const RunContext& context) const
{
    const auto& softmax = *findMethod("softmax");
    const auto can = ready(softmax, inputs, {}, context);
    if (!can || !hasCudaExactWithRows(m_card.device, inputs, m_dtype))
        return Backend::exactWithRows(inputs, context);
    auto made = noteLoss(computeCudaExactWithRows(m_card.device, inputs, m_dtype, context));
    if (made || (made.error().code != Errc::OutOfMemory && made.error().code != Errc::Device))
        return made;
    return Backend::exactWithRows(inputs, context); // whose steps say what they do instead
}

Result<std::unique_ptr<Card>> makeCard(int index)
{
    auto device = CudaDevice::find(index);
    if (!device)
        return device.error();
    auto card = std::make_unique<Card>();
    card->device = *std::move(device);
    for (std::size_t i = 0; i < kDtypeNames.size(); ++i)
        card->formats.push_back(std::make_unique<CudaBackend>(*card, static_cast<Dtype>(i)));
    return card;
}

struct Cards {
    std::vector<std::unique_ptr<Card>> usable;
    std::string refusal; ///< why the first unusable one is; empty where there is none
};

Cards makeCards()
{
    Cards cards;
    int count = 0; // stays 0 where there is no driver
    const auto status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess)
        return {{}, std::string("No NVIDIA GPU can be used: ") + cudaGetErrorString(status) + "."};
    for (int i = 0; i < count; ++i) {
        auto card = makeCard(i);
        if (card)
            cards.usable.push_back(*std::move(card));
        else if (cards.refusal.empty())
            cards.refusal = "The GPU cuda:" + std::to_string(i) + " can't be used: " + card.error().what;
    }
    return cards;
}

const Cards& allCards()
{
    static const Cards cards = makeCards();
    return cards;
}

} // namespace

const std::vector<const Backend*>& cudaBackends()
{
    static const auto backends = [] {
        std::vector<const Backend*> made;
        for (const auto& card : allCards().usable)
            made.push_back(card->formats.front().get());
        return made;
    }();
    return backends;
}

std::string cudaUnavailableReason()
{
    if (!cudaBackends().empty())
        return {};
    return allCards().refusal.empty() ? "No NVIDIA GPU was found." : allCards().refusal;
}

} // namespace attnscope
