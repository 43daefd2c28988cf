// SPDX-License-Identifier: GPL-3.0-or-later
// The inputs of a method on the card, in the chosen number format, and its output back.
#pragma once

#include "core/method/inputs.h"
#include "gpu/cuda_method.h"

namespace attnscope {

/// Copies q, k, v and the further arrays to the card, converts q, k, v, and makes room for o. OutOfMemory, Device.
Result<DeviceInputs> uploadInputs(const Inputs& inputs, Dtype dtype, Workspace& workspace);

/// `sets` - 1 more copies of q, k, v with an output each, so that a repeated run doesn't find its inputs in the cache. First `first`.
Result<std::vector<DeviceInputs>> rotatedInputs(const DeviceInputs& first, Index sets, Workspace& workspace);

/// o as float32 into `to`, contiguous [B, H, N, Dv]; waits for the stream.
Result<void> downloadOutput(const DeviceInputs& inputs, std::span<float> to, Workspace& workspace);

/// Bytes of q, k and v together.
std::size_t inputBytes(const DeviceInputs& inputs);

} // namespace attnscope
