// SPDX-License-Identifier: GPL-3.0-or-later
// Reads gates of recurrent mixers on the device.
#pragma once

#include "gpu/kernels/mixer.h"

namespace attnscope::kernels {

constexpr float kLeastLogDecay = -1e4F; // e^-10000 is 0

__device__ inline float gateAt(const Gate& gate, Index batch, Index head, Index row, Index channel, float absent)
{
    return gate.data ? __ldg(gate.data + batch * gate.batch + head / gate.group * gate.head + row * gate.row + channel * gate.channel)
                     : absent;
}

__device__ inline float logDecayAt(const MixerProblem& p, Index batch, Index head, Index row, Index channel)
{
    return fmaxf(kLeastLogDecay, gateAt(p.logDecay, batch, head, row, channel, 0.0F) * gateAt(p.rate, batch, head, row, 0, 1.0F));
}

} // namespace attnscope::kernels
