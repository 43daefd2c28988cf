// SPDX-License-Identifier: GPL-3.0-or-later
// attnscope-cli: the same functions as the explorer, for scripts and machines without a display.
#include "app/cli/command.h"
#include "app/cli/exit_code.h"
#include "app/cli/interrupt.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <new>

namespace {

using namespace attnscope;

constexpr const char* kFooter = "Exit codes: 0 ok, 2 usage, 3 bad input, 4 unsupported or does not fit, 5 cancelled, 1 anything else.\n"
                                "Errors are one sentence and a hint on stderr; --json prints one document on stdout.";

std::string sentence(std::string text)
{
    while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
        text.pop_back();
    if (!text.empty() && text.back() != '.')
        text += '.';
    return text;
}

int runCommand(const cli::Command& command, const RunContext& context)
{
    const int code = command.action(context);
    // A full disk behind a redirected stdout shows only here.
    if (code == cli::kOk && !std::cout.flush())
        return cli::failOutput({Errc::Io, "The result could not be written to standard output.", "Check the space where it goes."});
    return code;
}

int parseAndRun(int argc, char** argv)
{
    CLI::App parser("Attnscope: exact attention, its linear-time relatives, the error and the cost between them.", "attnscope-cli");
    parser.set_version_flag("--version", std::string("attnscope-cli ") + ATTNSCOPE_VERSION, "Print the version.");
    parser.set_help_flag("-h,--help", "Print this help.");
    parser.footer(kFooter);
    parser.require_subcommand(1);
    const std::array commands{cli::addMethods(parser), cli::addExtract(parser), cli::addRun(parser),    cli::addMap(parser),
                              cli::addCompare(parser), cli::addRows(parser),    cli::addSweep(parser),  cli::addVerify(parser),
                              cli::addTable(parser),   cli::addAdvise(parser),  cli::addTheory(parser), cli::addStack(parser),
                              cli::addForward(parser)};
    const CLI::App* chosen = &parser;
    const std::string first = argc > 1 ? argv[1] : "";
    const auto named = [&first](const cli::Command& command) { return command.app->get_name() == first; };
    if (!first.empty() && first.front() != '-' && std::none_of(commands.begin(), commands.end(), named))
        return cli::failUsage("There is no subcommand \"" + first + "\".", "`attnscope-cli --help` lists them.");
    try {
        parser.parse(argc, argv);
    } catch (const CLI::Success& wanted) { // --help, --version
        return parser.exit(wanted);
    } catch (const CLI::ParseError& error) {
        for (const auto& command : commands)
            if (command.app->parsed())
                chosen = command.app;
        const std::string help = chosen == &parser ? "attnscope-cli --help" : "attnscope-cli " + chosen->get_name() + " --help";
        return cli::failUsage(sentence(error.what()), "`" + help + "` lists the options.");
    }
    const cli::Interrupt interrupt;
    RunContext context;
    context.stop = interrupt.token();
    for (const auto& command : commands)
        if (command.app->parsed())
            return runCommand(command, context);
    return cli::kUsage;
}

} // namespace

int main(int argc, char** argv)
{
    // A closed pipe or a file size limit then fails the write, which is reported, instead of killing the program.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        return parseAndRun(argc, argv);
    } catch (const std::bad_alloc&) {
        std::fputs("The machine has not enough memory for this.\nShorten the input or choose one head.\n", stderr);
        return cli::kUnsupported;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "An internal error stopped the program: %s.\nPlease report it with the command line.\n", error.what());
        return cli::kOther;
    }
}
