// SPDX-License-Identifier: GPL-3.0-or-later
// The subcommands of attnscope-cli: each file adds its options to the parser and returns what runs when it is chosen.
#pragma once

#include "core/base/run_context.h"

#include <functional>

namespace CLI {
class App;
}

namespace attnscope::cli {

/// Returns the exit code; `context.stop` is requested by Ctrl+C.
using Action = std::function<int(RunContext context)>;

struct Command {
    CLI::App* app = nullptr; ///< owned by the parser
    Action action;
};

Command addMethods(CLI::App& parser);
Command addExtract(CLI::App& parser);
Command addRun(CLI::App& parser);
Command addMap(CLI::App& parser);
Command addCompare(CLI::App& parser);
Command addRows(CLI::App& parser);
Command addSweep(CLI::App& parser);
Command addVerify(CLI::App& parser);
Command addTable(CLI::App& parser);
Command addAdvise(CLI::App& parser);
Command addTheory(CLI::App& parser);
Command addStack(CLI::App& parser);
Command addForward(CLI::App& parser);

} // namespace attnscope::cli
