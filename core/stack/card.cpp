// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/card.h"

#include "core/base/resources.h"
#include "core/model/config_fields.h"

#include <algorithm>
#include <fstream>

namespace attnscope {

namespace fs = std::filesystem;

std::string Card::label(bool extrapolated) const
{
    if (kernels)
        return extrapolated ? "extrapolated" : "estimated";
    return source == "datasheet" ? "stated" : source;
}

std::vector<std::string> cardNames()
{
    std::vector<std::string> names;
    std::error_code failed;
    if (const auto folder = findResource("cards"))
        for (const auto& entry : fs::directory_iterator(*folder, failed))
            if (entry.path().extension() == ".json")
                names.push_back(entry.path().stem().string());
    std::sort(names.begin(), names.end());
    return names;
}

Result<Card> findCard(const std::string& name)
{
    const auto names = cardNames();
    if (std::find(names.begin(), names.end(), name) == names.end()) {
        std::string known;
        for (const auto& each : names)
            known += (known.empty() ? "" : ", ") + each;
        return Error{Errc::InvalidParam, "There is no card \"" + name + "\".", "Known are " + known + " and measured (this machine)."};
    }
    const auto path = *findResource("cards") / (name + ".json");
    std::ifstream file(path);
    const auto object = nlohmann::json::parse(file, nullptr, false);
    if (!object.is_object())
        return Error{Errc::Parse, "The card profile " + path.string() + " is not a JSON object.", "Install Attnscope again."};
    ConfigFields fields(object, "The card profile " + path.string());
    Card card;
    card.name = name;
    card.title = fields.text("title", name);
    card.source = fields.text("source", "datasheet");
    card.reference = fields.text("reference", {});
    card.bytesPerSecond = fields.number("bytesPerSecond", 1.0, 1e18, 1.0);
    card.memoryBytes = fields.number("memoryBytes", 1.0, 1e18, 1.0);
    card.stepFloorMs = fields.number("stepFloorMs", 0.0, 1e6, 0.0);
    card.mixerFlopPerSecond = fields.number("mixerFlopPerSecond", 0.0, 1e21, 0.0);
    card.uncertainty = fields.number("uncertainty", 0.0, 10.0, card.uncertainty);
    if (!fields.has("flopPerSecond"))
        fields.fail(Errc::Parse, fields.origin() + " has no \"flopPerSecond\".", "Install Attnscope again.");
    if (const auto* rates = fields.object("flopPerSecond")) {
        ConfigFields inner(*rates, fields.origin() + ", flopPerSecond");
        for (const char* dtype : {"bf16", "f16", "f32"}) {
            if (!inner.has(dtype))
                inner.fail(Errc::Parse, inner.origin() + " has no \"" + dtype + "\".", "Install Attnscope again.");
            card.flopPerSecond[dtype] = inner.number(dtype, 1.0, 1e21, 1.0);
        }
        if (inner.error())
            return *inner.error();
    }
    if (fields.error())
        return *fields.error();
    return card;
}

} // namespace attnscope
