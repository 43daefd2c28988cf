// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_map.h"

#include "core/backend.h"
#include "core/scores/low_rank_source.h"
#include "gpu/kernels/map.h"
#include "gpu/kernels/split.h"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace attnscope {

namespace {

constexpr Index kPadTo = 8;
constexpr Index kRowTile = 384;   // a multiple of all kernels' tiles
constexpr double kMapRate = 1e14; // FLOP/s that the map kernels reach at least

kernels::CardLimits limitsOf(const CudaDevice& device) { return {device.isHopper(), device.multiprocessors, device.sharedBytes}; }

/// Operands on the card and the workspace that owns them; a map's, shared by the differences made from it.
struct MapOnCard {
    Workspace workspace;
    int parts = 1;
    kernels::ExactTerm exact{};
    kernels::MapOperand left{}, right{};
    bool isExact = false;
    Index firstVisible = 0;

    Index rows() const { return isExact ? exact.q.rows : left.rows; }
    Index cols() const { return isExact ? exact.k.rows : right.rows; }
};

Result<kernels::MapOperand> uploadOperand(MatrixView<const float> from, int parts, Workspace& workspace)
{
    auto staging = Workspace::make(workspace.device());
    if (!staging)
        return staging.error();
    auto wide = staging->take<float>(from.rows * from.cols);
    auto scratch = staging->take<unsigned>(1);
    const Index padded = (from.cols + kPadTo - 1) / kPadTo * kPadTo;
    auto narrow = workspace.takeBytes(static_cast<std::size_t>(2 * parts * from.rows * padded));
    auto factor = workspace.take<float>(1);
    for (const auto* failed : {wide ? nullptr : &wide.error(), scratch ? nullptr : &scratch.error(), narrow ? nullptr : &narrow.error(),
                               factor ? nullptr : &factor.error()})
        if (failed != nullptr)
            return *failed;
    if (auto ready = workspace.synchronize("allocating"); !ready) // the staging stream writes what the other one allocated
        return ready.error();
    const auto width = static_cast<std::size_t>(from.cols) * sizeof(float);
    const auto pitch = static_cast<std::size_t>(from.stride) * sizeof(float);
    auto status = cudaMemcpy2DAsync(*wide, width, from.data, std::max(pitch, width), width, static_cast<std::size_t>(from.rows),
                                    cudaMemcpyHostToDevice, staging->stream());
    if (status == cudaSuccess)
        status = kernels::launchFactors(*wide, 1, from.rows * from.cols, *scratch, *factor, staging->stream());
    if (status == cudaSuccess)
        status = kernels::launchSplit(*wide, *narrow, *factor, 1, from.rows, from.cols, padded, parts, staging->stream());
    if (auto done = checkCuda(status, "copying to the card"); !done)
        return done.error();
    if (auto done = staging->synchronize("copying to the card"); !done)
        return done.error();
    return kernels::MapOperand{*narrow, from.rows, padded, *factor};
}

/// Row log-sum-exps, in pieces between which it can be stopped.
Result<void> computeLse(MapOnCard& map, const RunContext& context)
{
    auto lse = map.workspace.take<float>(map.rows());
    if (!lse)
        return lse.error();
    kernels::RowStatistics to;
    to.lse = *lse;
    Launch launch(map.workspace, context);
    const double flops = 2.0 * static_cast<double>(map.rows()) * static_cast<double>(map.cols()) * static_cast<double>(map.exact.q.width);
    const Index pieces = Launch::pieces(flops * map.parts, kMapRate);
    const Index step = ((map.rows() + pieces - 1) / pieces + kRowTile - 1) / kRowTile * kRowTile;
    for (Index row = 0; row < map.rows(); row += step) {
        if (auto go = launch.checkpoint(static_cast<double>(row) / static_cast<double>(map.rows())); !go)
            return go;
        const auto status = kernels::launchRowStatistics(map.exact, map.firstVisible, map.parts, to, row, std::min(map.rows(), row + step),
                                                         limitsOf(launch.device()), launch.stream());
        if (auto launched = checkCuda(status, "starting the row statistics"); !launched)
            return launched;
    }
    map.exact.lse = *lse;
    return map.workspace.synchronize("running the row statistics");
}

/// Part of a map on the card that is computed again for every block that is read.
class CudaMap final : public ScoreSource {
public:
    CudaMap(std::shared_ptr<const MapOnCard> first, std::shared_ptr<const MapOnCard> second, kernels::MapCell cell, Provenance provenance,
            CpuMap onCpu)
        : m_first(std::move(first)), m_second(std::move(second)), m_cell(cell), m_provenance(provenance), m_onCpu(std::move(onCpu))
    {
    }

