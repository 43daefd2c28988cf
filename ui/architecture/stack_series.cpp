// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_series.h"

#include "ui/architecture/stack_text.h"

#include <QObject>
#include <QStringList>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

bool isExtrapolated(const StackPoint& point, StackQuantity quantity)
{
    return quantity == StackQuantity::Prefill ? point.prefillExtrapolated : quantity == StackQuantity::Decode && point.decodeExtrapolated;
}

void addParts(const StackPoint* points, std::size_t count, StackLine line, StackQuantity quantity, std::vector<StackLine>& parts)
{
    for (std::size_t i = 0; i < count; ++i) {
        const auto& point = points[i];
        const bool sameStyle = line.n.isEmpty() || (line.fits == point.fits && line.extrapolated == isExtrapolated(point, quantity));
        if (!sameStyle) {
            parts.push_back(line);
            line.n = {line.n.back()};
            line.value = {line.value.back()};
            line.low = {line.low.back()};
            line.high = {line.high.back()};
        }
        line.fits = point.fits;
        line.extrapolated = isExtrapolated(point, quantity);
        line.n.append(static_cast<double>(point.n));
        line.value.append(valueOf(point, quantity));
        const auto [low, high] = intervalOf(point, quantity);
        line.low.append(low);
        line.high.append(high);
    }
    if (!line.n.isEmpty())
        parts.push_back(std::move(line));
}

CostTerms termsOf(const StackPoint& point, StackQuantity quantity)
{
    switch (quantity) {
    case StackQuantity::Prefill:
        return point.prefillTerms;
    case StackQuantity::Decode:
        return point.decodeTerms;
    case StackQuantity::Memory:
        break;
    }
    CostTerms held;
    held.projections = point.weightBytes; // all weights: nothing is drawn of their parts
    held.attention = point.kvBytes;
    held.state = point.stateBytes;
    return held;
}

/// Between the two lengths around n, on straight lines of a log-log plot.
double valueAt(const std::vector<StackPoint>& curve, std::size_t count, double n, StackQuantity quantity)
{
    std::size_t i = 1;
    while (i + 1 < count && static_cast<double>(curve[i].n) < n)
        ++i;
    const double n0 = static_cast<double>(curve[i - 1].n);
    const double n1 = static_cast<double>(curve[i].n);
    const double share = std::clamp(std::log(n / n0) / std::log(n1 / n0), 0.0, 1.0);
    return std::exp(std::lerp(std::log(valueOf(curve[i - 1], quantity)), std::log(valueOf(curve[i], quantity)), share));
}

std::vector<std::pair<double, QString>> ticks(double low, double high, double base, int most, const std::function<QString(double)>& text)
{
    std::vector<std::pair<double, QString>> found;
    const int first = static_cast<int>(std::ceil(std::log(low) / std::log(base) - 1e-9));
    const int last = static_cast<int>(std::floor(std::log(high) / std::log(base) + 1e-9));
    const int step = std::max(1, (last - first + most) / std::max(1, most));
    for (int power = (first + step - 1) / step * step; power <= last; power += step)
        found.emplace_back(std::pow(base, power), text(std::pow(base, power)));
    return found;
}

/// Powers of ten stay such: no minutes.
QString tickText(double ms)
{
    constexpr double second = 1e3;
    return ms < second ? timeText(ms) : QObject::tr("%1 s").arg(groupedText(ms / second));
}

} // namespace

QString quantityTitle(StackQuantity quantity)
{
    return quantity == StackQuantity::Memory    ? QObject::tr("Memory held")
           : quantity == StackQuantity::Prefill ? QObject::tr("Prefill")
                                                : QObject::tr("Decoding, a step");
}

double valueOf(const StackPoint& point, StackQuantity quantity)
{
    return quantity == StackQuantity::Memory    ? point.weightBytes + point.kvBytes + point.stateBytes
           : quantity == StackQuantity::Prefill ? point.prefillMs
                                                : point.decodeMs;
}

std::pair<double, double> intervalOf(const StackPoint& point, StackQuantity quantity)
{
    if (quantity == StackQuantity::Prefill)
        return {point.prefillLowMs, point.prefillHighMs};
    if (quantity == StackQuantity::Decode)
        return {point.decodeLowMs, point.decodeHighMs};
    return {valueOf(point, quantity), valueOf(point, quantity)};
}

