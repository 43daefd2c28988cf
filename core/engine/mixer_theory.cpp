// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_theory.h"

#include "core/engine/mixer_definition.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <numbers>
#include <numeric>
#include <sstream>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kMostKeys = 512;
constexpr Index kRecalled = 64; // keys that are asked for, of each set

/// Recalls keys after all of them have been written: the square of what comes back of the key asked for, over that of all others.
double signalToNoise(const std::vector<std::vector<double>>& keys, std::optional<double> deltaStrength)
{
    const auto count = static_cast<Index>(keys.size());
    double signal = 0.0;
    double noise = 0.0;
    for (Index j = 0; j < count; j += std::max<Index>(1, count / kRecalled)) {
        std::vector<double> x = keys[static_cast<std::size_t>(j)];
        for (Index l = count - 1; l >= 0; --l) {
            const auto& key = keys[static_cast<std::size_t>(l)];
            const double weight = deltaStrength.value_or(1.0) * std::inner_product(x.begin(), x.end(), key.begin(), 0.0);
            (l == j ? signal : noise) += weight * weight;
            for (std::size_t c = 0; deltaStrength && c < x.size(); ++c)
                x[c] -= weight * key[c];
        }
    }
    return noise > 0.0 ? std::sqrt(signal / noise) : 0.0;
}

} // namespace

TheoryCurve halfLifeCurve(double logDecay, Index tokens, const std::string& source)
{
    TheoryCurve curve{.title = "Half-life",
                      .source = source,
                      .quantity = "share of a token's weight that is left after so many tokens",
                      .axis = "distance",
                      .kind = TheoryKind::Prediction};
    for (double d = 1.0; d < static_cast<double>(tokens); d = std::ceil(d * 1.25)) {
        curve.x.push_back(d);
        curve.predicted.push_back(std::exp(logDecay * d));
    }
    if (curve.x.empty()) {
        curve.x.push_back(0.0);
        curve.predicted.push_back(1.0);
    }
    std::ostringstream halfLife;
    halfLife << std::setprecision(3) << -std::numbers::ln2 / logDecay;
    curve.caption = logDecay < 0.0 ? "What a token left in the state halves every " + halfLife.str() +
                                         " tokens whatever the queries ask for, so nothing much farther away can survive."
                                   : "Nothing decays: the state keeps the sum of all tokens.";
    return curve;
}

Result<TheoryCurve> capacityCurve(const Inputs& in, HeadRef head, std::optional<double> deltaStrength, const RunContext& context)
{
    const auto k = in.kOf(head);
    TheoryCurve curve{.title = "Capacity line of associative recall",
                      .source = "variance of the inner product of random unit vectors; Arora et al. 2024, Zoology, arXiv:2312.04927",
                      .quantity = "signal to noise of recalling one of so many keys",
                      .axis = "keys",
                      .kind = TheoryKind::Prediction};
    const Index most = std::min({k.rows, kMostKeys, 8 * k.cols});
    for (Index m = 2; m <= most; m *= 2) {
        std::vector<std::vector<double>> keys;
        for (Index j = 0; j < m; ++j)
            keys.push_back(definedUnit(k.rowSpan(j * k.rows / m)));
        if (context.cancelled())
            return cancelledError();
        curve.x.push_back(static_cast<double>(m));
        curve.predicted.push_back(std::sqrt(static_cast<double>(k.cols) / static_cast<double>(m - 1)));
        curve.measured.push_back(signalToNoise(keys, deltaStrength));
    }
    curve.caption = "Predicted: sqrt(d / (m - 1)), linear attention that has written m random keys without decay; below 1 the noise wins. "
                    "Measured: keys of this head by " +
                    std::string(deltaStrength ? "the delta rule, which does better while fewer than d keys are live and, written with full "
                                                "strength, worse beyond, as later keys overwrite earlier ones."
                                              : "the same rule; keys that resemble each other fall below the line.");
    return curve;
}

} // namespace attnscope
