// SPDX-License-Identifier: GPL-3.0-or-later
// Where attention runs: the CPU, or one GPU; both answer the same calls.
#pragma once

#include "core/base/dtype.h"
#include "core/method/attention_method.h"
#include "core/metrics/row_statistics.h"
#include "core/scores/difference.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

/// What Backend::time measured.
struct RunTimes {
    std::vector<double> seconds;
    std::optional<double> peakBytes{}; ///< above the inputs, where the backend counts what it allocates
};

/// What a device reached when its limits were measured.
struct Ceilings {
    double flops = 0.0;        ///< FLOP/s of matrix products in its fastest supported format
    double exponentials = 0.0; ///< per second
    double bytes = 0.0;        ///< bytes/s read and written by a large copy
};

/// Exact attention, and what its rows are like.
struct ExactOutput {
    Tensor output;                   ///< [B, H, N, Dv]
    std::vector<RowStatistics> rows; ///< of each query head, [B, H]
};

class Backend {
public:
    virtual ~Backend() = default;

    virtual std::string id() const = 0;     ///< "cpu", "cuda:0"
    virtual std::string device() const = 0; ///< "AMD EPYC 7B13, 2 threads": what a table's header says

    /// The number format that it works in.
    virtual Dtype dtype() const { return Dtype::F32; }

    /// The same device in another number format, which lives as long as this; Unsupported where it has none.
    virtual Result<const Backend*> in(Dtype dtype) const;

    /// Ok, or why this backend has no such kernel.
    virtual Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const = 0;

    /// As AttentionMethod::run.
    virtual Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params,
                               const RunContext& context) const = 0;

    /// Times of `repeats` runs of the kernel alone (inputs in place, after one warm-up); Cancelled, OutOfMemory.
    virtual Result<RunTimes> time(const AttentionMethod& method, const Inputs& inputs, const Params& params, int repeats,
                                  double timeCapSeconds, const RunContext& context) const = 0;

    /// As AttentionMethod::scores; the source may be computed here or, where there is no kernel for it, on the CPU.
    virtual Result<std::shared_ptr<const ScoreSource>> scores(const AttentionMethod& method, const Inputs& inputs, HeadRef head,
                                                              const Params& params, const RunContext& context) const;

    /// As makeDifference, of two maps of this backend.
    virtual Result<std::shared_ptr<const ScoreSource>> difference(std::shared_ptr<const ScoreSource> a,
                                                                  std::shared_ptr<const ScoreSource> b, DifferenceMetric metric) const;

    /// Whether the blocks of a map that scores() or difference() made are computed here: false of one that fell back to the CPU.
    virtual bool computes(const ScoreSource& map) const;

    /// As computeRowStatistics, of the exact map; where there is no kernel for these inputs, on the CPU.
    virtual Result<RowStatistics> rowStatistics(const Inputs& inputs, HeadRef head, const RunContext& context) const;

    /// softmax's run() and rowStatistics() of every head: in one pass over the keys where the backend has a kernel for both.
    virtual Result<ExactOutput> exactWithRows(const Inputs& inputs, const RunContext& context) const;

    /// Measured anew, in under a second; Unsupported where this backend doesn't measure them.
    virtual Result<Ceilings> ceilings() const;
};

/// The backend that every machine has.
const Backend& cpuBackend();

/// Where backends say what they did instead of what was asked ("ran head by head", "ran on the CPU"): called from any thread.
void setNoticeHandler(std::function<void(const std::string&)> handler);

/// Hands one sentence to the handler, if there is one, and to the calling thread's collectors.
void giveNotice(const std::string& sentence);

/// Collects what is said on its thread while it lives, so that a result can carry it.
class NoticeCollector {
public:
    NoticeCollector();
    NoticeCollector(const NoticeCollector&) = delete;
    NoticeCollector& operator=(const NoticeCollector&) = delete;
    ~NoticeCollector();

    const std::vector<std::string>& sentences() const { return m_sentences; }

private:
    friend void giveNotice(const std::string& sentence);
    NoticeCollector* m_outer;
    std::vector<std::string> m_sentences;
};

} // namespace attnscope
