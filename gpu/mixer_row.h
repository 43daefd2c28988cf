// SPDX-License-Identifier: GPL-3.0-or-later
// What the rows of recurrent methods share: gates from the inputs' arrays or from constants.
#pragma once

#include "gpu/cuda_method.h"
#include "gpu/kernels/mixer.h"

#include <functional>
#include <initializer_list>

namespace attnscope {

/// Keys and queries of at most kernels::kMixerMaxDim columns, in any number format.
Result<void> supportsMixerRow(const CudaQuestion& question);

/// The first of these arrays that the inputs have, or the constant; InvalidShape where it has other sizes than [M or 1, 1 or, with
/// `channels`, K].
Result<kernels::Gate> gateOf(const DeviceInputs& inputs, std::initializer_list<std::string_view> names, bool channels, double constant,
                             Workspace& workspace);

/// One number for each query head.
Result<kernels::Gate> gateByHead(const DeviceInputs& inputs, const std::function<double(Index headOfLayer)>& value, Workspace& workspace);

/// What differs between methods; q, k, v, o and sizes are filled in at each run.
Result<CudaRun> prepareMixerRow(const DeviceInputs& inputs, const kernels::MixerProblem& problem, Workspace& workspace);

enum class DeltaDecay { None, Token, Channel };

/// The delta rules: their parameters `beta`, `normalize-keys`, `normalize-queries` and `g`.
Result<void> supportsDeltaRow(const CudaQuestion& question);
Result<CudaRun> prepareDeltaRow(const DeviceInputs& inputs, const Params& params, DeltaDecay decay, Workspace& workspace);

} // namespace attnscope
