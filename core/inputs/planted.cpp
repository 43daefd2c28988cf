// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/planted.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

namespace attnscope {

namespace {

constexpr Index mostLength = 2048;
constexpr Index valueDim = 16;

float hadamard(Index row, Index col) { return std::popcount(static_cast<std::uint64_t>(row & col)) % 2 == 0 ? 1.0F : -1.0F; }

/// The logit that gives one of `visible` keys the mass p while all others have logit 0.
double logitFor(double mass, Index visible) { return std::log(mass * static_cast<double>(visible - 1) / (1.0 - mass)); }

} // namespace

PlantedTarget plantedTarget(PlantedPattern pattern, Index i, Index length)
{
    switch (pattern) {
    case PlantedPattern::PreviousToken:
        return i > 0 ? PlantedTarget{i - 1, 0.9} : PlantedTarget{};
    case PlantedPattern::Sink:
        return i > 0 ? PlantedTarget{0, 0.8} : PlantedTarget{};
    case PlantedPattern::LongRangePair:
        return i > 0 && i == length * 7 / 8 ? PlantedTarget{length / 8, 0.7} : PlantedTarget{};
    case PlantedPattern::Induction:
        break;
    }
    const Index period = length / 2;
    return period > 0 && i >= period && i > 1 ? PlantedTarget{i - period + 1, 0.85} : PlantedTarget{};
}

double plantedWeight(PlantedPattern pattern, Index i, Index j, Index length)
{
    if (j > i)
        return 0.0;
    const auto target = plantedTarget(pattern, i, length);
    if (target.mass == 0.0)
        return 1.0 / static_cast<double>(i + 1);
    return j == target.key ? target.mass : (1.0 - target.mass) / static_cast<double>(i);
}

std::vector<std::string> plantedTokens(Index length)
{
    static const char* const onsets[] = {"b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "sh", "ch"};
    static const char* const vowels[] = {"a", "e", "i", "o", "u"};
    const Index period = std::max<Index>(1, length / 2);
    std::vector<std::string> tokens;
    for (Index i = 0; i < length; ++i) {
        std::string word;
        for (Index rest = i % period, syllable = 0; syllable < 2 || rest > 0; ++syllable, rest /= 80)
            word += std::string(onsets[rest % 80 / 5]) + vowels[rest % 5];
        tokens.push_back(std::move(word));
    }
    return tokens;
}

Result<std::shared_ptr<const LayerInputs>> makePlanted(Index length, Index heads)
{
    if (length > mostLength)
        return Error{Errc::InvalidParam, "Planted patterns reach no further than 2048 tokens.", "Choose a length of at most 2048."};
    const auto dim = static_cast<Index>(std::bit_ceil(static_cast<std::uint64_t>(length)));
    auto layer = std::make_shared<LayerInputs>();
    layer->q = Tensor(1, heads, length, dim);
    layer->k = Tensor(1, 1, length, dim);
    layer->v = Tensor(1, 1, length, valueDim);
    layer->causal = true;
    layer->scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(dim)));
    for (Index j = 0; j < length; ++j) {
        for (Index c = 0; c < dim; ++c)
            layer->k.matrix()(j, c) = hadamard(j, c);
        for (Index c = 0; c < valueDim; ++c)
            layer->v.matrix()(j, c) = static_cast<float>(
                std::cos(std::numbers::pi * (static_cast<double>(j) + 0.5) * static_cast<double>(c) / static_cast<double>(length)));
    }
    for (Index h = 0; h < heads; ++h)
        for (Index i = 0; i < length; ++i) {
            const auto target = plantedTarget(plantedPattern(h), i, length);
            const double logit = target.mass > 0.0 ? logitFor(target.mass, i + 1) : 0.0;
            const auto x = static_cast<float>(logit / std::sqrt(static_cast<double>(dim)));
            for (Index c = 0; c < dim; ++c)
                layer->q.matrix({0, h})(i, c) = x * hadamard(target.key, c);
        }
    return std::shared_ptr<const LayerInputs>(std::move(layer));
}

} // namespace attnscope
