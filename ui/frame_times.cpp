// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/frame_times.h"

#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace attnscope {

void FrameTimes::add(double ms)
{
    const auto bin = static_cast<std::size_t>(std::clamp(ms / kBinMs, 0.0, static_cast<double>(kBins - 1)));
    ++m_counts[bin];
    ++m_frames;
    m_worst = std::max(m_worst, ms);
}

double FrameTimes::percentile(double share) const
{
    const auto wanted = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(m_frames)));
    std::int64_t seen = 0;
    for (std::size_t bin = 0; bin + 1 < kBins; ++bin)
        if ((seen += m_counts[bin]) >= wanted)
            return std::min(m_worst, static_cast<double>(bin + 1) * kBinMs);
    return m_worst;
}

FrameSummary FrameTimes::summary() const
{
    if (m_frames == 0)
        return {};
    constexpr auto smoothBins = static_cast<std::ptrdiff_t>(kSmoothMs / kBinMs);
    const auto smooth = std::accumulate(m_counts.begin(), m_counts.begin() + smoothBins, std::int64_t{0});
    return {m_frames, percentile(0.5), percentile(0.99), m_worst, static_cast<double>(smooth) / static_cast<double>(m_frames)};
}

QJsonObject FrameTimes::toJson() const
{
    const FrameSummary all = summary();
    const auto last = std::find_if(m_counts.rbegin(), m_counts.rend(), [](std::int64_t count) { return count > 0; }).base();
    QJsonArray counts;
    std::for_each(m_counts.begin(), last, [&counts](std::int64_t count) { counts.append(static_cast<qint64>(count)); });
    return {{QStringLiteral("frames"), static_cast<qint64>(all.frames)},
            {QStringLiteral("medianMs"), all.medianMs},
            {QStringLiteral("p99Ms"), all.p99Ms},
            {QStringLiteral("worstMs"), all.worstMs},
            {QStringLiteral("shareUpTo8Ms"), all.smooth},
            {QStringLiteral("binMs"), kBinMs},
            {QStringLiteral("counts"), counts}};
}

QByteArray FrameRecord::toJson() const
{
    QJsonObject object = all.toJson();
    object[QStringLiteral("work")] = work.toJson();
    return QJsonDocument(object).toJson(QJsonDocument::Indented);
}

} // namespace attnscope
