// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/engine/mixer_gates.h"

#include "core/compute/mixer_ops.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace attnscope {

namespace {

struct Found {
    std::string_view name;
    MatrixView<const float> rows;
};

std::optional<Found> find(const Inputs& in, HeadRef h, const GateRule& rule)
{
    for (const auto name : rule.names)
        if (const auto rows = in.array(name, h))
            return Found{name, *rows};
    return std::nullopt;
}

std::string number(double x)
{
    std::ostringstream out;
    out << std::setprecision(6) << x;
    return out.str();
}

Result<void> checkValues(const Found& found, const GateRule& rule)
{
    for (Index t = 0; t < found.rows.rows; ++t)
        for (const float x : found.rows.rowSpan(t))
            if (!(static_cast<double>(x) >= rule.least && static_cast<double>(x) <= rule.most))
                return Error{Errc::InvalidParam,
                             "The array \"" + std::string(found.name) + "\" holds " + number(static_cast<double>(x)) + " at token " +
                                 std::to_string(t) + ", but must lie between " + number(rule.least) + " and " + number(rule.most) + ".",
                             "Check that it holds the gate itself, after its activation, and log decays rather than decay factors."};
    return {};
}

} // namespace

Result<MixerFactors::Rows> gateRows(const Inputs& in, HeadRef h, const GateRule& rule, double constant, MixerFactors& into)
{
    const auto found = find(in, h, rule);
    if (!found) {
        Tensor made(1, 1, 1, 1);
        *made.data() = static_cast<float>(constant);
        return into.keep(std::move(made));
    }
    const auto& rows = found->rows;
    const std::string name = "The array \"" + std::string(found->name) + "\" has ";
    if (rows.rows != 1 && rows.rows != in.k.rows())
        return Error{Errc::InvalidShape,
                     name + std::to_string(rows.rows) + " tokens, but there are " + std::to_string(in.k.rows()) + " keys.",
                     "The state changes with every key: give a row for each of them, or one for all."};
    if (rows.cols != 1 && !(rule.channels && rows.cols == in.k.cols()))
        return Error{Errc::InvalidShape,
                     name + std::to_string(rows.cols) + " numbers per token, but this method takes " +
                         (rule.channels ? "1 or " + std::to_string(in.k.cols()) : std::string("1")) + ".",
                     rule.channels ? "Give one number per token or one per channel of the keys."
                                   : "Give one number per token, or choose a method whose gates differ by channel."};
    if (auto valid = checkValues(*found, rule); !valid)
        return valid.error();
    return rows;
}

double definedGate(const Inputs& in, HeadRef h, const GateRule& rule, double constant, Index t, Index c)
{
    const auto found = find(in, h, rule);
    if (!found)
        return constant;
    return static_cast<double>(found->rows(found->rows.rows == 1 ? 0 : t, found->rows.cols == 1 ? 0 : c));
}

Tensor unitRows(MatrixView<const float> x)
{
    Tensor made(1, 1, x.rows, x.cols);
    unitRowsInto(x, made.matrix());
    return made;
}

Tensor inverseLengths(MatrixView<const float> x)
{
    std::vector<double> squares(static_cast<std::size_t>(x.rows));
    rowSquares64(x, squares);
    Tensor made(1, 1, x.rows, 1);
    std::transform(squares.begin(), squares.end(), made.data(),
                   [](double square) { return square > 0.0 ? static_cast<float>(1.0 / std::sqrt(square)) : 1.0F; });
    return made;
}

MixerFactors::Rows ownBonus(const MixerFactors::Rows& gates, const MixerFactors& f)
{
    if (gates.rows != 1)
        return gates.rowRange(f.offset(), f.queries());
    if (gates.cols == 1 && *gates.data == 0.0F)
        return {};
    return {gates.data, f.queries(), gates.cols, 0};
}

} // namespace attnscope
