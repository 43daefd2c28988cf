// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/hedgehog_fit.h"

#include "core/base/random.h"
#include "core/engine/fit_cache.h"
#include "core/io/content_hash.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <sstream>
#include <utility>

namespace attnscope {

namespace {

constexpr double kOutputFactor = 1000.0; // LoLCATs' weight of the outputs' mean squared difference
constexpr Index kMostTrained = 256;
constexpr Index kMostHeldOut = 64;
constexpr Index kMostCells = Index{1} << 22U; // of rows trained on: bounds a step's time and memory whatever the length
constexpr Index kReportEvery = 5;
constexpr std::size_t kFitsKept = 256;

Index trainedRows(Index queries, Index keys)
{
    const Index heldOut = std::min(kMostHeldOut, queries / 5);
    return std::clamp<Index>(std::min(kMostTrained, kMostCells / keys), 1, queries - heldOut);
}

Tensor identity(Index dim)
{
    Tensor w(1, 1, dim, dim);
    std::fill(w.values().begin(), w.values().end(), 0.0F);
    for (Index f = 0; f < dim; ++f)
        w.matrix()(f, f) = 1.0F;
    return w;
}

/// Kingma and Ba, Adam, ICLR 2015, arXiv:1412.6980, algorithm 1.
class Adam {
public:
    Adam(Index size, double rate) : m_rate(rate), m_mean(static_cast<std::size_t>(size), 0.0), m_square(m_mean) {}

    void step(std::span<const float> gradient, std::span<float> weights)
    {
        ++m_steps;
        const double meanBias = 1.0 - std::pow(kMeanDecay, m_steps);
        const double squareBias = 1.0 - std::pow(kSquareDecay, m_steps);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const auto g = static_cast<double>(gradient[i]);
            m_mean[i] = kMeanDecay * m_mean[i] + (1.0 - kMeanDecay) * g;
            m_square[i] = kSquareDecay * m_square[i] + (1.0 - kSquareDecay) * g * g;
            const double move = m_rate * (m_mean[i] / meanBias) / (std::sqrt(m_square[i] / squareBias) + 1e-8);
            weights[i] = static_cast<float>(static_cast<double>(weights[i]) - move);
        }
    }

private:
    static constexpr double kMeanDecay = 0.9;
    static constexpr double kSquareDecay = 0.999;
    double m_rate;
    int m_steps = 0;
    std::vector<double> m_mean;
    std::vector<double> m_square;
};

std::string keyOf(const Inputs& in, HeadRef head, const HedgehogFitSettings& s)
{
    std::ostringstream text;
    text.precision(17);
    text << static_cast<int>(s.objective.kind) << ' ' << s.objective.xent << ' ' << s.objective.mse << ' ' << s.steps << ' ' << s.rate
         << ' ' << s.seed << ' ' << in.causal << ' ' << in.effectiveScale();
    std::array<MatrixView<const float>, 3> arrays{in.qOf(head), in.kOf(head), in.vOf(head)};
    return contentHash(std::span<const MatrixView<const float>>(arrays).first(s.objective.mse > 0.0 ? 3 : 2), text.str());
}

} // namespace

HedgehogRows drawHedgehogRows(Index queries, Index keys, std::uint64_t seed)
{
    std::vector<Index> order(static_cast<std::size_t>(queries));
    std::iota(order.begin(), order.end(), Index{0});
    Random random(seed, 31);
    for (std::size_t i = order.size(); i > 1; --i)
        std::swap(order[i - 1], order[static_cast<std::size_t>(random.next() % i)]);
    const Index train = trainedRows(queries, keys);
    const Index heldOut = std::min({kMostHeldOut, queries / 5, std::max<Index>(1, train / 4), queries - train});
    HedgehogRows rows{{order.begin(), order.begin() + train}, {order.begin() + train, order.begin() + train + heldOut}};
    std::sort(rows.train.begin(), rows.train.end());
    std::sort(rows.heldOut.begin(), rows.heldOut.end());
    return rows;
}

HedgehogFitSettings HedgehogFitSettings::from(const Params& params)
{
    const std::string& loss = params.text("loss");
    return {{hedgehogKindOf(params.text("map")), loss == "mse" ? 0.0 : 1.0, loss == "xent" ? 0.0 : kOutputFactor},
            params.integer("steps"),
            params.number("rate"),
            params.seed};
}

Result<HedgehogFit> fitHedgehog(const Inputs& in, HeadRef head, const HedgehogFitSettings& settings, const RunContext& context)
{
    auto rows = drawHedgehogRows(in.q.rows(), in.k.rows(), settings.seed);
    HedgehogFit fit;
    fit.trainRows = static_cast<Index>(rows.train.size());
    fit.heldOutRows = static_cast<Index>(rows.heldOut.size());
    const HedgehogLoss train(in, head, settings.objective, std::move(rows.train), context);
    const HedgehogLoss heldOut(in, head, settings.objective, std::move(rows.heldOut), context);
    if (!train.ready() || (fit.heldOutRows > 0 && !heldOut.ready()))
        return cancelledError();
    fit.trainEntropy = train.entropy();
    fit.heldOutEntropy = fit.heldOutRows > 0 ? heldOut.entropy() : 0.0;
    auto wq = std::make_shared<Tensor>(identity(in.q.cols()));
    auto wk = std::make_shared<Tensor>(identity(in.q.cols()));
    Adam adamQ(wq->size(), settings.rate);
    Adam adamK(wk->size(), settings.rate);
    HedgehogLoss::Gradient gradient;
    for (Index step = 0; step <= settings.steps; ++step) {
        const bool last = step == settings.steps;
        const auto loss = train.evaluate(*wq, *wk, last ? nullptr : &gradient, context);
        if (!loss)
            return cancelledError();
        if (last || step % kReportEvery == 0) {
            fit.steps.push_back(static_cast<double>(step));
            fit.train.push_back(loss->xent);
            const auto other = fit.heldOutRows > 0 ? heldOut.evaluate(*wq, *wk, nullptr, context) : HedgehogLoss::Value{};
            if (!other)
                return cancelledError();
            if (fit.heldOutRows > 0)
                fit.heldOut.push_back(other->xent);
        }
        if (last)
            break;
        adamQ.step(gradient.q.values(), wq->values());
        adamK.step(gradient.k.values(), wk->values());
        context.report(static_cast<double>(step + 1) / static_cast<double>(settings.steps));
    }
    fit.weights = {std::move(wq), std::move(wk)};
    return fit;
}

Result<std::shared_ptr<const HedgehogFit>> cachedHedgehogFit(const Inputs& in, HeadRef head, const HedgehogFitSettings& settings,
                                                             const RunContext& context)
{
    static FitCache<HedgehogFit> cache(kFitsKept);
    return cache.get(keyOf(in, head, settings), context, [&] { return fitHedgehog(in, head, settings, context); });
}

double hedgehogFitFlops(const Shape& s, Index steps)
{
    const auto cells = static_cast<double>(trainedRows(s.queries, s.keys)) * static_cast<double>(s.keys);
    const auto dim = static_cast<double>(s.dim);
    return static_cast<double>(steps) * (12.0 * cells * dim + 4.0 * static_cast<double>(s.keys) * dim * dim);
}

double hedgehogFitBytes(const Shape& s)
{
    const auto cells = static_cast<double>(trainedRows(s.queries, s.keys) + kMostHeldOut) * static_cast<double>(s.keys);
    return 8.0 * cells + 24.0 * static_cast<double>((s.keys + kMostTrained) * s.dim);
}

} // namespace attnscope
