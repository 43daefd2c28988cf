// SPDX-License-Identifier: GPL-3.0-or-later
// Measured kernels of one machine: seconds per unit of work against length, with the spread of their repeats.
#pragma once

#include "core/stack/architecture.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace attnscope {

enum class KernelKind {
    Attention,     ///< causal softmax over n tokens; seconds per (query, key) pair and head
    AttentionStep, ///< one query of each of `group` heads against n keys; seconds per key and key head
    Mixer,         ///< recurrent mixer over n tokens in chunks; seconds per token and head
    MixerStep,     ///< its token-by-token form; seconds per token and head
    Product,       ///< n rows times a matrix of weights that exceeds the caches; seconds per multiply-add
    Launch         ///< an empty parallel loop; seconds
};

struct KernelSpec {
    KernelKind kind = KernelKind::Product;
    std::string method{}; ///< id of the attention method that is run; empty for Product and Launch
    Index dim = 0;
    Index valueDim = 0;
    Index group = 1; ///< query heads that share a key head
    bool operator==(const KernelSpec&) const = default;
};

/// "softmax step 128x128 group 4": the key under which samples are kept.
std::string nameOf(const KernelSpec& spec);

/// Channels that one measured head stands for, where a mixer has no heads (mamba1, rg-lru).
inline constexpr Index kChannelsPerHead = 64;

KernelSpec attentionKernel(const AttentionShape& attention);
KernelSpec attentionStepKernel(const AttentionShape& attention);

/// Product for what is a short convolution or little more ("conv").
KernelSpec mixerKernel(const RecurrentShape& recurrent);
KernelSpec mixerStepKernel(const RecurrentShape& recurrent);

/// All that these architectures consist of, each once.
std::vector<KernelSpec> kernelsOf(const std::vector<Architecture>& architectures);

/// Seconds per unit of work: quartiles of repeated runs.
struct UnitTime {
    double low = 0.0;
    double median = 0.0;
    double high = 0.0;
};

struct KernelSample {
    double n = 0.0;
    UnitTime unit;
};

struct KernelTime {
    UnitTime unit;
    bool extrapolated = false;
};

struct KernelProfile {
    std::string machine; ///< what it was measured on: kernelMachine()
    std::string date;    ///< "2026-03-01"
    int threads = 0;
    std::map<std::string, std::vector<KernelSample>> kernels; ///< by nameOf(), ascending in n

    bool has(const KernelSpec& spec) const;
    /// Interpolated in log n between samples. Beyond the last one the unit time stays what it was, so that pairs grow with slope 2 and
    /// tokens with slope 1; its interval then spans the last two samples. Zero for a kernel that isn't there.
    KernelTime at(const KernelSpec& spec, double n) const;
};

} // namespace attnscope
