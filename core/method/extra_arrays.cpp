// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/extra_arrays.h"

#include "core/method/inputs.h"

#include <algorithm>
#include <array>

namespace attnscope {

std::span<const KnownArray> knownArrays()
{
    static constexpr std::array known{
        KnownArray{"A", "rate of decay, negative: of a head, of its channels, or of each token"},
        KnownArray{"B", "how each token is written into the state: the keys of a state space model"},
        KnownArray{"C", "how each token reads the state: the queries of a state space model"},
        KnownArray{"D", "weight of a token's own value in its output"},
        KnownArray{"a", "rate at which the state is corrected by each token"},
        KnownArray{"b", "what each token adds to the state in place of its key"},
        KnownArray{"beta", "strength with which each token is written"},
        KnownArray{"decay", "factor by which the state shrinks at each token"},
        KnownArray{"dt", "step of each token"},
        KnownArray{"g", "log decay of each token, of the state or of each of its channels"},
        KnownArray{"gk", "log decay of each token and key channel"},
        KnownArray{"kappa", "direction along which each token corrects the state: the removal key"},
        KnownArray{"lambda", "weight of each token, or of each token and level"},
        KnownArray{"mimo_o", "weight of each rank in the output, of a head, rank by rank and channel by channel of v"},
        KnownArray{"mimo_x", "weight of the values in each rank, of a head, rank by rank and channel by channel of v"},
        KnownArray{"theta", "rate of rotation of each token and pair of channels"},
        KnownArray{"trap", "share of the trapezoidal rule at each token"},
        KnownArray{"u", "bonus of a token's own key, of a head and its channels"},
        KnownArray{"w", "log decay of each token and channel"},
    };
    return known;
}

bool isKnownArray(std::string_view name)
{
    const auto known = knownArrays();
    return std::any_of(known.begin(), known.end(), [name](const KnownArray& array) { return array.name == name; });
}

Result<void> validateArrays(const Inputs& in)
{
    const auto oneOf = [](Index size, std::initializer_list<Index> allowed) {
        return std::find(allowed.begin(), allowed.end(), size) != allowed.end();
    };
    for (const auto& [name, array] : in.arrays) {
        std::string wrong;
        if (array.size() == 0)
            wrong = "is empty";
        else if (!oneOf(array.batch(), {1, in.q.batch()}))
            wrong = "has a batch of " + std::to_string(array.batch()) + ", not " + std::to_string(in.q.batch());
        else if (!oneOf(array.heads(), {1, in.k.heads(), in.q.heads()}))
            wrong = "has " + std::to_string(array.heads()) + " heads, not " + std::to_string(in.q.heads());
        else if (!oneOf(array.rows(), {1, in.k.rows(), in.q.rows()}))
            wrong = "has " + std::to_string(array.rows()) + " tokens, not " + std::to_string(in.k.rows());
        if (!wrong.empty())
            return Error{Errc::InvalidShape, "The array \"" + name + "\" " + wrong + ".",
                         "Give it one row per token, for each head or for all of them, or one row for all tokens."};
    }
    return {};
}

} // namespace attnscope
