// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/decay_envelope.h"

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr Index kSamples = 64;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

double quantile(std::vector<double>& values, double share)
{
    const auto place = values.begin() + std::lround(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return *place;
}

/// G [channel][token] of channels spread evenly over all.
std::vector<std::vector<double>> sums(Index tokens, Index channels, const std::function<double(Index, Index)>& logDecay)
{
    std::vector<std::vector<double>> made(at(std::min(channels, kSamples)), std::vector<double>(at(tokens)));
    for (std::size_t c = 0; c < made.size(); ++c) {
        double sum = 0.0;
        for (Index t = 0; t < tokens; ++t)
            made[c][at(t)] = sum += logDecay(t, static_cast<Index>(c) * channels / static_cast<Index>(made.size()));
    }
    return made;
}

} // namespace

std::vector<double> theoryDistances(Index tokens)
{
    std::vector<double> distances;
    for (double d = 1.0; d < static_cast<double>(tokens); d = std::ceil(d * 1.25))
        distances.push_back(d);
    if (distances.empty())
        distances.push_back(0.0);
    return distances;
}

std::vector<TheoryCurve> decayEnvelope(Index tokens, Index channels, const std::function<double(Index, Index)>& logDecay,
                                       const std::string& source)
{
    struct Part {
        const char* title;
        double share;
        const char* caption;
    };
    constexpr Part kParts[] = {{"Half-life: median", 0.5, "Half of all channels keep more of a token after that distance, half keep less."},
                               {"Half-life: 95 %", 0.95, "One channel in twenty keeps more than this: the longest memories there are."},
                               {"Half-life: 5 %", 0.05, "One channel in twenty keeps less than this: the shortest memories there are."}};
    const auto cumulative = sums(tokens, channels, logDecay);
    std::vector<TheoryCurve> curves;
    for (const Part& part : kParts)
        curves.push_back({.title = part.title,
                          .source = source,
                          .quantity = "share of a token's weight that is left after so many tokens",
                          .axis = "distance",
                          .kind = TheoryKind::Prediction,
                          .x = theoryDistances(tokens),
                          .caption = part.caption});
    for (const double distance : theoryDistances(tokens)) {
        const auto d = static_cast<Index>(distance);
        const Index places = tokens - d;
        const Index samples = std::min(places, kSamples);
        std::vector<double> left;
        for (const auto& channel : cumulative)
            for (Index s = 0; s < samples; ++s) {
                const Index from = s * places / samples;
                left.push_back(std::exp(channel[at(from + d)] - channel[at(from)]));
            }
        for (std::size_t p = 0; p < curves.size(); ++p)
            curves[p].predicted.push_back(quantile(left, kParts[p].share));
    }
    return curves;
}

} // namespace attnscope
