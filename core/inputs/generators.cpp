// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/generators.h"

#include "core/base/random.h"
#include "core/inputs/planted.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace attnscope {

namespace {

constexpr Index mostElements = Index{1} << 30;

void addNoise(std::span<float> values, Random& random, double deviation)
{
    for (float& x : values)
        x += static_cast<float>(deviation * random.normal());
}

/// One head of q and k, zero before.
using FillHead = std::function<void(MatrixView<float> q, MatrixView<float> k, Random& random)>;

void fillIid(MatrixView<float> q, MatrixView<float> k, Random& random, double deviation)
{
    addNoise({q.data, static_cast<std::size_t>(q.rows * q.cols)}, random, deviation);
    addNoise({k.data, static_cast<std::size_t>(k.rows * k.cols)}, random, deviation);
}

/// base_tf = sqrt2 cos(2 pi f_f t / n + phase_f), f_f ~ U(1, 40), shared by q and k, each + 0.3 N(0, 1).
void fillSmooth(MatrixView<float> q, MatrixView<float> k, Random& random)
{
    constexpr double turn = 2.0 * std::numbers::pi;
    for (Index f = 0; f < q.cols; ++f) {
        const double frequency = 1.0 + 39.0 * random.uniform();
        const double phase = turn * random.uniform();
        for (Index t = 0; t < q.rows; ++t) {
            const double angle = turn * frequency * static_cast<double>(t) / static_cast<double>(q.rows) + phase;
            q(t, f) = k(t, f) = static_cast<float>(std::numbers::sqrt2 * std::cos(angle));
        }
    }
    fillIid(q, k, random, 0.3);
}

/// 16 centres 1.3 N(0, I), each token a random centre (the same for its q and k), each + 0.3 N(0, 1).
void fillClusters(MatrixView<float> q, MatrixView<float> k, Random& random)
{
    constexpr Index count = 16;
    std::vector<float> centres(static_cast<std::size_t>(count * q.cols), 0.0F);
    addNoise(centres, random, 1.3);
    for (Index t = 0; t < q.rows; ++t) {
        const auto which = static_cast<Index>(random.uniform() * count);
        std::copy_n(centres.begin() + which * q.cols, q.cols, q.row(t));
        std::copy_n(centres.begin() + which * q.cols, q.cols, k.row(t));
    }
    fillIid(q, k, random, 0.3);
}

std::shared_ptr<LayerInputs> generate(const GeneratorChoice& choice, const FillHead& fill)
{
    auto layer = std::make_shared<LayerInputs>();
    layer->causal = choice.causal;
    for (Tensor* tensor : {&layer->q, &layer->k, &layer->v}) {
        *tensor = Tensor(1, choice.heads, choice.length, choice.dim);
        std::fill(tensor->values().begin(), tensor->values().end(), 0.0F);
    }
    for (Index h = 0; h < choice.heads; ++h) {
        Random random(choice.seed, static_cast<std::uint64_t>(h));
        fill(layer->q.matrix({0, h}), layer->k.matrix({0, h}), random);
        const auto v = layer->v.matrix({0, h});
        addNoise({v.data, static_cast<std::size_t>(v.rows * v.cols)}, random, 1.0);
    }
    return layer;
}

} // namespace

const std::vector<GeneratorInfo>& generators()
{
    static const std::vector<GeneratorInfo> all{
        {"s1", "Independent normal", "q, k and v are independent N(0, 1): attention has no structure."},
        {"s2", "Independent normal, halved", "As s1 with q and k times 0.5: attention is nearly uniform."},
        {"s3", "Smooth in position", "q and k share smooth waves along the sequence: attention is local and sharp."},
        {"s4", "Clusters", "Each token belongs to one of 16 clusters: attention goes to the cluster's members."},
        {"planted", "Planted patterns", "Four heads whose exact maps are known: previous token, sink, one long-range pair, induction."}};
    return all;
}

Result<std::shared_ptr<const LayerInputs>> generateInputs(const GeneratorChoice& choice)
{
    if (choice.length < 1 || choice.dim < 1 || choice.heads < 1 || choice.length > mostElements / choice.dim / choice.heads)
        return Error{Errc::InvalidParam, "Inputs of this size can't be generated.",
                     "Use lengths, widths and heads of at least 1 and sensible size."};
    if (choice.id == "planted")
        return makePlanted(choice.length, choice.heads);
    const auto& id = choice.id;
    FillHead fill;
    if (id == "s1" || id == "s2")
        fill = [deviation = id == "s1" ? 1.0 : 0.5](auto q, auto k, Random& random) { fillIid(q, k, random, deviation); };
    else if (id == "s3")
        fill = fillSmooth;
    else if (id == "s4")
        fill = fillClusters;
    else
        return Error{Errc::InvalidParam, "There is no generator \"" + id + "\".", "Use s1, s2, s3, s4 or planted."};
    return std::shared_ptr<const LayerInputs>(generate(choice, fill));
}

} // namespace attnscope
