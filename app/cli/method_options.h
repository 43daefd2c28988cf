// SPDX-License-Identifier: GPL-3.0-or-later
// --method ID --param key=value --seed N, as the subcommands read them.
#pragma once

#include "core/method/method_list.h"

#include <memory>

namespace CLI {
class App;
}

namespace attnscope::cli {

struct MethodOptions {
    std::string method; ///< an id
    std::vector<std::string> params;
    std::string list; ///< for subcommands of several methods
    std::uint64_t seed = 0;

    /// --method with its parameters, files read.
    Result<MethodChoice> choice() const;

    /// --methods, files read.
    Result<std::vector<MethodChoice>> choices() const;
};

/// The choice with the arrays that its File parameters name; a bad file is bad input, not bad usage.
Result<MethodChoice> withFiles(MethodChoice choice);

/// On stderr where a calculation will take longer than a minute: "Best rank r (SVD) takes about 40 min here."
void sayIfLong(const MethodChoice& choice, const Inputs& inputs, const RunContext& context);

/// --method, --param, --seed.
std::shared_ptr<MethodOptions> addMethodOptions(CLI::App& app);

/// --methods, --seed.
std::shared_ptr<MethodOptions> addMethodListOptions(CLI::App& app);

} // namespace attnscope::cli
