// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_map.h"

#include "core/backend.h"
#include "core/scores/low_rank_source.h"
#include "gpu/map_operands.h"

#include <algorithm>
#include <cmath>
#include <mutex>

namespace attnscope {

namespace {

constexpr double kMapRate = 1e14; // FLOP/s that the map kernels reach at least

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

Result<void> computeLse(MapOnCard& map, const RunContext& context)
{
    auto lse = map.workspace.take<float>(map.rows());
    if (!lse)
        return lse.error();
    kernels::RowStatistics to;
    to.lse = *lse;
    if (auto done = runRowStatistics(map.exact, map.firstVisible, map.parts, to, map.workspace, context); !done)
        return done;
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

} // namespace

bool isCudaMap(const ScoreSource& map) { return dynamic_cast<const CudaMap*>(&map) != nullptr; }

Result<SharedSource> makeCudaSoftmaxMap(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype, CpuMap onCpu,
                                        const RunContext& context)
{
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    auto map = std::make_shared<MapOnCard>(MapOnCard{*std::move(workspace), partsOf(dtype)});
    map->isExact = true;
    map->firstVisible = firstVisibleKeys(inputs);
    auto exact = uploadExactTerm(inputs, head, map->parts, map->workspace);
    if (!exact)
        return exact.error();
    map->exact = *exact;
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
        mapA->part()->firstVisible != mapB->part()->firstVisible || mapA->part()->parts != mapB->part()->parts ||
        mapA->part()->workspace.device().index != mapB->part()->workspace.device().index)
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
