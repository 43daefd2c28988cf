// SPDX-License-Identifier: GPL-3.0-or-later
// `run`: the output of one method on q, k, v from a file, written as .npy.
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/input_options.h"
#include "app/cli/method_options.h"
#include "core/io/npy.h"

#include <CLI/App.hpp>

namespace attnscope::cli {

namespace {

struct Options {
    std::shared_ptr<InputOptions> input;
    std::shared_ptr<MethodOptions> method;
    std::shared_ptr<ContextOptions> context;
    std::string out;
};

/// [N, Dv] for one head, else [H, N, Dv], with B in front where the input has a batch axis.
std::vector<Index> outputShape(const Shape& s, bool oneHead, bool batched)
{
    if (oneHead)
        return {s.queries, s.valueDim};
    return batched ? std::vector<Index>{s.batch, s.heads, s.queries, s.valueDim} : std::vector<Index>{s.heads, s.queries, s.valueDim};
}

int runRun(const Options& options, const RunContext& given)
{
    const auto choice = options.method->choice();
    if (!choice)
        return failUsage(choice.error());
    const auto backend = options.context->findBackend();
    if (!backend)
        return fail(backend.error());
    const RunContext context = options.context->apply(given);
    const auto input = options.input->open(context);
    if (!input)
        return failInput(input.error());
    if (auto supported = (*backend)->supports(*choice->method, input->inputs.shape(), input->inputs.causal); !supported)
        return fail(supported.error());
    auto file = NpyWriter::create(options.out, outputShape(input->inputs.shape(), options.input->oneHead(), input->batched));
    if (!file) // found out before the work is done
        return failOutput(file.error());
    if ((*backend)->id() == "cpu")
        sayIfLong(*choice, input->inputs, context);
    const auto output = (*backend)->run(*choice->method, input->inputs, choice->params, context);
    if (!output)
        return fail(output.error());
    if (auto written = file->write(output->values()); !written)
        return failOutput(written.error());
    if (auto written = file->commit(); !written)
        return failOutput(written.error());
    return kOk;
}

} // namespace

Command addRun(CLI::App& parser)
{
    auto* app = parser.add_subcommand("run", "Compute a method's output and write it as .npy: [B,] H, N, Dv; N, Dv with --head.");
    auto options = std::make_shared<Options>();
    options->input = addInputOptions(*app, "all heads where left out.");
    options->method = addMethodOptions(*app);
    options->context = addContextOptions(*app, true);
    app->add_option("--out", options->out, "The .npy file to write (float32).")->required();
    return {app, [options](const RunContext& context) { return runRun(*options, context); }};
}

} // namespace attnscope::cli
