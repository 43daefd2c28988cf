// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of recurrent methods share: gates from the inputs' arrays or from constants.
#pragma once

#include "gpu/cuda_method.h"
#include "gpu/kernels/mixer.h"

#include <functional>
#include <initializer_list>
#include <span>

namespace attnscope {

/// Keys and queries of at most kernels::kMixerMaxDim columns, in any number format.
Result<void> supportsMixerRow(const CudaQuestion& question);

/// An array as it is.
kernels::Gate gateOfArray(const DeviceArray& array, const DeviceInputs& inputs);

/// The first of these arrays that the inputs have, or the constant; InvalidShape where it has other sizes than [M or 1, 1 or, with
/// `channels`, K].
Result<kernels::Gate> gateOf(const DeviceInputs& inputs, std::initializer_list<std::string_view> names, bool channels, double constant,
                             Workspace& workspace);

/// One row for all tokens of all heads: a number, or one per channel.
Result<kernels::Gate> gateOfRow(std::span<const float> row, Workspace& workspace);

/// The arrays C, B and D as what reads, what writes (in the inputs' format) and what a token's own value adds; else q, k and nothing.
Result<void> takeStateSpaceRows(const DeviceInputs& inputs, kernels::MixerProblem& problem, Workspace& workspace);

/// One number for each query head.
Result<kernels::Gate> gateByHead(const DeviceInputs& inputs, const std::function<double(Index headOfLayer)>& value, Workspace& workspace);

/// What differs between methods; v, o and sizes are filled in at each run, and q and k where the problem has none of its own (of
/// shape.dim columns).
Result<CudaRun> prepareMixerRow(const DeviceInputs& inputs, const kernels::MixerProblem& problem, Workspace& workspace);

enum class DeltaDecay { None, Token, Channel };

/// The delta rules: their parameters `beta`, `normalize-keys`, `normalize-queries` and `g`.
Result<void> supportsDeltaRow(const CudaQuestion& question);
Result<CudaRun> prepareDeltaRow(const DeviceInputs& inputs, const Params& params, DeltaDecay decay, Workspace& workspace);

} // namespace attnscope
