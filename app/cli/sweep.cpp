// SPDX-License-Identifier: GPL-3.0-or-later
// `sweep`: latency against length on this machine, with fitted growth and crossovers.
#include "core/bench/sweep.h"
#include "app/cli/command.h"
#include "app/cli/context_options.h"
#include "app/cli/exit_code.h"
#include "app/cli/lengths.h"
#include "app/cli/method_options.h"
#include "app/cli/output.h"
#include "core/bench/machine.h"
#include "core/bench/peaks.h"

#include <CLI/App.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace attnscope::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
    std::shared_ptr<MethodOptions> methods;
    std::shared_ptr<ContextOptions> context;
    std::string lengths = "64:65536";
    SweepSpec spec;
    bool json = false;
    bool csv = false;
    bool withPeaks = false;
    std::optional<MachinePeaks> peaks; ///< where they were asked for, once measured

    std::optional<PeakShares> sharesOf(const SweepSample& sample) const
    {
        if (!peaks || sample.status != SweepStatus::Ok)
            return std::nullopt;
        return attnscope::sharesOf(sample, spec.methods[sample.index].method->info(), *peaks);
    }
};

Json peaksJson(const MachinePeaks& peaks)
{
    const auto ceiling = [](const Ceiling& c) { return Json{{"one", c.one}, {"all", c.all}}; };
    return {{"threads", peaks.threads},
            {"flops", ceiling(peaks.flops)},
            {"exponentials", ceiling(peaks.exponentials)},
            {"bytes", ceiling(peaks.bytes)}};
}

Json machineJson(const Options& options, const Backend& backend, const RunContext& context)
{
    const auto& machine = machineInfo();
    Json json{{"processor", machine.processor},
              {"instructionSet", machine.instructionSet},
              {"hardwareThreads", machine.hardwareThreads},
              {"memoryBytes", machine.memoryBytes},
              {"system", machine.system},
              {"compiler", machine.compiler},
              {"device", backend.device()},
              {"threads", context.threadCount()},
              {"memoryBudgetBytes", context.memoryBudget},
              {"timeCapSeconds", options.spec.timeCapSeconds},
              {"repeats", options.spec.repeats},
              {"seed", options.spec.seed},
              {"version", ATTNSCOPE_VERSION}};
    if (options.peaks)
        json["peaks"] = peaksJson(*options.peaks);
    return json;
}

Json samplesJson(const Options& options, const std::vector<SweepSample>& samples)
{
    Json list = Json::array();
    for (const auto& s : samples) {
        list.push_back({{"method", s.method},
                        {"backend", s.backend},
                        {"dtype", s.dtype},
                        {"causal", s.causal},
                        {"heads", s.heads},
                        {"dim", s.dim},
                        {"n", s.n},
                        {"status", toString(s.status)},
                        {"medianMs", numberOrNull(s.medianMs)},
                        {"q1Ms", numberOrNull(s.q1Ms)},
                        {"q3Ms", numberOrNull(s.q3Ms)},
                        {"flops", s.flops},
                        {"bytes", s.bytes},
                        {"peakBytes", s.peakBytes}});
        if (const auto shares = options.sharesOf(s))
            list.back()["ofPeak"] = {
                {"flops", shares->flops}, {"exponentials", numberOrNull(shares->exponentials)}, {"bytes", shares->bytes}};
    }
    return list;
}

Json fitsJson(const std::vector<SweepFit>& fits)
{
    Json list = Json::array();
    for (const auto& [index, method, backend, fit] : fits)
        list.push_back({{"method", method},
                        {"backend", backend},
                        {"exponent", fit.exponent},
                        {"low", fit.low},
                        {"high", fit.high},
                        {"from", static_cast<Index>(fit.from)},
                        {"to", static_cast<Index>(fit.to)}});
    return list;
}

Json crossoversJson(const std::vector<SweepCrossover>& crossovers)
{
    Json list = Json::array();
    for (const auto& [a, b, at, aBackend, bBackend] : crossovers) {
        const auto length = [&at = at](double Crossover::*field) { return at ? Json((*at).*field) : Json(nullptr); };
        list.push_back(
            {{"a", a}, {"b", b}, {"n", length(&Crossover::n)}, {"low", length(&Crossover::low)}, {"high", length(&Crossover::high)}});
    }
    return list;
}