    Index rows() const override { return m_first->rows(); }
    Index cols() const override { return m_first->cols(); }
    Provenance provenance() const override { return m_provenance; }
    KeyRange visible(Index row) const override { return {0, std::min(cols(), m_first->firstVisible + row)}; }
    bool isDifference() const { return m_second != nullptr; }
    const std::shared_ptr<const MapOnCard>& part() const { return m_first; }
    Result<SharedSource> cpu() const;

protected:
    Result<void> readCells(Index row0, Index col0, MatrixView<float> out, const RunContext& context) const override
    {
        return readBlock({row0, col0, out.rows, out.cols, 0}, Pool::Max, out, context);
    }
    Result<void> readPooled(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const override
    {
        return readBlock(block, pool, out, context);
    }

private:
    Result<void> readBlock(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const;
    Result<void> readOnCard(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const;
    kernels::MapProblem problem(const Block& block, Pool pool) const;
    double flopsPerRow(const Block& block) const;

    std::shared_ptr<const MapOnCard> m_first;  ///< of a difference: the exact one
    std::shared_ptr<const MapOnCard> m_second; ///< of a difference: the factored one
    kernels::MapCell m_cell;
    Provenance m_provenance;
    CpuMap m_onCpu;
    mutable std::mutex m_mutex;
    mutable SharedSource m_cpu;
};

Result<SharedSource> CudaMap::cpu() const
{
    const std::scoped_lock lock(m_mutex);
    if (!m_cpu) {
        auto made = m_onCpu();
        if (!made)
            return made;
        m_cpu = *made;
    }
    return m_cpu;
}

kernels::MapProblem CudaMap::problem(const Block& block, Pool pool) const
{
    kernels::MapProblem p;
    p.cell = m_cell;
    p.parts = m_first->parts;
    p.exact = m_first->exact;
    const MapOnCard& factored = m_second ? *m_second : *m_first;
    p.left = factored.left;
    p.right = factored.right;
    p.firstVisible = m_first->firstVisible;
    p.block = block;
    p.pool = pool;
    return p;
}

/// Of one row of output cells.
double CudaMap::flopsPerRow(const Block& block) const
{
    const Index width = (m_first->isExact ? m_first->exact.q.width : m_first->left.width) + (m_second ? m_second->left.width : 0);
    return 2.0 * m_first->parts * static_cast<double>(width) *
           std::min(static_cast<double>(cols()), std::ldexp(static_cast<double>(block.cols), block.level)) *
           std::min(static_cast<double>(rows()), std::ldexp(1.0, block.level));
}

Result<void> CudaMap::readOnCard(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    auto workspace = Workspace::make(m_first->workspace.device());
    if (!workspace)
        return workspace.error();
    auto cells = workspace->take<float>(block.rows * block.cols);
    auto scratch = workspace->take<float>(kernels::mapScratch(block, rows(), cols()));
    if (!cells || !scratch)
        return cells ? scratch.error() : cells.error();
    Launch launch(*workspace, context);
    const Index step = std::max<Index>(1, block.rows / Launch::pieces(flopsPerRow(block) * static_cast<double>(block.rows), kMapRate));
    for (Index row = 0; row < block.rows; row += step) {
        if (auto go = launch.checkpoint(static_cast<double>(row) / static_cast<double>(block.rows)); !go)
            return go;
        auto p = problem({block.row0 + row, block.col0, std::min(step, block.rows - row), block.cols, block.level}, pool);
        p.out = *cells + row * block.cols;
        p.scratch = *scratch;
        if (auto launched = checkCuda(kernels::launchMap(p, limitsOf(launch.device()), launch.stream()), "starting a map"); !launched)
            return launched;
    }
    const auto width = static_cast<std::size_t>(block.cols) * sizeof(float);
    const auto pitch = std::max(static_cast<std::size_t>(out.stride) * sizeof(float), width);
    if (auto copied = checkCuda(cudaMemcpy2DAsync(out.data, pitch, *cells, width, width, static_cast<std::size_t>(block.rows),
                                                  cudaMemcpyDeviceToHost, launch.stream()),
                                "copying from the card");
        !copied)
        return copied;
    return workspace->synchronize("running a map");
}

Result<void> CudaMap::readBlock(const Block& block, Pool pool, MatrixView<float> out, const RunContext& context) const
{
    if (kernels::fitsMap(problem(block, pool), limitsOf(m_first->workspace.device()))) {
        auto done = readOnCard(block, pool, out, context);
        if (done || (done.error().code != Errc::OutOfMemory && done.error().code != Errc::Device))
            return done;
        giveNotice(done.error().what + " This part of the map was computed on the CPU.");
    }
    const auto source = cpu();
    return source ? (*source)->read(block, pool, out, context) : source.error();
}

int partsOf(Dtype dtype) { return dtype == Dtype::F32 ? 2 : 1; }

} // namespace

Result<SharedSource> makeCudaSoftmaxMap(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype, CpuMap onCpu,
                                        const RunContext& context)
{
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    auto map = std::make_shared<MapOnCard>(MapOnCard{*std::move(workspace), partsOf(dtype)});
    map->isExact = true;
    map->firstVisible = inputs.causal ? 1 + inputs.k.rows() - inputs.q.rows() : inputs.k.rows();
    map->exact.scale = inputs.effectiveScale();
    for (const auto& [matrix, place] : {std::pair{inputs.qOf(head), &map->exact.q}, {inputs.kOf(head), &map->exact.k}}) {
        auto operand = uploadOperand(matrix, map->parts, map->workspace);
        if (!operand)
            return operand.error();
        *place = *operand;
    }
    kernels::MapProblem whole;
    whole.exact = map->exact;
    whole.parts = map->parts;
    if (!kernels::fitsMap(whole, limitsOf(device)))
        return onCpu();
    if (auto done = computeLse(*map, context); !done)
        return done.error();
    return SharedSource(std::make_shared<CudaMap>(std::move(map), nullptr, kernels::MapCell::Exact, Provenance::Exact, std::move(onCpu)));
}

Result<SharedSource> makeCudaFactoredMap(const CudaDevice& device, SharedSource source, Dtype dtype)
{
    const LowRankFactors* factors = factorsOf(*source);
    if (factors == nullptr)
        return source;
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    auto map = std::make_shared<MapOnCard>(MapOnCard{*std::move(workspace), partsOf(dtype)});
    map->firstVisible = factors->firstVisible;
    for (const auto& [matrix, place] : {std::pair{factors->left.matrix(), &map->left}, {factors->right.matrix(), &map->right}}) {
        auto operand = uploadOperand(matrix, map->parts, map->workspace);
        if (!operand)
            return operand.error();
        *place = *operand;
    }
    const Provenance provenance = source->provenance();
    return SharedSource(std::make_shared<CudaMap>(std::move(map), nullptr, kernels::MapCell::Factored, provenance,
                                                  [source = std::move(source)]() -> Result<SharedSource> { return source; }));
}

SharedSource makeCudaDifference(const SharedSource& a, const SharedSource& b, DifferenceMetric metric)
{
    const auto mapA = std::dynamic_pointer_cast<const CudaMap>(a);
    const auto mapB = std::dynamic_pointer_cast<const CudaMap>(b);
    if (!mapA || !mapB || mapA->isDifference() || mapB->isDifference() || mapA->part()->isExact == mapB->part()->isExact ||
        metric == DifferenceMetric::Relative || mapA->rows() != mapB->rows() || mapA->cols() != mapB->cols() ||
        mapA->part()->firstVisible != mapB->part()->firstVisible || mapA->part()->parts != mapB->part()->parts)
        return nullptr;
    const bool exactFirst = mapA->part()->isExact;
    const auto& exact = exactFirst ? mapA : mapB;
    const auto& factored = exactFirst ? mapB : mapA;
    auto cell = exactFirst ? kernels::MapCell::ExactMinusFactored : kernels::MapCell::FactoredMinusExact;
    if (metric == DifferenceMetric::Abs)
        cell = kernels::MapCell::AbsDifference;
    if (metric == DifferenceMetric::Squared)
        cell = kernels::MapCell::SquaredDifference;
    const auto onCpu = [mapA, mapB, metric]() -> Result<SharedSource> {
        const auto cpuA = mapA->cpu();
        const auto cpuB = mapB->cpu();
        if (!cpuA || !cpuB)
            return cpuA ? cpuB : cpuA;
        return makeDifference(*cpuA, *cpuB, metric);
    };
    return std::make_shared<CudaMap>(exact->part(), factored->part(), cell, std::max(a->provenance(), b->provenance()), onCpu);
}

} // namespace attnscope
