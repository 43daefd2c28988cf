// SPDX-License-Identifier: GPL-3.0-or-later
#include "gpu/cuda_rows.h"

#include "gpu/map_operands.h"

namespace attnscope {

namespace {

static_assert(kernels::kTopKeys == kTopWeights);

Result<kernels::RowStatistics> roomFor(Index rows, Workspace& workspace)
{
    kernels::RowStatistics to;
    for (auto [place, columns] : {std::pair{&to.lse, 1}, {&to.entropy, 1}, {&to.sumSquares, 1}, {&to.topWeights, kernels::kTopKeys}}) {
        auto data = workspace.take<float>(rows * columns);
        if (!data)
            return data.error();
        *place = *data;
    }
    auto keys = workspace.take<int>(rows * kernels::kTopKeys);
    if (!keys)
        return keys.error();
    to.topKeys = *keys;
    return to;
}

template <class T>
Result<void> copyBack(const T* from, std::vector<T>& to, const Workspace& workspace)
{
    return checkCuda(cudaMemcpyAsync(to.data(), from, to.size() * sizeof(T), cudaMemcpyDeviceToHost, workspace.stream()),
                     "copying from the card");
}

Result<RowStatistics> download(const kernels::RowStatistics& from, Index rows, const Workspace& workspace)
{
    RowStatistics statistics(rows);
    for (const auto& copied :
         {copyBack(from.lse, statistics.lse, workspace), copyBack(from.entropy, statistics.entropy, workspace),
          copyBack(from.sumSquares, statistics.sumSquares, workspace), copyBack(from.topWeights, statistics.topWeights, workspace),
          copyBack(from.topKeys, statistics.topKeys, workspace)})
        if (!copied)
            return copied.error();
    if (auto done = workspace.synchronize("running the row statistics"); !done)
        return done.error();
    return statistics;
}

} // namespace

Result<RowStatistics> computeCudaRowStatistics(const CudaDevice& device, const Inputs& inputs, HeadRef head, Dtype dtype,
                                               const RunContext& context)
{
    auto workspace = Workspace::make(device);
    if (!workspace)
        return workspace.error();
    const int parts = partsOf(dtype);
    const auto exact = uploadExactTerm(inputs, head, parts, *workspace);
    if (!exact)
        return exact.error();
    kernels::MapProblem whole;
    whole.exact = *exact;
    whole.parts = parts;
    if (!kernels::fitsMap(whole, limitsOf(device)))
        return Error{Errc::Unsupported, "The CUDA kernel of the row statistics takes no rows that wide.", "Run it on the CPU."};
    const auto to = roomFor(inputs.q.rows(), *workspace);
    if (!to)
        return to.error();
    if (auto ran = runRowStatistics(*exact, firstVisibleKeys(inputs), parts, *to, *workspace, context); !ran)
        return ran.error();
    return download(*to, inputs.q.rows(), *workspace);
}

} // namespace attnscope
