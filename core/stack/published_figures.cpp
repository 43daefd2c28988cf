// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/stack/published_figures.h"

#include "core/base/resources.h"
#include "core/io/file_error.h"
#include "core/model/config_fields.h"
#include "core/stack/stack_text.h"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace attnscope {

namespace {

using Json = nlohmann::json;

constexpr const char* kInstallAgain = "Install Attnscope again.";

std::string requiredText(ConfigFields& fields, const char* key)
{
    if (!fields.has(key))
        fields.fail(Errc::Parse, fields.origin() + " has no \"" + key + "\".", kInstallAgain);
    return fields.text(key, {});
}

/// [n, value] or [n, value, "conditions"].
void readPoints(const Json& list, ConfigFields& fields, PublishedSeries& series)
{
    for (const auto& entry : list) {
        const bool numbers = entry.is_array() && entry.size() >= 2 && entry.size() <= 3 && entry[0].is_number() && entry[1].is_number();
        if (!numbers || entry[0] < 0 || !(entry[1] > 0) || (entry.size() == 3 && !entry[2].is_string())) {
            fields.fail(Errc::Parse, fields.origin() + ": \"points\" of \"" + series.name + "\" are not [n, value] each.", kInstallAgain);
            return;
        }
        series.points.push_back({entry[0], entry[1], entry.size() == 3 ? entry[2].get<std::string>() : std::string()});
    }
}

void readSeries(const Json& object, ConfigFields& fields, PublishedStudy& study)
{
    const auto list = object.find("series");
    if (list == object.end() || !list->is_array() || list->empty()) {
        fields.fail(Errc::Parse, fields.origin() + " has no \"series\".", kInstallAgain);
        return;
    }
    for (const auto& entry : *list) {
        const Json none = Json::object();
        ConfigFields inner(entry.is_object() ? entry : none, fields.origin() + ", series");
        PublishedSeries series{requiredText(inner, "name"), inner.text("architecture", {}), {}};
        if (inner.error() || !entry.contains("points") || !entry.at("points").is_array() || entry.at("points").empty()) {
            fields.fail(Errc::Parse, inner.error() ? inner.error()->what : inner.origin() + " has no \"points\".", kInstallAgain);
            return;
        }
        readPoints(entry.at("points"), fields, series);
        study.series.push_back(std::move(series));
    }
}

PublishedStudy readStudy(const Json& object, ConfigFields& fields)
{
    PublishedStudy study;
    study.id = requiredText(fields, "id");
    study.title = requiredText(fields, "title");
    study.quantity = requiredText(fields, "quantity");
    study.unit = requiredText(fields, "unit");
    study.hardware = requiredText(fields, "hardware");
    study.batch = fields.number("batch", 0.0, 1e9, 0.0);
    study.conditions = requiredText(fields, "conditions");
    study.source = requiredText(fields, "source");
    study.certainty = requiredText(fields, "certainty");
    study.differs = requiredText(fields, "differs");
    study.prefillStudy = fields.text("prefillStudy", {});
    readSeries(object, fields, study);
    return study;
}

/// Hardware, batch, conditions and source on one line.
std::string noteOf(const PublishedStudy& study)
{
    return study.hardware + (study.batch > 0.0 ? ", batch " + plainCount(study.batch) : std::string()) + "; " + study.conditions + "; " +
           study.source;
}

PublishedMark markOf(const PublishedStudy& study, const PublishedSeries& series, const PublishedPoint& point)
{
    PublishedMark mark{series.name, series.architecture, point.n, 0.0, study.batch, study.hardware, {}, study.differs, false};
    mark.note = noteOf(study);
    return mark;
}

const PublishedPoint* pointOf(const std::vector<PublishedStudy>& studies, const std::string& id, const std::string& name, double n)
{
    for (const auto& study : studies)
        for (const auto& series : study.series)
            for (const auto& point : series.points)
                if (study.id == id && series.name == name && point.n == n)
                    return &point;
    return nullptr;
}

} // namespace

Result<std::vector<PublishedStudy>> parsePublishedStudies(std::string_view text, const std::string& origin)
{
    const auto document = Json::parse(text, nullptr, false);
    if (!document.is_object() || !document.contains("studies") || !document.at("studies").is_array())
        return Error{Errc::Parse, origin + " is not a JSON object with a list of \"studies\".", kInstallAgain};
    std::vector<PublishedStudy> studies;
    for (const auto& object : document.at("studies")) {
        const Json none = Json::object();
        ConfigFields fields(object.is_object() ? object : none, origin + ", study " + std::to_string(studies.size() + 1));
        studies.push_back(readStudy(object.is_object() ? object : none, fields));
        if (fields.error())
            return *fields.error();
    }
    return studies;
}

Result<std::vector<PublishedStudy>> publishedStudies()
{
    const auto path = findResource("published/figures.json");
    if (!path)
        return Error{Errc::Io, "The published figures that come with the program are missing.", kInstallAgain};
    std::ifstream file(*path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return parsePublishedStudies(text, path->string());
}

std::vector<std::string> publishedSentences(const std::vector<PublishedStudy>& studies, const std::string& architecture)
{
    std::vector<std::string> sentences;
    for (const auto& study : studies)
        for (const auto& series : study.series) {
            if (architecture.empty() || series.architecture != architecture)
                continue;
            std::string values;
            for (const auto& point : series.points) {
                values += (values.empty() ? "" : ", ") + plainDigits(point.value);
                if (point.n > 0.0)
                    values += " at " + plainCount(point.n);
            }
            sentences.push_back(study.title + ": " + values + " (" + study.unit + "; " + noteOf(study) + "). " + study.differs);
        }
    return sentences;
}

std::vector<PublishedMark> publishedMarks(const std::vector<PublishedStudy>& studies, const std::string& quantity)
{
    std::vector<PublishedMark> marks;
    for (const auto& study : studies)
        for (const auto& series : study.series)
            for (const auto& point : series.points) {
                auto mark = markOf(study, series, point);
                const double scale = study.unit == "s" ? 1e3 : 1.0;
                const auto* prefill = pointOf(studies, study.prefillStudy, series.name, point.n);
                if (quantity == "prefill" && study.quantity == "prefill")
                    mark.ms = scale * point.value;
                else if (quantity == "decode" && study.quantity == "decode rate")
                    mark.ms = 1e3 / point.value;
                else if (quantity == "decode" && study.quantity == "prefill and decode" && prefill && point.n > 0.0)
                    mark.ms = scale * (point.value - prefill->value) / point.n;
                else
                    continue;
                mark.derived = study.quantity != quantity;
                marks.push_back(std::move(mark));
            }
    return marks;
}

} // namespace attnscope
