// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses among the kernels of recurrent mixers.
#include "gpu/kernels/mixer.h"

namespace attnscope::kernels {

std::size_t mixerBytes(const MixerProblem& p)
{
    if (fitsChunks(p))
        return chunkBytes(p);
    if (fitsDeltaChunks(p))
        return deltaChunkBytes(p);
    return fitsGeneralChunks(p) ? generalChunkBytes(p) : 0;
}

cudaError_t launchMixer(const MixerProblem& p, void* workspace, cudaStream_t stream)
{
    if (fitsChunks(p))
        return launchChunks(p, workspace, stream);
    if (fitsDeltaChunks(p))
        return launchDeltaChunks(p, workspace, stream);
    return fitsGeneralChunks(p) ? launchGeneralChunks(p, workspace, stream) : launchTokens(p, stream);
}

} // namespace attnscope::kernels
