// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/metrics/input_profile.h"

#include "core/base/parallel.h"
#include "core/compute/dense.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kCells = Index{1} << 24;
constexpr int kPowerSteps = 40;

/// Sums over the rows of a block, added up under a lock.
struct RowSums {
    double entropy = 0.0;
    double flatEntropy = 0.0;
    double near = 0.0;
    double first = 0.0;
    double squares = 0.0;
    double largest = 0.0;

    void add(const RowSums& other)
    {
        entropy += other.entropy;
        flatEntropy += other.flatEntropy;
        near += other.near;
        first += other.first;
        squares += other.squares;
        largest = std::max(largest, other.largest);
    }
};

/// Logits of a row become its weights.
RowSums readRow(std::span<float> row, KeyRange visible, Index place)
{
    RowSums sums;
    const auto seen = row.subspan(static_cast<std::size_t>(visible.first), static_cast<std::size_t>(visible.size()));
    for (const float x : seen)
        sums.largest = std::max(sums.largest, std::abs(static_cast<double>(x)));
    std::fill(row.begin(), row.begin() + visible.first, 0.0F);
    std::fill(row.begin() + visible.last, row.end(), 0.0F);
    const double total = expRow(seen, rowMax(seen));
    scaleRow(seen, static_cast<float>(1.0 / total));
    sums.flatEntropy = std::log(static_cast<double>(seen.size()));
    for (const double p : seen) {
        sums.entropy -= p > 0.0 ? p * std::log(p) : 0.0;
        sums.squares += p * p;
    }
    const auto length = static_cast<Index>(row.size());
    sums.near = rowSum(row.subspan(
        static_cast<std::size_t>(std::clamp<Index>(place - kNearKeys, 0, length)),
        static_cast<std::size_t>(std::clamp<Index>(place + kNearKeys + 1, 0, length) - std::clamp<Index>(place - kNearKeys, 0, length))));
    sums.first = static_cast<double>(row[0]);
    return sums;
}

/// sigma_1² of the rows by power iteration from the vector of ones, which no non-negative matrix is orthogonal to.
double largestSquare(const Tensor& rows, const RunContext& context)
{
    Tensor x(1, 1, 1, rows.cols());
    std::fill(x.values().begin(), x.values().end(), 1.0F);
    Tensor y(1, 1, 1, rows.rows());
    double square = 0.0;
    for (int step = 0; step < kPowerSteps && !context.cancelled(); ++step) {
        double norm = 0.0;
        for (const double value : x.values())
            norm += value * value;
        scaleRow(x.values(), static_cast<float>(1.0 / std::sqrt(norm)));
        gemmNT(std::as_const(x).matrix(), rows.matrix(), y.matrix());
        square = 0.0;
        for (const double value : y.values())
            square += value * value;
        gemmNN(std::as_const(y).matrix(), rows.matrix(), x.matrix());
    }
    return square;
}

} // namespace

Result<InputProfile> profileOf(const Inputs& in, HeadRef head, const RunContext& context)
{
    if (auto valid = validate(in); !valid)
        return valid.error();
    InputProfile profile;
    profile.queries = in.q.rows();
    profile.keys = in.k.rows();
    profile.rowsRead = std::clamp<Index>(kCells / profile.keys, 1, profile.queries);
    profile.logitScale = std::sqrt(std::log(static_cast<double>(std::max<Index>(2, profile.keys))));
    Tensor rows(1, 1, profile.rowsRead, profile.keys);
    RowSums sums;
    std::mutex mutex;
    const KeyMask mask = in.mask();
    const bool done = parallelFor(profile.rowsRead, 16, context, [&](Index first, Index last) {
        RowSums some;
        for (Index r = first; r < last; ++r) {
            const Index query = (2 * r + 1) * profile.queries / (2 * profile.rowsRead);
            gemmNT(in.qOf(head).rowRange(query, 1), in.kOf(head), rows.matrix().rowRange(r, 1), in.effectiveScale());
            some.add(readRow(rows.matrix().rowSpan(r), mask.visible(query), query + profile.keys - profile.queries));
        }
        const std::lock_guard lock(mutex);
        sums.add(some);
    });
    const double largest = done ? largestSquare(rows, context) : 0.0;
    if (context.cancelled())
        return cancelledError();
    const auto count = static_cast<double>(profile.rowsRead);
    profile.entropy = sums.entropy / count;
    profile.flatEntropy = sums.flatEntropy / count;
    profile.nearWeight = sums.near / count;
    profile.firstWeight = sums.first / count;
    profile.largestLogit = sums.largest;
    profile.stableRank = sums.squares / largest;
    return profile;
}

} // namespace attnscope
