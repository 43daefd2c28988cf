// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/published_comparison.h"

#include "core/base/resources.h"
#include "core/stack/read_architecture.h"

#include <map>

namespace attnscope {

namespace {

Result<Architecture> bundled(const std::string& name)
{
    const auto path = findResource("architectures/" + name + ".json");
    if (!path)
        return Error{Errc::Io, "The architecture " + name + " that comes with the program is missing.", "Install Attnscope again."};
    return readArchitecture(*path);
}

ComparedRun compared(const PublishedMark& mark, const std::string& quantity, const Architecture& a, const Card& card)
{
    const bool decode = quantity == "decode";
    const auto point = pointAt(a, card, {decode ? Scenario::Generate : Scenario::Prompt, mark.batch}, mark.n);
    ComparedRun run{mark.series, mark.architecture, quantity, mark.n, mark.batch, mark.ms, 0.0, 0.0, 0.0, point.fits};
    run.predictedMs = decode ? point.decodeMs : point.prefillMs;
    run.lowMs = decode ? point.decodeLowMs : point.prefillLowMs;
    run.highMs = decode ? point.decodeHighMs : point.prefillHighMs;
    return run;
}

} // namespace

Result<std::vector<ComparedRun>> comparePrefillAndDecode(const std::vector<PublishedStudy>& all, const Card& card)
{
    std::vector<PublishedStudy> studies;
    for (const auto& study : all)
        if (study.id == "mamba3-prefill" || study.id == "mamba3-prefill-decode")
            studies.push_back(study);
    std::map<std::string, Architecture> architectures;
    std::vector<ComparedRun> runs;
    for (const char* quantity : {"prefill", "decode"})
        for (const auto& mark : publishedMarks(studies, quantity)) {
            if (mark.architecture.empty())
                continue;
            auto& a = architectures[mark.architecture];
            if (a.layers.empty()) {
                auto read = bundled(mark.architecture);
                if (!read)
                    return read.error();
                a = *std::move(read);
            }
            runs.push_back(compared(mark, quantity, a, card));
        }
    return runs;
}

} // namespace attnscope
