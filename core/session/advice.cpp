// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/session/advice.h"

#include "core/method/registry.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <optional>
#include <sstream>

namespace attnscope {

namespace {

// Rules of thumb: what they say is shown beside what was measured.
constexpr double kLocal = 0.8;        // of the weight near the query
constexpr double kFlatLogits = 2.0;   // times sqrt(ln n)
constexpr double kLowRank = 1.0 / 64; // stable rank over keys
constexpr double kPeaked = 0.5;       // of the flat entropy
constexpr double kCoversAll = 1e-5;   // a map so close has left nothing out: the input is too short for the method to save anything

std::string number(double x, int digits = 2)
{
    std::ostringstream text;
    text << std::setprecision(digits) << x;
    return text.str();
}

std::string percent(double share) { return std::to_string(std::lround(100.0 * share)) + " %"; }

void addFindings(Advice& advice)
{
    const InputProfile& p = advice.profile;
    const auto favour = [&advice](const char* family) {
        if (std::find(advice.favoured.begin(), advice.favoured.end(), family) == advice.favoured.end())
            advice.favoured.emplace_back(family);
    };
    const bool local = p.nearWeight + p.firstWeight > kLocal && p.keys > 4 * kNearKeys;
    advice.findings.push_back(percent(p.nearWeight) + " of the weight lies within " + std::to_string(kNearKeys) + " tokens and " +
                              percent(p.firstWeight) + " on the first token" +
                              (local ? ": windows with a global first token keep it." : ": a window alone would lose the rest."));
    if (local)
        favour("sparse");
    const bool flat = p.largestLogit < kFlatLogits * p.logitScale;
    advice.findings.push_back("The largest logit is " + number(p.largestLogit, 3) + " against sqrt(ln n) = " + number(p.logitScale, 3) +
                              (flat ? ": flat enough for polynomial and random-feature kernels."
                                    : ": too large for kernels whose variance or remainder grows with exp of the logits."));
    if (flat)
        favour("kernel");
    const bool lowRank = p.stableRank < std::max(2.0, kLowRank * static_cast<double>(p.keys));
    advice.findings.push_back("The stable rank is " + number(p.stableRank, 3) + " of " + std::to_string(p.keys) +
                              (lowRank ? ": landmarks and low-rank maps have a chance." : ": no map of small rank comes close."));
    if (lowRank && !local)
        favour("landmark");
    const bool peaked = p.entropy < kPeaked * p.flatEntropy;
    advice.findings.push_back("A row spreads over about " + number(std::exp(p.entropy), 3) + " keys (entropy " + number(p.entropy, 3) +
                              " of " + number(p.flatEntropy, 3) + " nats)" +
                              (peaked ? ": few keys carry it, wherever they are." : ": many keys carry it."));
    if (peaked && !local)
        favour("sparse");
}

/// The first tokens of a head, as views.
Inputs firstTokens(Inputs in, Index tokens)
{
    const Index dropped = in.k.rows() - std::min(in.k.rows(), tokens);
    in.k.shape[2] -= dropped;
    in.v.shape[2] -= dropped;
    in.q.shape[2] = std::max<Index>(1, in.q.shape[2] - dropped);
    for (auto& [name, array] : in.arrays)
        if (array.shape[2] > 1)
            array.shape[2] -= dropped;
    return in;
}

std::optional<AdviceLine> measureMethod(const AttentionMethod& method, const HeadResult& exact, const Inputs& inputs,
                                        const RunContext& context)
{
    const auto& info = method.info();
    const auto comparison = compareWith(exact, method, inputs, defaultParams(info.params), context);
    if (!comparison)
        return std::nullopt;
    const auto metrics = measure(*comparison, context);
    if (!metrics)
        return std::nullopt;
    return AdviceLine{info.id,
                      info.family,
                      metrics->map.relFrobenius,
                      metrics->output.relFrobenius,
                      metrics->map.totalVariation,
                      comparison->change.label()};
}

bool isCandidate(const MethodInfo& info)
{
    return !info.exact && !info.mapIsQuadratic && (info.family == "kernel" || info.family == "landmark" || info.family == "sparse");
}

} // namespace

std::string Advice::summary() const
{
    std::string text;
    for (const auto& family : favoured)
        text += (text.empty() ? "Favours " : " and ") + family + " methods";
    if (text.empty())
        text = "Favours no family: keep exact attention unless an error below is small enough";
    std::vector<std::string> named;
    for (const AdviceLine& line : lines) {
        if (line.mapRelFrobenius < kCoversAll || std::find(named.begin(), named.end(), line.family) != named.end())
            continue;
        text += (named.empty() ? "; smallest output errors on " + std::to_string(tokens) + " tokens: " : std::string(", ")) + line.method +
                " " + number(line.outputRelFrobenius);
        named.push_back(line.family);
    }
    return text + " (uniform " + number(uniformOutputError) + ").";
}

Result<Advice> adviceFor(const Inputs& inputs, const RunContext& context)
{
    auto profile = profileOf(inputs, {}, context);
    if (!profile)
        return profile.error();
    Advice advice{*profile, {}, {}, {}, 0, 0.0};
    addFindings(advice);
    const Inputs some = firstTokens(inputs, kAdviceTokens);
    advice.tokens = some.k.rows();
    const auto exact = evaluateExact(some, context);
    if (!exact)
        return exact.error();
    if (const auto uniform = measureMethod(*findMethod("uniform"), *exact, some, context))
        advice.uniformOutputError = uniform->outputRelFrobenius;
    const auto& methods = allMethods();
    for (std::size_t m = 0; m < methods.size(); ++m) {
        if (isCandidate(methods[m]->info()))
            if (auto line = measureMethod(*methods[m], *exact, some, context))
                advice.lines.push_back(*std::move(line));
        if (context.cancelled())
            return cancelledError();
        context.report(static_cast<double>(m + 1) / static_cast<double>(methods.size()));
    }
    std::stable_sort(advice.lines.begin(), advice.lines.end(),
                     [](const AdviceLine& a, const AdviceLine& b) { return a.outputRelFrobenius < b.outputRelFrobenius; });
    return advice;
}

} // namespace attnscope
