// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/graph_filter_theory.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace attnscope {

namespace {

constexpr Index kCurvePoints = 51;
constexpr Index kFrequencies = 64;

/// sqrt(Σ_c |DFT(x)_f|²) of the columns of x at the frequency f.
double amplitude(MatrixView<const float> x, double frequency)
{
    double total = 0.0;
    std::vector<double> real(static_cast<std::size_t>(x.cols), 0.0);
    std::vector<double> imaginary(real.size(), 0.0);
    for (Index i = 0; i < x.rows; ++i) {
        const double angle = 2.0 * std::numbers::pi * frequency * static_cast<double>(i) / static_cast<double>(x.rows);
        for (std::size_t c = 0; c < real.size(); ++c) {
            real[c] += std::cos(angle) * x(i, static_cast<Index>(c));
            imaginary[c] += std::sin(angle) * x(i, static_cast<Index>(c));
        }
    }
    for (std::size_t c = 0; c < real.size(); ++c)
        total += real[c] * real[c] + imaginary[c] * imaginary[c];
    return std::sqrt(total);
}

} // namespace

TheoryCurve filterCurve(const FilterPolynomials& polynomials, std::span<const double> theta)
{
    TheoryCurve curve{.title = "Filter g(x)",
                      .source = "Wi, Choi, Park 2025",
                      .quantity = "g(x)",
                      .axis = "x, an entry of Σ",
                      .kind = TheoryKind::Guidance,
                      .caption = "What each entry of the softmaxed queries is multiplied by; 1 everywhere is Efficient Attention."};
    for (Index p = 0; p < kCurvePoints; ++p) {
        curve.x.push_back(static_cast<double>(p) / static_cast<double>(kCurvePoints - 1));
        curve.predicted.push_back(polynomials.sum(theta, curve.x.back()));
    }
    return curve;
}

TheoryCurve responseCurve(MatrixView<const float> v, MatrixView<const float> exact, MatrixView<const float> filtered)
{
    TheoryCurve curve{.title = "Frequency response over positions",
                      .source = "Wi, Choi, Park 2025, theorems 1 and 2",
                      .quantity = "amplitude of the output over that of V",
                      .axis = "cycles over the sequence",
                      .kind = TheoryKind::Guidance,
                      .caption = "Softmax attention, the reference curve, is a low-pass filter; coefficients of either sign may let "
                                 "high frequencies through as well. Measured is this filter on this sample."};
    const double most = static_cast<double>(v.rows) / 2.0;
    const Index count = std::min<Index>(kFrequencies, v.rows / 2 + 1);
    for (Index p = 0; p < count; ++p) {
        const double frequency = std::round(most * static_cast<double>(p) / static_cast<double>(std::max<Index>(1, count - 1)));
        const double size = amplitude(v, frequency);
        if (size <= 0.0 || (p > 0 && frequency == curve.x.back()))
            continue;
        curve.x.push_back(frequency);
        curve.predicted.push_back(amplitude(exact, frequency) / size);
        curve.measured.push_back(amplitude(filtered, frequency) / size);
    }
    return curve;
}

} // namespace attnscope
