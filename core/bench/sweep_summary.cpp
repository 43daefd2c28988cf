// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/bench/sweep.h"

#include <algorithm>
#include <map>

namespace attnscope {

namespace {

struct Curve {
    std::size_t index = 0;
    std::string method;
    std::string backend;
    std::vector<CurvePoint> points;
};

/// One curve per method, in the order of SweepSpec::methods, of its ok samples.
std::vector<Curve> curvesOf(const std::vector<SweepSample>& samples)
{
    std::map<std::size_t, Curve> byIndex;
    for (const auto& sample : samples) {
        Curve& curve = byIndex[sample.index];
        curve.index = sample.index;
        curve.method = sample.method;
        curve.backend = sample.backend;
        if (sample.status == SweepStatus::Ok && sample.medianMs && *sample.medianMs > 0.0)
            curve.points.push_back({static_cast<double>(sample.n), *sample.medianMs, sample.q1Ms.value_or(*sample.medianMs),
                                    sample.q3Ms.value_or(*sample.medianMs)});
    }
    std::vector<Curve> curves;
    curves.reserve(byIndex.size());
    for (auto& [index, curve] : byIndex)
        curves.push_back(std::move(curve));
    return curves;
}

} // namespace

std::vector<SweepFit> fitsOf(const std::vector<SweepSample>& samples)
{
    std::vector<SweepFit> fits;
    for (const Curve& curve : curvesOf(samples))
        if (const auto fit = fitExponent(curve.points))
            fits.push_back({curve.index, curve.method, curve.backend, *fit});
    return fits;
}

std::vector<SweepCrossover> crossoversOf(const std::vector<SweepSample>& samples)
{
    const auto curves = curvesOf(samples);
    std::vector<SweepCrossover> found;
    for (std::size_t i = 0; i < curves.size(); ++i)
        for (std::size_t j = i + 1; j < curves.size(); ++j)
            found.push_back(
                {curves[i].method, curves[j].method, crossover(curves[i].points, curves[j].points), curves[i].backend, curves[j].backend});
    return found;
}

std::vector<Index> doublingLengths(Index first, Index last)
{
    std::vector<Index> lengths;
    for (Index n = std::max<Index>(1, first); n <= last; n *= 2)
        lengths.push_back(n);
    return lengths;
}

} // namespace attnscope
