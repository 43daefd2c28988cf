// SPDX-License-Identifier: GPL-3.0-or-later
// The nonlinearities of feed-forward layers, under the names that Hugging Face configs give them.
#pragma once

#include "core/model/config.h"

#include <span>

namespace attnscope {

/// x = f(x), element by element. Gelu is exact (erf), GeluTanh its tanh form (Hendrycks and Gimpel 2016, arXiv 1606.08415).
void activate(Activation kind, std::span<float> x);

/// gate = f(gate) * up: SwiGLU where f is SiLU (Shazeer 2020, arXiv 2002.05202).
void activateGated(Activation kind, std::span<float> gate, std::span<const float> up);

} // namespace attnscope
