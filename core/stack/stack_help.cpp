// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/stack_help.h"

#include "core/base/resources.h"
#include "core/stack/published_comparison.h"
#include "core/stack/read_architecture.h"
#include "core/stack/stack_memory.h"
#include "core/stack/stack_text.h"

#include <cmath>
#include <cstdio>

namespace attnscope {

namespace {

constexpr const char* kPrinciples = R"(Whole architectures: how the numbers come about

Layers. A model's config.json says in one of a dozen ways which layers attend; the key that decided
is shown beside the name. Where no key does, the guess is said to be one.

Memory. Per token, a layer that attends keeps 2 x key heads x width numbers (latent attention: latent
+ rope), a window stops growing at its length. A recurrent layer keeps heads x key width x value width
numbers in fp32 and the last taps of its short convolution, at any length. Everything is in the
config's number format (bf16 where it names none).

Time of a prompt. Two FLOP for every parameter at work and token, four for every width, head and pair
of tokens in sight (half of n x n for a causal layer), and a mixer's own count for every token. On a
card, the larger of FLOP over its rate and bytes over its bandwidth. On this machine, each layer's
kernels are run once and the times of their units of work added: pairs for attention, tokens for
mixers, products for the rest. Beyond the measured lengths attention is continued with slope 2, mixers
with slope 1: "extrapolated".

Time of a token. A step reads all weights at work once (of experts those that the batch hits), the
cache as far as it is seen, and reads and writes the state. Below some milliseconds the fixed cost of
starting a step's kernels rules.

What is left out. Kernels that overlap, a server's scheduler, batches that go in waves because they do
not fit: predictions of ceilings are within 20 % at best. Colours of a curve say which part rules.

Conversations. A cache can be cut back to any earlier token. A recurrent state can't: an engine
must keep a checkpoint of the whole state for every point to resume from, or read everything again.
Both are computed: "prefix reuse" and "no prefix reuse".
)";

std::string offText(double predicted, double published)
{
    const auto percent = std::lround(100.0 * (predicted / published - 1.0));
    return (percent > 0 ? "+" : "") + std::to_string(percent) + " %";
}

void addLine(std::string& text, const ComparedRun& prefill, const ComparedRun& decode)
{
    char line[160];
    std::snprintf(line, sizeof line, "%8s  %10s %10s %7s   %10s %10s %7s%s\n", plainCount(prefill.n).c_str(),
                  plainTime(prefill.publishedMs).c_str(), plainTime(prefill.predictedMs).c_str(),
                  offText(prefill.predictedMs, prefill.publishedMs).c_str(), plainTime(decode.publishedMs).c_str(),
                  plainTime(decode.predictedMs).c_str(), offText(decode.predictedMs, decode.publishedMs).c_str(),
                  decode.fits ? "" : "  does not fit");
    text += line;
}

void addTable(std::string& text, const std::vector<ComparedRun>& runs, const std::string& architecture)
{
    text += "            a prompt                         a step\n";
    text += "       n   published  predicted     off    published  predicted     off\n";
    for (const auto& prefill : runs)
        for (const auto& decode : runs)
            if (prefill.architecture == architecture && decode.architecture == architecture && prefill.quantity == "prefill" &&
                decode.quantity == "decode" && prefill.n == decode.n)
                addLine(text, prefill, decode);
}

/// Published steps of Llama over those of Mamba-3.
double slowdownAt(const std::vector<ComparedRun>& runs, double n)
{
    double llama = 0.0;
    double mamba = 1.0;
    for (const auto& run : runs)
        if (run.quantity == "decode" && run.n == n) {
            llama = run.architecture == "llama-3.2-1b" ? run.publishedMs : llama;
            mamba = run.architecture == "mamba3-1.5b-shape" ? run.publishedMs : mamba;
        }
    return llama / mamba;
}

std::string workedExample()
{
    const auto studies = publishedStudies();
    const auto card = findCard("h100-calibrated");
    const auto path = findResource("architectures/llama-3.2-1b.json");
    const auto llama = path ? readArchitecture(*path) : Result<Architecture>(Error{});
    if (!studies || !card || !llama)
        return {};
    const auto runs = comparePrefillAndDecode(*studies, *card);
    if (!runs)
        return {};
    std::string text = "\nWorked example: Llama 3.2 1B in vLLM on one H100, batch 128, as Mamba-3's authors published it\n\n";
    text += "Its " + plainCount(parametersOf(*llama).active) + " parameters at work and " + plainBytes(kvBytesPerToken(*llama)) +
            " of cache per token are known. Three constants\nare set by hand: " + plainDigits(card->flopPerSecond.at("bf16") / 1e12) +
            " TFLOP/s, " + plainDigits(card->bytesPerSecond / 1e12) + " TB/s (55 % of the card's), and " + plainTime(card->stepFloorMs) +
            " for the shortest\nstep. They predict ten published times:\n\n";
    addTable(text, *runs, "llama-3.2-1b");
    text += "\nWhere it does not fit, the published run must have gone in waves. Mamba-3 beside it, with one more\nconstant (" +
            plainDigits(card->mixerFlopPerSecond / 1e12) +
            " TFLOP/s of recurrent mixers, from Mamba-2 at 2,048 tokens), is flat in its steps:\n\n";
    addTable(text, *runs, "mamba3-1.5b-shape");
    text += "\nThe same Transformer reads a prompt faster and, at 16,384 tokens, writes " + plainDigits(slowdownAt(*runs, 16384)) +
            " times slower:\nneither number alone says which architecture is the faster one. "
            "`attnscope-cli table prefill-decode`\nprints all of them.\n";
    return text;
}

} // namespace

std::string stackHelp() { return kPrinciples + workedExample(); }

} // namespace attnscope
