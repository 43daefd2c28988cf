// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/change_name.h"

#include "core/method/registry.h"

#include <QFileInfo>
#include <QObject>

#include <algorithm>

namespace attnscope {

namespace {

QString tr(const char* text) { return QObject::tr(text); }

QString textOf(std::string_view word) { return QString::fromUtf8(word.data(), qsizetype(word.size())); }

/// "features 64 → 128".
QString step(const QString& what, const QString& before, const QString& after)
{
    return QStringLiteral("%1 %2 → %3").arg(what, before, after);
}

QString step(const QString& what, Index before, Index after) { return step(what, QString::number(before), QString::number(after)); }

QString onOff(const QString& what, bool on) { return QStringLiteral("%1 %2").arg(what, on ? tr("on") : tr("off")); }

QString titleOf(const MethodSetting& setting)
{
    const auto* method = findMethod(setting.id);
    return QString::fromStdString(method ? method->info().title : setting.id);
}

/// As it stands in the setting, or the method's default.
QString valueOf(const MethodSetting& setting, const std::string& key)
{
    for (const auto& [name, value] : setting.params)
        if (name == key)
            return QString::fromStdString(value);
    if (const auto* method = findMethod(setting.id))
        for (const auto& spec : method->info().params)
            if (spec.key == key)
                return spec.kind == ParamKind::Number ? QString::number(spec.initial)
                       : spec.choices.empty()         ? tr("none")
                                                      : QString::fromStdString(spec.choices.front());
    return {};
}

ChangeName inputName(const InputChoice& before, const InputChoice& after)
{
    constexpr int kWords = 24; // characters of a typed text
    if (before.layout != after.layout)
        return {{}, QObject::tr("layout %1").arg(after.layout.empty() ? tr("guessed") : QString::fromStdString(after.layout))};
    if (before.model != after.model)
        return {
            {},
            QObject::tr("model %1").arg(after.model.empty() ? tr("bundled") : QFileInfo(QString::fromStdString(after.model)).fileName())};
    if (!after.path.empty())
        return {{}, QObject::tr("open %1").arg(QFileInfo(QString::fromStdString(after.path)).fileName())};
    const QString text = QString::fromStdString(after.text.substr(0, 4 * kWords)).simplified(); // UTF-8: up to four bytes each
    return {{}, QObject::tr("text “%1”").arg(text.size() > kWords ? text.left(kWords) + QStringLiteral("…") : text)};
}

std::optional<ChangeName> headName(const Session& before, const Session& after)
{
    if (before.layer != after.layer)
        return ChangeName{"layer", step(tr("layer"), before.layer, after.layer)};
    if (before.head.head != after.head.head)
        return ChangeName{"head", step(tr("head"), before.head.head, after.head.head)};
    if (before.head.batch != after.head.batch)
        return ChangeName{"batch", step(tr("batch"), before.head.batch, after.head.batch)};
    if (before.causal != after.causal)
        return ChangeName{{}, after.causal ? onOff(tr("causal"), *after.causal) : tr("causal as the input")};
    return std::nullopt;
}

ChangeName settingName(std::size_t at, const MethodSetting& before, const MethodSetting& after)
{
    const QString place = QStringLiteral("approximations/%1/").arg(at);
    if (before.id != after.id)
        return {place + "id", step(tr("method"), titleOf(before), titleOf(after))};
    if (before.seed != after.seed)
        return {place + "seed", step(tr("seed"), static_cast<Index>(before.seed), static_cast<Index>(after.seed))};
    for (const auto& [key, value] : after.params)
        if (const QString was = valueOf(before, key); was != QString::fromStdString(value))
            return {place + QString::fromStdString(key), step(QString::fromStdString(key), was, QString::fromStdString(value))};
    for (const auto& [key, value] : before.params)
        if (const QString is = valueOf(after, key); is != QString::fromStdString(value))
            return {place + QString::fromStdString(key), step(QString::fromStdString(key), QString::fromStdString(value), is)};
    return {{}, tr("settings")};
}

std::optional<ChangeName> methodsName(const Session& before, const Session& after)
{
    const auto& old = before.approximations;
    const auto& now = after.approximations;
    const auto at = static_cast<std::size_t>(std::mismatch(old.begin(), old.end(), now.begin(), now.end()).first - old.begin());
    if (now.size() > old.size())
        return ChangeName{{}, QObject::tr("add %1").arg(titleOf(now[std::min(at, now.size() - 1)]))};
    if (now.size() < old.size())
        return ChangeName{{}, QObject::tr("remove %1").arg(titleOf(old[at]))};
    if (old != now)
        return settingName(at, old[at], now[at]);
    if (before.selected != after.selected && after.selected < now.size())
        return ChangeName{{}, QObject::tr("select %1").arg(titleOf(now[after.selected]))};
    return std::nullopt;
}

std::optional<ChangeName> viewName(const ViewChoice& before, const ViewChoice& after)
{
    if (before.pool != after.pool)
        return ChangeName{{}, step(tr("pool"), textOf(toString(before.pool)), textOf(toString(after.pool)))};
    if (before.normalisation != after.normalisation)
        return ChangeName{{}, step(tr("scale"), textOf(toString(before.normalisation)), textOf(toString(after.normalisation)))};
    if (before.colorMap != after.colorMap)
        return ChangeName{{}, step(tr("colours"), textOf(before.colorMap), textOf(after.colorMap))};
    if (before.metric != after.metric)
        return ChangeName{{}, step(tr("error"), textOf(toString(before.metric)), textOf(toString(after.metric)))};
    if (before.lockRange != after.lockRange)
        return ChangeName{{}, onOff(tr("range lock"), after.lockRange)};
    if (before.range != after.range)
        return ChangeName{"range", after.range ? step(tr("colour range"), QString::number(after.range->first, 'g', 3),
                                                      QString::number(after.range->second, 'g', 3))
                                               : tr("automatic colour range")};
    if (before.hideSink != after.hideSink)
        return ChangeName{{}, onOff(tr("hide column 0"), after.hideSink)};
    if (before.transposed != after.transposed)
        return ChangeName{{}, onOff(tr("transposed"), after.transposed)};
    if (before == after)
        return std::nullopt;
    return ChangeName{"pins", after.pinnedQuery ? QObject::tr("pin query %1").arg(*after.pinnedQuery) : tr("unpin")};
}

std::optional<ChangeName> boardName(const BoardChoice& before, const BoardChoice& after)
{
    if (before.mode != after.mode)
        return ChangeName{{}, tr("compare mode")};
    if (before.window != after.window)
        return ChangeName{"zoom", tr("zoom"), true};
    if (before == after)
        return std::nullopt;
    const bool links = before.panes.size() != after.panes.size();
    return links ? ChangeName{{}, tr("link of a pane")} : ChangeName{"pane", tr("zoom of a pane"), true};
}

QString layoutTitle(LayoutKind kind)
{
    switch (kind) {
    case LayoutKind::Compare:
        return tr("Compare");
    case LayoutKind::Inspect:
        return tr("Inspect");
    case LayoutKind::Measure:
        return tr("Measure");
    case LayoutKind::Teach:
        break;
    }
    return tr("Teach");
}

} // namespace

ChangeName changeName(const Session& before, const Session& after)
{
    if (!before.input.opensTheSame(after.input))
        return inputName(before.input, after.input);
    if (auto name = headName(before, after))
        return *name;
    if (auto name = methodsName(before, after))
        return *name;
    if (before.compute.backend != after.compute.backend)
        return {{}, step(tr("device"), textOf(before.compute.backend), textOf(after.compute.backend))};
    if (before.compute != after.compute)
        return {{}, step(tr("number format"), textOf(toString(before.compute.dtype)), textOf(toString(after.compute.dtype)))};
    if (auto name = viewName(before.view, after.view))
        return *name;
    if (before.text.search != after.text.search)
        return {"search", after.text.search.empty() ? tr("search") : QObject::tr("search “%1”").arg(textOf(after.text.search))};
    if (before.text != after.text)
        return {"found", tr("found place"), true};
    if (before.layout.kind != after.layout.kind && after.layout.kind)
        return {{}, QObject::tr("layout %1").arg(layoutTitle(*after.layout.kind))};
    if (auto name = boardName(before.board, after.board))
        return *name;
    return {{}, tr("change")};
}

} // namespace attnscope
