// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/backend.h"

#include "core/method/registry.h"

#include <mutex>
#include <utility>

namespace attnscope {

namespace {

struct Notices {
    std::mutex mutex;
    std::function<void(const std::string&)> handler;
};

Notices& notices()
{
    static Notices all;
    return all;
}

thread_local NoticeCollector* innermost = nullptr;

} // namespace

Result<const Backend*> Backend::in(Dtype wanted) const
{
    if (wanted == dtype())
        return this;
    return Error{Errc::Unsupported, id() + " computes in " + std::string(toString(dtype())) + " alone.",
                 "Leave the number format out, or choose a GPU (--backend cuda)."};
}

Result<std::shared_ptr<const ScoreSource>> Backend::scores(const AttentionMethod& method, const Inputs& inputs, HeadRef head,
                                                           const Params& params, const RunContext& context) const
{
    return method.scores(inputs, head, params, context);
}

Result<std::shared_ptr<const ScoreSource>> Backend::difference(std::shared_ptr<const ScoreSource> a, std::shared_ptr<const ScoreSource> b,
                                                               DifferenceMetric metric) const
{
    return makeDifference(std::move(a), std::move(b), metric);
}

bool Backend::computes(const ScoreSource&) const { return id() == "cpu" && dtype() == Dtype::F32; }

Result<RowStatistics> Backend::rowStatistics(const Inputs& inputs, HeadRef head, const RunContext& context) const
{
    return computeRowStatistics(inputs, head, context);
}

Result<ExactOutput> Backend::exactWithRows(const Inputs& inputs, const RunContext& context) const
{
    const auto softmax = requireMethod("softmax");
    if (!softmax)
        return softmax.error();
    auto output = run(**softmax, inputs, defaultParams((*softmax)->info().params), context);
    if (!output)
        return output.error();
    ExactOutput made{*std::move(output), {}};
    for (Index b = 0; b < inputs.q.shape[0]; ++b)
        for (Index h = 0; h < inputs.q.heads(); ++h) {
            auto rows = rowStatistics(inputs, {b, h}, context);
            if (!rows)
                return rows.error();
            made.rows.push_back(*std::move(rows));
        }
    return made;
}

Result<Ceilings> Backend::ceilings() const
{
    return Error{Errc::Unsupported, "The ceilings of " + id() + " can't be measured this way.", "See measurePeaks() for the processor's."};
}

void setNoticeHandler(std::function<void(const std::string&)> handler)
{
    const std::scoped_lock lock(notices().mutex);
    notices().handler = std::move(handler);
}

NoticeCollector::NoticeCollector() : m_outer(std::exchange(innermost, this)) {}

NoticeCollector::~NoticeCollector() { innermost = m_outer; }

void giveNotice(const std::string& sentence)
{
    for (auto* collector = innermost; collector != nullptr; collector = collector->m_outer)
        collector->m_sentences.push_back(sentence);
    const std::scoped_lock lock(notices().mutex);
    if (notices().handler)
        notices().handler(sentence);
}

} // namespace attnscope
