// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/graph_filter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace attnscope {

namespace {

std::string sizeText(const Tensor& t)
{
    return "[" + std::to_string(t.heads()) + ", " + std::to_string(t.rows()) + ", " + std::to_string(t.cols()) + "]";
}

/// The part of a loaded array that a query head reads: its own or the only one.
Result<MatrixView<const float>> loadedPart(const Tensor* file, const char* key, const Inputs& in, HeadRef head)
{
    if (!file)
        return Error{Errc::InvalidParam, std::string("AGF is asked for loaded values but no file is given as ") + key + ".",
                     std::string("Give the parameter ") + key + " a file, or choose another source."};
    if (file->batch() != 1 || (file->heads() != 1 && file->heads() != in.q.heads()))
        return Error{Errc::InvalidShape,
                     std::string(key) + " is " + sizeText(*file) + " but there are " + std::to_string(in.q.heads()) + " query heads.",
                     "Load one matrix for all heads, or one for each query head."};
    return file->matrix({0, file->heads() == 1 ? 0 : head.head});
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

} // namespace

Result<FilterPolynomials> FilterPolynomials::from(const Params& params)
{
    FilterPolynomials made;
    made.order = params.integer("order");
    const Tensor* file = params.tensor("theta-file");
    if (params.text("theta") == "loaded" && file)
        made.order = file->cols() - 1;
    const std::string& name = params.text("polynomial");
    if (name == "monomial") {
        made.basis = FilterBasis::Monomial;
        return made;
    }
    if (name == "legendre")
        made.basis = FilterBasis::Legendre;
    else if (name == "chebyshev") {
        made.basis = FilterBasis::Chebyshev;
        made.alpha = made.beta = -0.5;
    } else {
        made.alpha = params.number("alpha");
        made.beta = params.number("beta");
    }
    const double sum = made.alpha + made.beta;
    for (Index l = 2; l <= made.order; ++l)
        if (static_cast<double>(l) + sum == 0.0 || 2.0 * static_cast<double>(l) + sum - 2.0 == 0.0)
            return Error{Errc::InvalidParam,
                         "The Jacobi recurrence divides by zero at order " + std::to_string(l) + ", because alpha and beta sum to " +
                             std::to_string(static_cast<long long>(sum)) + ".",
                         "Choose alpha and beta with another sum, or a lower order."};
    return made;
}

void FilterPolynomials::step(Index term, std::span<double> abc) const
{
    const double a = alpha;
    const double b = beta;
    const auto l = static_cast<double>(term);
    const double twice = 2.0 * l + a + b;
    if (basis == FilterBasis::Monomial) {
        abc[0] = 1.0;
        abc[1] = abc[2] = 0.0;
    } else if (term == 1) {
        abc[0] = 0.5 * (a + b + 2.0);
        abc[1] = 0.5 * (a - b);
        abc[2] = 0.0;
    } else {
        abc[0] = twice * (twice - 1.0) / (2.0 * l * (l + a + b));
        abc[1] = (twice - 1.0) * (a * a - b * b) / (2.0 * l * (l + a + b) * (twice - 2.0));
        abc[2] = (l + a - 1.0) * (l + b - 1.0) * twice / (l * (l + a + b) * (twice - 2.0));
    }
}

void FilterPolynomials::evaluate(double x, std::span<double> values) const
{
    std::array<double, 3> abc{};
    values[0] = 1.0;
    for (std::size_t l = 1; l < values.size(); ++l) {
        step(static_cast<Index>(l), abc);
        values[l] = (abc[0] * x + abc[1]) * values[l - 1] - (l > 1 ? abc[2] * values[l - 2] : 0.0);
    }
}

double FilterPolynomials::sum(std::span<const double> theta, double x) const
{
    std::vector<double> values(theta.size());
    evaluate(x, values);
    double total = 0.0;
    for (std::size_t k = 0; k < theta.size(); ++k)
        total += theta[k] * values[k];
    return total;
}

Result<FilterEntries> FilterEntries::from(const Inputs& in, HeadRef head, const Params& params)
{
    FilterEntries made;
    made.m_q = in.qOf(head);
    const std::string& name = params.text("sigma");
    if (name == "q")
        made.m_kind = Kind::Query;
    else if (name == "abs-q")
        made.m_kind = Kind::Size;
    else if (name == "qk") {
        made.m_kind = Kind::Product;
        if (in.q.rows() > in.k.rows())
            return Error{Errc::InvalidShape,
                         "The entries q·k need a key beside each of the " + std::to_string(in.q.rows()) + " queries but there are only " +
                             std::to_string(in.k.rows()) + " keys.",
                         "Choose another sigma, or give at least as many keys as queries."};
        made.m_k = in.kOf(head).rowRange(in.k.rows() - in.q.rows(), in.q.rows());
    } else if (name == "loaded") {
        made.m_kind = Kind::Loaded;
        const auto part = loadedPart(params.tensor("sigma-file"), "sigma-file", in, head);
        if (!part)
            return part.error();
        if (part->rows != in.q.rows() || part->cols != in.q.cols())
            return Error{Errc::InvalidShape,
                         "sigma-file has " + std::to_string(part->rows) + " rows and " + std::to_string(part->cols) +
                             " columns a head, but there are " + std::to_string(in.q.rows()) + " queries of width " +
                             std::to_string(in.q.cols()) + ".",
                         "Load X Wₛ of the same tokens and heads, of shape [queries, D] or [heads, queries, D]."};
        made.m_loaded = *part;
    }
    return made;
}

double FilterEntries::at(Index i, Index f) const
{
    switch (m_kind) {
    case Kind::Product:
        return sigmoid(static_cast<double>(m_q(i, f)) * static_cast<double>(m_k(i, f)));
    case Kind::Query:
        return sigmoid(static_cast<double>(m_q(i, f)));
    case Kind::Size:
        return sigmoid(std::abs(static_cast<double>(m_q(i, f))));
    case Kind::Loaded:
        return sigmoid(static_cast<double>(m_loaded(i, f)));
    case Kind::Constant:
        break;
    }
    return 0.5;
}

Result<std::vector<double>> givenCoefficients(const Inputs& in, HeadRef head, const Params& params, Index order)
{
    std::vector<double> theta(static_cast<std::size_t>(order + 1), 0.0);
    theta[0] = 1.0;
    if (params.text("theta") != "loaded")
        return theta;
    const auto raw = loadedPart(params.tensor("theta-file"), "theta-file", in, head);
    if (!raw)
        return raw.error();
    if (raw->rows != 1)
        return Error{Errc::InvalidShape, "theta-file has " + std::to_string(raw->rows) + " rows.",
                     "Load the coefficients as one row, of shape [1, K + 1] or [heads, 1, K + 1]."};
    theta[0] = static_cast<double>((*raw)(0, 0));
    for (Index k = 1; k <= order; ++k)
        theta[static_cast<std::size_t>(k)] = std::tanh(static_cast<double>((*raw)(0, k)));
    return theta;
}

void applyFilter(const FilterPolynomials& polynomials, std::span<const double> theta, const FilterEntries& entries, Index first,
                 MatrixView<float> rows)
{
    if (theta[0] == 1.0 && std::all_of(theta.begin() + 1, theta.end(), [](double x) { return x == 0.0; }))
        return;
    std::vector<double> values(theta.size());
    for (Index i = 0; i < rows.rows; ++i)
        for (Index f = 0; f < rows.cols; ++f) {
            polynomials.evaluate(entries.at(first + i, f), values);
            double g = 0.0;
            for (std::size_t k = 0; k < theta.size(); ++k)
                g += theta[k] * values[k];
            rows(i, f) = static_cast<float>(g * static_cast<double>(rows(i, f)));
        }
}

} // namespace attnscope
