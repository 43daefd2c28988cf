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

/// A gate of one head.
struct HeadGate {
    const float* data;
    Index row;
    Index channel;

    __device__ HeadGate(const Gate& gate, Index batch, Index head)
        : data(gate.data ? gate.data + batch * gate.batch + head / gate.group * gate.head : nullptr), row(gate.row), channel(gate.channel)
    {
    }
    __device__ float at(Index token, Index column, float absent) const
    {
        return data ? __ldg(data + token * row + column * channel) : absent;
    }
};

/// Log decays of one head.
struct HeadDecays {
    HeadGate decay;
    HeadGate rate;

    __device__ HeadDecays(const MixerProblem& p, Index batch, Index head) : decay(p.logDecay, batch, head), rate(p.rate, batch, head) {}
    __device__ float at(Index token, Index column) const
    {
        return fmaxf(kLeastLogDecay, decay.at(token, column, 0.0F) * rate.at(token, 0, 1.0F));
    }
};

__device__ inline float logSigmoid(float x) { return x > 0.0F ? -log1pf(expf(-x)) : x - log1pf(expf(x)); }

} // namespace attnscope::kernels
