// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_time.h"

#include "core/stack/kernel_time.h"

#include <algorithm>

namespace attnscope {

namespace {

PredictedTime byCeilings(const Architecture& a, const Card& card, const CostTerms& flops, const CostTerms& bytes, double floorMs)
{
    const double rate = card.flopPerSecond.at(a.dtype);
    CostTerms arithmetic = flops * (1e3 / rate);
    if (card.mixerFlopPerSecond > 0.0)
        arithmetic.state = 1e3 * flops.state / card.mixerFlopPerSecond;
    const CostTerms traffic = bytes * (1e3 / card.bytesPerSecond);
    PredictedTime time;
    time.bound = arithmetic.sum() > traffic.sum() ? Bound::Arithmetic : Bound::Traffic;
    time.terms = time.bound == Bound::Arithmetic ? arithmetic : traffic;
    time.ms = time.terms.sum();
    if (time.ms < floorMs) {
        time.ms = floorMs;
        time.bound = Bound::Floor;
    }
    time.lowMs = time.ms / (1.0 + card.uncertainty);
    time.highMs = time.ms * (1.0 + card.uncertainty);
    return time;
}

} // namespace

std::string nameOf(Bound bound)
{
    switch (bound) {
    case Bound::Traffic:
        return "memory traffic";
    case Bound::Floor:
        return "the fixed cost of a step";
    case Bound::Arithmetic:
        break;
    }
    return "arithmetic";
}

PredictedTime prefillTime(const Architecture& a, const Card& card, double batch, double past, double fresh)
{
    if (card.kernels)
        return prefillByKernels(a, *card.kernels, batch, past, fresh);
    return byCeilings(a, card, prefillFlopTerms(a, batch, past, fresh), prefillByteTerms(a, batch, past, fresh), 0.0);
}

PredictedTime decodeTime(const Architecture& a, const Card& card, double batch, double n)
{
    if (card.kernels)
        return decodeByKernels(a, *card.kernels, batch, n);
    return byCeilings(a, card, decodeFlopTerms(a, batch, n), decodeByteTerms(a, batch, n), card.stepFloorMs);
}

} // namespace attnscope
