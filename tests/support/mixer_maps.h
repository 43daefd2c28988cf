// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs with gates, and maps of recurrent methods, for tests.
#pragma once

#include "support/maps.h"
#include "support/random_inputs.h"

#include <map>
#include <string>

namespace attnscope::tests {

/// Owns what its inputs() borrow: keep it alive.
struct GatedInputs {
    RandomInputs data;
    std::map<std::string, Tensor> arrays;

    GatedInputs(const Shape& shape, std::uint64_t seed, float deviation = 1.0F, Index kvHeads = 0)
        : data(randomInputs(shape, seed, deviation, kvHeads))
    {
    }

    /// An array of every query head and token, uniform between the bounds.
    void draw(const std::string& name, Index width, double least, double most)
    {
        std::mt19937_64 random(arrays.size() + 91);
        std::uniform_real_distribution<double> uniform(least, most);
        Tensor made(data.q.batch(), data.q.heads(), data.k.rows(), width);
        for (float& x : made.values())
            x = static_cast<float>(uniform(random));
        arrays.insert_or_assign(name, std::move(made));
    }
    void fill(const std::string& name, Index width, float value)
    {
        draw(name, width, 0.0, 1.0);
        std::fill(arrays.at(name).values().begin(), arrays.at(name).values().end(), value);
    }
    Inputs inputs() const
    {
        Inputs in = data.inputs(true);
        for (const auto& [name, array] : arrays)
            in.arrays[name] = array.view();
        return in;
    }
};

/// scale q_i . k_j for j <= i + M - N, the map of linear attention.
inline Matrix64 linearMap(const Inputs& in, HeadRef head, double scale)
{
    Matrix64 map(in.q.rows(), in.k.rows());
    for (Index i = 0; i < map.rows; ++i)
        for (Index j = 0; j <= i + map.cols - map.rows; ++j)
            for (Index c = 0; c < in.q.cols(); ++c)
                map(i, j) += scale * static_cast<double>(in.qOf(head)(i, c)) * static_cast<double>(in.kOf(head)(j, c));
    return map;
}

/// max |map - truth| / max |truth|.
inline double relativeDifference(const Tensor& map, const Matrix64& truth)
{
    double size = 0.0;
    for (const double x : truth.values)
        size = std::max(size, std::fabs(x));
    return maxDifference(map, truth) / size;
}

} // namespace attnscope::tests
