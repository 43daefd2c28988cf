// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/method/registry.h"

#include "core/methods/registry_generated.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace attnscope {

namespace {

int familyOrder(std::string_view family)
{
    constexpr std::array<std::string_view, 6> order{"exact", "kernel", "landmark", "sparse", "recurrent", "reference"};
    return static_cast<int>(std::find(order.begin(), order.end(), family) - order.begin());
}

/// Levenshtein distance, to name the id that was probably meant.
std::size_t editDistance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row.back();
}

} // namespace

const std::vector<std::unique_ptr<const AttentionMethod>>& allMethods()
{
    static const auto methods = [] {
        auto made = methods::makeAll();
        std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) {
            const auto& x = a->info();
            const auto& y = b->info();
            return std::pair(familyOrder(x.family), x.id) < std::pair(familyOrder(y.family), y.id);
        });
        return made;
    }();
    return methods;
}

const AttentionMethod* findMethod(std::string_view id)
{
    for (const auto& method : allMethods())
        if (method->info().id == id)
            return method.get();
    return nullptr;
}

Result<const AttentionMethod*> requireMethod(std::string_view id)
{
    if (const auto* method = findMethod(id))
        return method;
    std::string nearest;
    std::size_t best = std::string_view::npos;
    for (const auto& method : allMethods())
        if (const auto distance = editDistance(id, method->info().id); distance < best) {
            best = distance;
            nearest = method->info().id;
        }
    return Error{Errc::InvalidParam, "There is no method \"" + std::string(id) + "\".",
                 "Did you mean " + nearest + "? `attnscope-cli methods` lists all of them."};
}

} // namespace attnscope
