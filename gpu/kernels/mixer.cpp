// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses among the kernels of recurrent mixers.
#include "gpu/kernels/mixer.h"

namespace attnscope::kernels {

std::size_t mixerBytes(const MixerProblem& p)
{
    if (fitsChunks(p))
        return chunkBytes(p);
    return fitsDeltaChunks(p) ? deltaChunkBytes(p) : 0;
}

cudaError_t launchMixer(const MixerProblem& p, void* workspace, cudaStream_t stream)
{
    if (fitsChunks(p))
        return launchChunks(p, workspace, stream);
    return fitsDeltaChunks(p) ? launchDeltaChunks(p, workspace, stream) : launchTokens(p, stream);
}

} // namespace attnscope::kernels