void printHeader(const Options& options, const Backend& backend, const RunContext& context)
{
    const auto& spec = options.spec;
    std::cout << machineInfo().processor << ", " << context.threadCount() << " threads, " << machineInfo().instructionSet << "; backend "
              << backend.id() << " (" << backend.device() << "); " << toString(backend.dtype()) << ", " << spec.heads
              << (spec.heads == 1 ? " head" : " heads") << " of width " << spec.dim << ", " << (spec.causal ? "causal" : "bidirectional")
              << "\n";
    if (options.peaks) {
        const bool isCard = backend.id() != "cpu";
        const auto line = [isCard](const char* name, const Ceiling& c, double unit, const char* unitName) {
            std::cout << "  " << name << shortNumber(c.one / unit) << " " << unitName;
            if (!isCard)
                std::cout << " (one thread), " << shortNumber(c.all / unit) << " (all)";
            std::cout << '\n';
        };
        std::cout << "Ceilings of this " << (isCard ? "card" : "machine") << ", measured; of each row, what part of them"
                  << (isCard ? "" : " (all threads)") << " it reaches\n";
        line("FMA    ", options.peaks->flops, 1e9, "GFLOP/s");
        line("exp    ", options.peaks->exponentials, 1e9, "G/s");
        line("triad  ", options.peaks->bytes, 1e9, "GB/s");
    }
    std::cout << '\n';
}

std::string sharesText(const std::optional<PeakShares>& shares)
{
    if (!shares)
        return {};
    const auto percent = [](double x) { return shortNumber(100.0 * x) + " %"; };
    return "  FMA " + percent(shares->flops) + (shares->exponentials ? ", exp " + percent(*shares->exponentials) : "") + ", triad " +
           percent(shares->bytes);
}

void printSampleRow(const Options& options, const SweepSample& s)
{
    if (s.status == SweepStatus::Ok)
        std::printf("%8lld  %-28s %10s ms  (%s to %s)  %s GFLOP/s%s\n", static_cast<long long>(s.n), s.method.c_str(),
                    shortNumber(s.medianMs).c_str(), shortNumber(s.q1Ms).c_str(), shortNumber(s.q3Ms).c_str(),
                    shortNumber(s.flops / *s.medianMs * 1e-6).c_str(), sharesText(options.sharesOf(s)).c_str());
    else
        std::printf("%8lld  %-28s %10s     %s\n", static_cast<long long>(s.n), s.method.c_str(), std::string(toString(s.status)).c_str(),
                    s.message.c_str());
    std::fflush(stdout);
}

void printSummary(const std::vector<SweepSample>& samples)
{
    const auto fits = fitsOf(samples);
    std::cout << (fits.empty() ? "\n" : "\nGrowth, time ~ n^p (95 % interval)\n");
    for (const auto& [index, method, backend, fit] : fits)
        std::cout << "  " << method << ": p = " << shortNumber(fit.exponent) << " (" << shortNumber(fit.low) << " to "
                  << shortNumber(fit.high) << ") from n = " << fit.from << " to " << fit.to << '\n';
    const auto crossovers = crossoversOf(samples);
    if (!crossovers.empty())
        std::cout << "Crossovers\n";
    for (const auto& [a, b, at, aBackend, bBackend] : crossovers) {
        std::cout << "  " << a << " and " << b << ": ";
        if (at)
            std::cout << "n = " << shortNumber(at->n) << " (" << shortNumber(at->low) << " to " << shortNumber(at->high) << ")\n";
        else
            std::cout << "none in range\n";
    }
}

std::string sharesCsv(const Options& options, const SweepSample& sample)
{
    if (!options.peaks)
        return {};
    const auto shares = options.sharesOf(sample);
    if (!shares)
        return ",,,";
    return "," + Json(shares->flops).dump() + "," + (shares->exponentials ? Json(*shares->exponentials).dump() : "") + "," +
           Json(shares->bytes).dump();
}

void printCsv(const Options& options, const std::vector<SweepSample>& samples)
{
    std::cout << "method,parameters,backend,dtype,causal,heads,dim,n,status,medianMs,q1Ms,q3Ms,flops,peakBytes,message"
              << (options.peaks ? ",ofFlops,ofExponentials,ofBytes\n" : "\n");
    const auto number = [](const auto& value) { return numberOrNull(value).is_null() ? std::string() : numberOrNull(value).dump(); };
    for (const auto& s : samples)
        std::cout << csvField(s.method) << ',' << csvField(s.parameters) << ',' << s.backend << ',' << s.dtype << ','
                  << (s.causal ? "true" : "false") << ',' << s.heads << ',' << s.dim << ',' << s.n << ',' << toString(s.status) << ','
                  << number(s.medianMs) << ',' << number(s.q1Ms) << ',' << number(s.q3Ms) << ',' << Json(s.flops).dump() << ','
                  << Json(s.peakBytes).dump() << ',' << csvField(s.message) << sharesCsv(options, s) << '\n';
}

