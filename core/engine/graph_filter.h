// SPDX-License-Identifier: GPL-3.0-or-later
// The graph filter of AGF: polynomials as its code defines them, the diagonal entries that they act on, and coefficients.
#pragma once

#include "core/base/result.h"
#include "core/method/inputs.h"
#include "core/method/params.h"

#include <span>
#include <vector>

namespace attnscope {

enum class FilterBasis { Jacobi, Legendre, Chebyshev, Monomial };

/// T_0 .. T_K. Chebyshev is the code's: Jacobi polynomials with alpha = beta = -1/2, which are multiples of the usual ones.
struct FilterPolynomials {
    FilterBasis basis = FilterBasis::Jacobi;
    Index order = 0;
    double alpha = 0.0;
    double beta = 0.0;

    /// From the parameters `polynomial`, `order`, `alpha` and `beta`; the order from theta's file where that is loaded. InvalidParam
    /// where the recurrence would divide by zero.
    static Result<FilterPolynomials> from(const Params& params);

    /// The recurrence of PolyConvFrame, of term l >= 1: T_l(x) = (abc[0] x + abc[1]) T_(l-1)(x) - abc[2] T_(l-2)(x), T_(-1) = 0.
    void step(Index l, std::span<double> abc) const;

    /// Fills values [order + 1] with T_k(x).
    void evaluate(double x, std::span<double> values) const;

    /// g(x) = sum_k theta_k T_k(x).
    double sum(std::span<const double> theta, double x) const;
};

/// Sigma in (0, 1) of query i and feature f, for the query head `head`: sigmoid of what the parameter `sigma` names.
class FilterEntries {
public:
    /// InvalidParam where a file is missing, InvalidShape where it, or the number of keys, doesn't fit.
    static Result<FilterEntries> from(const Inputs& inputs, HeadRef head, const Params& params);

    double at(Index i, Index f) const;

private:
    enum class Kind { Product, Query, Size, Constant, Loaded };
    Kind m_kind = Kind::Constant;
    MatrixView<const float> m_q{};
    MatrixView<const float> m_k{};
    MatrixView<const float> m_loaded{};
};

/// theta of the parameter `theta` = init (1, 0, ..) or loaded: theta_0 as it stands in the file, the others through tanh.
Result<std::vector<double>> givenCoefficients(const Inputs& inputs, HeadRef head, const Params& params, Index order);

/// Multiplies `rows`, softmaxed queries from `first` on, by g of their entries.
void applyFilter(const FilterPolynomials& polynomials, std::span<const double> theta, const FilterEntries& entries, Index first,
                 MatrixView<float> rows);

} // namespace attnscope
