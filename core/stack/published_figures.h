// SPDX-License-Identifier: GPL-3.0-or-later
// Published measurements to check predictions against, each with its conditions, its source, and what differs besides the mixer.
#pragma once

#include "core/base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

struct PublishedPoint {
    double n = 0.0; ///< tokens; 0 where the source names no length
    double value = 0.0;
    std::string conditions; ///< of this point alone: "B 1, H 96, D 128"; mostly empty
};

struct PublishedSeries {
    std::string name;         ///< as the source calls it: "Llama 3.2 1B (vLLM)"
    std::string architecture; ///< a name in resources/architectures, where that predicts it; else empty
    std::vector<PublishedPoint> points;
};

/// What one source reports under the same conditions.
struct PublishedStudy {
    std::string id;
    std::string title;
    std::string quantity; ///< "prefill", "prefill and decode", "decode rate", "kernel forward", "cache and state", "ratio", ...
    std::string unit;     ///< "s", "ms", "tokens/s", "MiB", "GiB", "times as fast", ...
    std::string hardware;
    double batch = 0.0; ///< 0 where it varies or isn't stated
    std::string conditions;
    std::string source;
    std::string certainty;    ///< "read", "secondary" or "memory", and of what
    std::string differs;      ///< what differs besides the mixer, in whole sentences
    std::string prefillStudy; ///< "prefill and decode": the study whose times are the prefill's share; else empty
    std::vector<PublishedSeries> series;
};

/// All of resources/published/figures.json. Parse or Io where that file is damaged or missing.
Result<std::vector<PublishedStudy>> publishedStudies();

/// The same from a text; `origin` opens the messages.
Result<std::vector<PublishedStudy>> parsePublishedStudies(std::string_view json, const std::string& origin);

/// What is published of one architecture (a name in resources/architectures), a paragraph a study: values, conditions, source, and
/// what differs besides the mixer.
std::vector<std::string> publishedSentences(const std::vector<PublishedStudy>& studies, const std::string& architecture);

/// One reference point of a latency plot.
struct PublishedMark {
    std::string series;
    std::string architecture; ///< as in PublishedSeries
    double n = 0.0;
    double ms = 0.0;
    double batch = 0.0;
    std::string hardware;
    std::string note;     ///< conditions and source, one line
    std::string differs;  ///< what differs besides the mixer
    bool derived = false; ///< a decoding step: (prefill and decode, less prefill) / n, or 1 / rate
};

/// Points in ms: "prefill" as it is; "decode" per step, from "decode rate" and from pairs of studies with and without decoding.
std::vector<PublishedMark> publishedMarks(const std::vector<PublishedStudy>& studies, const std::string& quantity);

} // namespace attnscope
