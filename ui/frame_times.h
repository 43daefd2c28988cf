// SPDX-License-Identifier: GPL-3.0-or-later
// How long the window's pictures took: a histogram of bounded size with median, 99th percentile and worst.
#pragma once

#include <QByteArray>
#include <QJsonObject>

#include <array>
#include <cstdint>

namespace attnscope {

struct FrameSummary {
    std::int64_t frames = 0;
    double medianMs = 0.0; ///< percentiles to FrameTimes::kBinMs, rounded up
    double p99Ms = 0.0;
    double worstMs = 0.0;
    double smooth = 0.0; ///< share of the frames that took at most kSmoothMs
};

/// At most half of a frame at 60 a second, so that the rest of the machine keeps up.
inline constexpr double kSmoothMs = 8.0;

class FrameTimes {
public:
    static constexpr double kBinMs = 0.1;
    static constexpr std::size_t kBins = 1000; ///< the last one holds all that is longer

    void add(double ms);
    void clear() { *this = {}; }

    const std::array<std::int64_t, kBins>& counts() const { return m_counts; }
    FrameSummary summary() const;
    QJsonObject toJson() const; ///< the summary and the counts of all bins up to the last one that isn't empty

private:
    double percentile(double share) const;

    std::array<std::int64_t, kBins> m_counts{};
    std::int64_t m_frames = 0;
    double m_worst = 0.0;
};

/// Of each frame the time that passed, and how much of it the window's thread was running: on a busy machine it also waits its turn.
struct FrameRecord {
    FrameTimes all;
    FrameTimes work;

    QByteArray toJson() const; ///< all.toJson() with work.toJson() as "work"
};

} // namespace attnscope
