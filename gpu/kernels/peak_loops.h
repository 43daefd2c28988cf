// SPDX-License-Identifier: GPL-3.0-or-later
// What the card's tensor cores and exponentials reach with nothing in their way: loops over operands that never leave the multiprocessor.
#pragma once

#include <cuda_runtime_api.h>

namespace attnscope::kernels {

/// Multiply-adds (each two operations) of float16 operands into float32 sums that launchProductLoop runs: `rounds` on every multiprocessor.
double productLoopFlops(bool isHopper, int multiprocessors, int rounds);

/// wgmma on Hopper, else mma.sync. `sink` [1] is never written in fact, but the compiler can't know. Asynchronous.
cudaError_t launchProductLoop(bool isHopper, int multiprocessors, int rounds, float* sink, cudaStream_t stream);

/// Exponentials that launchExponentialLoop runs.
double exponentialLoopCount(int multiprocessors, int rounds);
cudaError_t launchExponentialLoop(int multiprocessors, int rounds, float* sink, cudaStream_t stream);

} // namespace attnscope::kernels
