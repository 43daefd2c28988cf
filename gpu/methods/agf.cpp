// SPDX-License-Identifier: GPL-3.0-or-later
// AGF on the GPU: Efficient Attention, whose softmaxed queries a polynomial multiplies; the CPU fits the coefficients where asked to.
#include "core/engine/graph_filter_fit.h"
#include "gpu/kernel_row.h"

#include <algorithm>

namespace attnscope::cuda_methods {

namespace {

/// T_l(x) = (a x + b) T_(l-1) - c T_(l-2) as rows [order + 1, 3].
std::vector<double> recurrenceOf(const FilterPolynomials& polynomials)
{
    const auto count = static_cast<std::size_t>(polynomials.order + 1);
    std::vector<double> rows(3 * count, 0.0);
    for (std::size_t l = 1; l < count; ++l)
        polynomials.step(static_cast<Index>(l), std::span(rows).subspan(3 * l, 3));
    return rows;
}

/// What AGF's entries are the sigmoid of; uploads them where they are loaded.
Result<void> addEntries(const DeviceInputs& in, const Params& params, kernels::CardMap& map, Workspace& workspace)
{
    const std::string& name = params.text("sigma");
    map.sigma = name == "q" ? 1 : name == "abs-q" ? 2 : name == "qk" ? 3 : name == "loaded" ? 4 : 0;
    if (map.sigma != 4)
        return {};
    const Tensor& file = *params.tensor("sigma-file");
    std::vector<float> all;
    for (Index h = 0; h < in.shape.batch * in.shape.heads; ++h) {
        const auto part = file.matrix({0, file.heads() == 1 ? 0 : h % in.shape.heads});
        for (Index i = 0; i < part.rows; ++i)
            all.insert(all.end(), part.row(i), part.row(i) + part.cols);
    }
    const auto entries = workspace.upload(std::span<const float>(all));
    if (!entries)
        return entries.error();
    map.entries = *entries;
    return {};
}

Result<void> addFilter(const DeviceInputs& in, const Params& params, const FilterPolynomials& polynomials, kernels::CardMap& map,
                       Workspace& workspace)
{
    std::vector<double> all;
    for (Index h = 0; h < in.shape.batch * in.shape.heads; ++h) {
        const HeadRef head{h / in.shape.heads, h % in.shape.heads};
        const auto entries = FilterEntries::from(*in.host, head, params); // which says what doesn't fit
        if (!entries)
            return entries.error();
        const auto theta = params.text("theta") == "lsq" ? fitCoefficients(*in.host, head, polynomials, *entries, *in.context)
                                                         : givenCoefficients(*in.host, head, params, polynomials.order);
        if (!theta)
            return theta.error();
        all.insert(all.end(), theta->begin(), theta->end());
    }
    const auto rows = recurrenceOf(polynomials);
    const auto theta = workspace.upload(std::span<const double>(all));
    const auto recurrence = workspace.upload(std::span<const double>(rows));
    if (!theta || !recurrence)
        return theta ? recurrence.error() : theta.error();
    map.isFiltered = true;
    map.filterOrder = static_cast<int>(polynomials.order);
    map.theta = *theta;
    map.recurrence = *recurrence;
    return addEntries(in, params, map, workspace);
}

Result<CudaRun> prepareAgf(const DeviceInputs& in, const Params& params, Workspace& workspace)
{
    const auto polynomials = FilterPolynomials::from(params);
    if (!polynomials)
        return polynomials.error();
    kernels::CardMap map;
    map.kind = kernels::MapKind::Softmaxes;
    map.features = map.count = in.shape.dim;
    if (params.text("theta") != "init") // else the filter is 1
        if (auto added = addFilter(in, params, *polynomials, map, workspace); !added)
            return added.error();
    return prepareKernelRow(in, map, workspace);
}

} // namespace

CudaMethod agf() { return {"agf", supportsKernelRow, prepareAgf}; }

} // namespace attnscope::cuda_methods
