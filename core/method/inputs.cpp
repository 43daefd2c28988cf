// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/inputs.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace attnscope {

namespace {

std::string sizeText(const TensorView<const float>& t)
{
    return "[" + std::to_string(t.batch()) + ", " + std::to_string(t.heads()) + ", " + std::to_string(t.rows()) + ", " +
           std::to_string(t.cols()) + "]";
}

Error shapeError(std::string what, std::string hint) { return {Errc::InvalidShape, std::move(what), std::move(hint)}; }

struct NonFinite {
    Index count = 0;
    std::array<Index, 4> first{};
};

/// By the exponent's bits, without a branch, so that it runs at the speed of memory.
bool hasNonFinite(std::span<const float> row)
{
    constexpr std::uint32_t exponent = 0x7F800000U;
    std::uint32_t found = 0;
    for (const float x : row)
        found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(x) & exponent) == exponent);
    return found != 0;
}

NonFinite findNonFinite(const TensorView<const float>& t)
{
    NonFinite found;
    for (Index b = 0; b < t.batch(); ++b)
        for (Index h = 0; h < t.heads(); ++h) {
            const auto m = t.matrix({b, h});
            for (Index i = 0; i < m.rows; ++i)
                for (Index j = 0, end = hasNonFinite(m.rowSpan(i)) ? m.cols : 0; j < end; ++j)
                    if (!std::isfinite(m(i, j)) && found.count++ == 0)
                        found.first = {b, h, i, j};
        }
    return found;
}

Error nonFiniteError(const std::string& name, const NonFinite& bad)
{
    const auto& [b, h, i, j] = bad.first;
    return {Errc::InvalidParam,
            name + " holds " + std::to_string(bad.count) + (bad.count == 1 ? " value that is" : " values that are") +
                " NaN or infinite, the first at [" + std::to_string(b) + ", " + std::to_string(h) + ", " + std::to_string(i) + ", " +
                std::to_string(j) + "].",
            "Clean or clip the array before loading it; float16 overflows above 65504."};
}

} // namespace

Shape Inputs::shape() const { return {q.batch(), q.heads(), q.rows(), k.rows(), q.cols(), v.cols()}; }

float Inputs::effectiveScale() const { return scale != 0.0F ? scale : 1.0F / std::sqrt(static_cast<float>(q.cols())); }

HeadRef Inputs::kvHead(HeadRef h) const { return {h.batch, h.head * k.heads() / q.heads()}; }

std::optional<MatrixView<const float>> Inputs::array(std::string_view name, HeadRef h) const
{
    const auto found = arrays.find(name);
    if (found == arrays.end())
        return std::nullopt;
    const auto& view = found->second;
    const Index head = view.heads() == q.heads() ? h.head : view.heads() == 1 ? 0 : kvHead(h).head;
    return view.matrix({view.batch() == 1 ? 0 : h.batch, head});
}

Result<void> validate(const Inputs& in)
{
    if (in.q.size() == 0 || in.k.size() == 0 || in.v.size() == 0)
        return shapeError("There is nothing to attend to: q is " + sizeText(in.q) + ", k " + sizeText(in.k) + ", v " + sizeText(in.v) + ".",
                          "Give q, k and v at least one row and one column.");
    if (in.q.cols() != in.k.cols())
        return shapeError("q has width " + std::to_string(in.q.cols()) + " but k has width " + std::to_string(in.k.cols()) + ".",
                          "Queries and keys need the same width D; check which arrays were chosen as q and k, and the layout.");
    if (in.k.rows() != in.v.rows())
        return shapeError("k has " + std::to_string(in.k.rows()) + " rows but v has " + std::to_string(in.v.rows()) + ".",
                          "Each key needs one value; check which array was chosen as v, and the layout.");
    if (in.q.batch() != in.k.batch() || in.k.batch() != in.v.batch())
        return shapeError("The batch sizes differ: q " + sizeText(in.q) + ", k " + sizeText(in.k) + ", v " + sizeText(in.v) + ".",
                          "Check the layout of the arrays.");
    if (in.k.heads() != in.v.heads() || in.q.heads() % in.k.heads() != 0)
        return shapeError("The heads don't match: q has " + std::to_string(in.q.heads()) + ", k " + std::to_string(in.k.heads()) + ", v " +
                              std::to_string(in.v.heads()) + ".",
                          "k and v need equally many heads, and that number must divide the number of query heads.");
    if (in.window < 0)
        return Error{Errc::InvalidParam, "A window can't be of " + std::to_string(in.window) + " keys.", "Give at least 1, or 0 for none."};
    if (in.window > 0 && in.q.rows() > in.k.rows())
        return shapeError("A window needs a place for each of the " + std::to_string(in.q.rows()) + " queries among only " +
                              std::to_string(in.k.rows()) + " keys.",
                          "Leave the window out, or give at least as many keys as queries.");
    if (in.causal && in.q.rows() > in.k.rows())
        return shapeError("Causal attention of " + std::to_string(in.q.rows()) + " queries to only " + std::to_string(in.k.rows()) +
                              " keys leaves the first queries nothing to see.",
                          "Switch causal off, or give at least as many keys as queries.");
    return validateArrays(in);
}

Result<void> checkFinite(const Inputs& in)
{
    std::vector<std::pair<std::string, TensorView<const float>>> arrays{{"q", in.q}, {"k", in.k}, {"v", in.v}};
    arrays.insert(arrays.end(), in.arrays.begin(), in.arrays.end());
    for (const auto& [name, view] : arrays) {
        if (const auto bad = findNonFinite(view); bad.count > 0)
            return nonFiniteError(name, bad);
    }
    return {};
}

} // namespace attnscope