QString valueText(double value, StackQuantity quantity) { return quantity == StackQuantity::Memory ? bytesText(value) : timeText(value); }

std::vector<StackLine> stackLines(const StackAnswer& answer, StackQuantity quantity)
{
    std::vector<StackLine> lines;
    const auto count = answer.lengths.size();
    for (std::size_t i = 0; i < answer.curves.size(); ++i) {
        const auto& curve = answer.curves[i];
        StackLine line;
        line.architecture = i;
        addParts(curve.data(), std::min(count, curve.size()), line, quantity, lines);
        line.reuse = true;
        if (curve.size() >= 2 * count && quantity != StackQuantity::Decode)
            addParts(curve.data() + count, count, line, quantity, lines);
    }
    return lines;
}

StackShares stackShares(const StackAnswer& answer, std::size_t architecture, StackQuantity quantity)
{
    StackShares shares;
    const auto& curve = answer.curves[architecture];
    for (std::size_t i = 0; i < std::min(answer.lengths.size(), curve.size()); ++i) {
        const CostTerms terms = termsOf(curve[i], quantity);
        if (terms.sum() <= 0.0)
            continue;
        shares.n.append(static_cast<double>(curve[i].n));
        shares.weights.append(terms.weights() / terms.sum());
        shares.attention.append((terms.weights() + terms.attention) / terms.sum());
        shares.state.append(1.0);
    }
    return shares;
}

std::vector<StackCrossing> stackCrossings(const StackAnswer& answer, StackQuantity quantity)
{
    std::vector<StackCrossing> found;
    const std::string wanted = quantity == StackQuantity::Prefill ? "prefill" : quantity == StackQuantity::Decode ? "decode" : "";
    for (const auto& crossover : answer.crossovers) {
        if (!crossover.n || crossover.quantity != wanted)
            continue;
        for (std::size_t i = 0; i < answer.architectures.size(); ++i)
            if (answer.architectures[i].name == crossover.a && answer.lengths.size() > 1)
                found.push_back({*crossover.n, crossover.low, crossover.high,
                                 valueAt(answer.curves[i], answer.lengths.size(), *crossover.n, quantity)});
    }
    return found;
}

QStringList crossoverSentences(const StackAnswer& answer)
{
    QStringList sentences;
    for (const auto& c : answer.crossovers) {
        const QString pair =
            QObject::tr("%1: %2 and %3").arg(QString::fromStdString(c.quantity), QString::fromStdString(c.a), QString::fromStdString(c.b));
        const QString faster = QString::fromStdString(c.fasterAfter);
        if (c.n)
            sentences += QObject::tr("%1 cross at n = %2 (%3 to %4: within the model's 20 %); above, %5 is faster.")
                             .arg(pair, groupedText(*c.n), groupedText(c.low), groupedText(c.high), faster);
        else if (faster.isEmpty())
            sentences += QObject::tr("%1 are equal all the way.").arg(pair);
        else
            sentences += QObject::tr("%1 don't cross in range: %2 is faster.").arg(pair, faster);
    }
    return sentences;
}

QString lengthTitle(const StackQuestion& question)
{
    switch (question.scenario) {
    case Scenario::Generate:
        return QObject::tr("tokens in, and as many out");
    case Scenario::Conversation:
        return question.turns > 1 ? QObject::tr("tokens before %1 turns of %2").arg(question.turns).arg(question.turnTokens)
                                  : QObject::tr("tokens before the turn of %1").arg(question.turnTokens);
    case Scenario::Prompt:
        break;
    }
    return QObject::tr("tokens of the prompt");
}

std::vector<std::pair<double, QString>> lengthTicks(double low, double high, int most) { return ticks(low, high, 2.0, most, tokensText); }

std::vector<std::pair<double, QString>> valueTicks(double low, double high, StackQuantity quantity, int most)
{
    if (quantity == StackQuantity::Memory)
        return ticks(low, high, 2.0, most, bytesText);
    auto found = ticks(low, high, 10.0, most, tickText);
    if (2 * static_cast<int>(found.size()) <= most)
        for (double decade = std::pow(10.0, std::floor(std::log10(low))); decade <= high; decade *= 10.0)
            for (const double value : {2.0 * decade, 5.0 * decade})
                if (value >= low && value <= high)
                    found.emplace_back(value, tickText(value));
    return found;
}

} // namespace attnscope