/// Unsupported where not one of the methods has the form that was asked for.
Result<void> checkSupported(const SweepSpec& spec, const Backend& backend)
{
    Result<void> last;
    for (const auto& choice : spec.methods) {
        const Index n = spec.lengths.front();
        last = backend.supports(*choice.method, {1, spec.heads, n, n, spec.dim, spec.dim}, spec.causal);
        if (last)
            return {};
    }
    return last;
}

/// The processor's, or the card's as if it had one thread.
Result<MachinePeaks> peaksOf(const Backend& backend, const RunContext& context)
{
    if (backend.id() == "cpu")
        return measurePeaks(context, backend.dtype());
    const auto card = backend.ceilings();
    if (!card)
        return card.error();
    return MachinePeaks{1, {card->flops, card->flops}, {card->exponentials, card->exponentials}, {card->bytes, card->bytes}};
}

int runSweepCommand(Options& options, const RunContext& given)
{
    auto methods = options.methods->choices();
    if (!methods)
        return failUsage(methods.error());
    auto lengths = parseLengths(options.lengths);
    if (!lengths)
        return failUsage(lengths.error());
    const auto backend = options.context->findBackend();
    if (!backend)
        return fail(backend.error());
    options.spec.methods = std::move(*methods);
    options.spec.lengths = std::move(*lengths);
    options.spec.seed = options.methods->seed;
    if (auto supported = checkSupported(options.spec, **backend); !supported)
        return fail(supported.error());
    const RunContext context = options.context->apply(given);
    const bool table = !options.json && !options.csv;
    if (options.withPeaks) {
        auto peaks = peaksOf(**backend, context);
        if (!peaks)
            return fail(peaks.error());
        options.peaks = *peaks;
    }
    if (table)
        printHeader(options, **backend, context);
    const auto samples = runSweep(options.spec, **backend, context, [&options, table](const SweepSample& s) {
        if (table)
            printSampleRow(options, s);
    });
    if (!samples)
        return failUsage(samples.error());
    if (options.json)
        printJson({{"machine", machineJson(options, **backend, context)},
                   {"samples", samplesJson(options, *samples)},
                   {"fits", fitsJson(fitsOf(*samples))},
                   {"crossovers", crossoversJson(crossoversOf(*samples))}});
    else if (options.csv)
        printCsv(options, *samples);
    else
        printSummary(*samples);
    return kOk;
}

} // namespace

Command addSweep(CLI::App& parser)
{
    auto* app = parser.add_subcommand("sweep", "Measure latency against length on this machine.");
    auto options = std::make_shared<Options>();
    options->methods = addMethodListOptions(*app);
    app->add_option("--lengths", options->lengths, "First:last in powers of two, or a list: 64:65536, or 100,200,400.")
        ->capture_default_str();
    app->add_option("--dim", options->spec.dim, "Width of q, k and v.")->capture_default_str()->check(CLI::Range(1, 65536));
    app->add_option("--heads", options->spec.heads, "Heads.")->capture_default_str()->check(CLI::Range(1, 65536));
    app->add_flag("--causal", options->spec.causal, "Each query sees only the keys up to its own position.");
    app->add_option("--time-cap", options->spec.timeCapSeconds, "Seconds; what takes or is predicted to take longer is marked capped.")
        ->capture_default_str()
        ->check(checkPositive);
    app->add_option("--repeats", options->spec.repeats, "Timed runs per sample at least, within the time cap.")
        ->capture_default_str()
        ->check(CLI::Range(1, 100000));
    app->add_flag(
        "--peaks", options->withPeaks,
        "First measure what the processor or the GPU can do at most (multiply-adds, exponentials, memory), then give every result as a "
        "part of it.");
    options->context = addContextOptions(*app, true);
    auto* json = app->add_flag("--json", options->json, "One JSON document on stdout, when all is measured.");
    app->add_flag("--csv", options->csv, "The samples as CSV on stdout, when all is measured.")->excludes(json);
    return {app, [options](const RunContext& context) { return runSweepCommand(*options, context); }};
}

} // namespace attnscope::cli
