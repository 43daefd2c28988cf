// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_text.h"

#include "core/stack/stack_memory.h"

#include <QLocale>
#include <QObject>
#include <QStringList>

#include <cmath>
#include <iterator>
#include <map>

namespace attnscope {

namespace {

QString number(double value)
{
    const int digits = value >= 100.0 ? 0 : value >= 10.0 ? 1 : 2;
    QString text = QString::number(value, 'f', digits);
    if (text.contains(QLatin1Char('.'))) {
        while (text.endsWith(QLatin1Char('0')))
            text.chop(1);
        if (text.endsWith(QLatin1Char('.')))
            text.chop(1);
    }
    return text;
}

QString grouped(Index value) { return groupedText(static_cast<double>(value)); }

QString attentionTitle(const AttentionShape& attention)
{
    switch (attention.kind) {
    case AttentionKind::Full:
        return attention.latent ? QObject::tr("full attention over latents") : QObject::tr("full attention");
    case AttentionKind::Sliding:
        return QObject::tr("sliding window of %1").arg(grouped(attention.window));
    case AttentionKind::Chunked:
        return QObject::tr("attention in chunks of %1").arg(grouped(attention.window));
    case AttentionKind::None:
        break;
    }
    return {};
}

QString attentionDims(const AttentionShape& a)
{
    if (a.latent)
        return QObject::tr("%1 heads; a token's latent holds %2 numbers and %3 of its place")
            .arg(a.heads)
            .arg(a.latent->latent)
            .arg(a.latent->ropeDim);
    return QObject::tr("%1 query heads, %2 key/value heads × %3").arg(a.heads).arg(a.kvHeads).arg(a.headDim);
}

QString recurrentDims(const RecurrentShape& r)
{
    QStringList parts;
    if (r.keyDim > 0 && r.valueDim > 0)
        parts += QObject::tr("%1 × %2 × %3 numbers of state (heads × key × value)").arg(r.heads).arg(r.keyDim).arg(r.valueDim);
    if (r.convTaps > 0)
        parts += QObject::tr("convolution of %1 taps over %2 channels").arg(r.convTaps).arg(grouped(r.convChannels));
    return parts.join(QStringLiteral("; "));
}

QString csvCell(const std::string& text)
{
    QString cell = QString::fromStdString(text);
    if (cell.contains(QLatin1Char(',')) || cell.contains(QLatin1Char('"')) || cell.contains(QLatin1Char('\n')))
        cell = QLatin1Char('"') + cell.replace(QLatin1String("\""), QLatin1String("\"\"")) + QLatin1Char('"');
    return cell;
}

} // namespace

QString bytesText(double bytes)
{
    constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024.0 && unit + 1 < std::size(units); ++unit)
        bytes /= 1024.0;
    return number(bytes) + QLatin1Char(' ') + QLatin1String(units[unit]);
}

QString countText(double count)
{
    if (count >= 1e12)
        return QObject::tr("%1 trillion").arg(number(count / 1e12));
    if (count >= 1e9)
        return QObject::tr("%1 billion").arg(number(count / 1e9));
    return count >= 1e6 ? QObject::tr("%1 million").arg(number(count / 1e6)) : groupedText(count);
}

QString timeText(double ms)
{
    if (ms >= 3.6e6)
        return QObject::tr("%1 h").arg(number(ms / 3.6e6));
    if (ms >= 6e4)
        return QObject::tr("%1 min").arg(number(ms / 6e4));
    if (ms >= 1e3)
        return QObject::tr("%1 s").arg(number(ms / 1e3));
    return ms >= 1.0 ? QObject::tr("%1 ms").arg(number(ms)) : QObject::tr("%1 µs").arg(number(1e3 * ms));
}

QString tokensText(double tokens)
{
    constexpr double kilo = 1024.0;
    if (tokens >= kilo * kilo)
        return number(tokens / kilo / kilo) + QLatin1Char('M');
    return tokens >= kilo ? number(tokens / kilo) + QLatin1Char('k') : number(std::round(tokens));
}

QString groupedText(double whole) { return QLocale(QLocale::English).toString(static_cast<qlonglong>(std::llround(whole))); }

QString recurrentTitle(const std::string& method)
{
    static const std::map<std::string, const char*> titles{{"mamba1", "Mamba"},
                                                           {"mamba2", "Mamba-2"},
                                                           {"mamba3", "Mamba-3"},
                                                           {"gated-deltanet", "Gated DeltaNet"},
                                                           {"deltanet", "DeltaNet"},
                                                           {"kda", "Kimi Delta Attention"},
                                                           {"gla", "gated linear attention"},
                                                           {"hgrn2", "HGRN2"},
                                                           {"retention", "retention"},
                                                           {"lightning", "Lightning Attention"},
                                                           {"rg-lru", "RG-LRU"},
                                                           {"rwkv4", "RWKV-4"},
                                                           {"rwkv6", "RWKV-6"},
                                                           {"rwkv7", "RWKV-7"},
                                                           {"log-linear", "log-linear attention"},
                                                           {"linear", "linear attention"},
                                                           {"conv", "short convolution"}};
    const auto at = titles.find(method);
    return at == titles.end() ? QString::fromStdString(method) : QString::fromUtf8(at->second);
}

QString mixerTitle(const StackLayer& layer)
{
    const QString attention = attentionTitle(layer.attention);
    if (!layer.recurrent)
        return attention.isEmpty() ? QObject::tr("feed-forward only") : attention;
    const QString recurrent = recurrentTitle(layer.recurrent->method);
    return attention.isEmpty() ? recurrent : QObject::tr("%1 and %2 side by side").arg(attention, recurrent);
}

QString ffnTitle(const FfnShape& ffn)
{
    if (ffn.kind == FfnKind::Dense)
        return ffn.gated ? QObject::tr("dense, %1 wide, gated").arg(grouped(ffn.width))
                         : QObject::tr("dense, %1 wide").arg(grouped(ffn.width));
    if (ffn.kind == FfnKind::Moe)
        return QObject::tr("mixture of %1 experts, %2 at work, each %3 wide").arg(ffn.experts).arg(ffn.active).arg(grouped(ffn.width));
    return QObject::tr("none");
}

QString layerTip(const Architecture& a, Index index)
{
    const auto& layer = a.layers[static_cast<std::size_t>(index)];
    QStringList lines{QStringLiteral("<b>%1</b>")
                          .arg(QObject::tr("Layer %1 of %2: %3").arg(index).arg(a.layers.size()).arg(mixerTitle(layer)).toHtmlEscaped())};
    if (layer.attention.kind != AttentionKind::None) {
        lines += attentionDims(layer.attention);
        QString cache = QObject::tr("KV cache: %1 per token").arg(bytesText(kvBytesPerToken(layer.attention, a.elementBytes)));
        if (layer.attention.window > 0)
            cache += QObject::tr(", of the last %1 tokens").arg(grouped(layer.attention.window));
        lines += cache;
    }
    if (layer.recurrent) {
        lines += recurrentDims(*layer.recurrent);
        lines += QObject::tr("State: %1 a sequence, however long it is").arg(bytesText(stateBytes(*layer.recurrent, a.elementBytes)));
    }
    lines += QObject::tr("Feed-forward: %1").arg(ffnTitle(layer.ffn));
    const auto parameters = parametersOf(layer, a.hidden);
    lines += QObject::tr("Weights: %1").arg(countText(parameters.mixer + parameters.recurrent + parameters.ffn));
    if (layer.sharedWith)
        lines += QObject::tr("Shares its attention's and feed-forward's weights with layer %1").arg(*layer.sharedWith);
    lines += QObject::tr("Decided by “%1”").arg(QString::fromStdString(a.decidedBy)).toHtmlEscaped();
    lines.removeAll(QString());
    return lines.join(QStringLiteral("<br>"));
}

QVector<Fact> factsOf(const Architecture& a)
{
    const auto parameters = parametersOf(a);
    const double elementBytes = static_cast<double>(a.elementBytes);
    const double state = stateBytes(a);
    QVector<Fact> facts{
        {QObject::tr("KV cache a token"), bytesText(kvBytesPerToken(a)),
         groupedText(kvBytesPerToken(a)) + QObject::tr(" B, all layers, batch 1")},
        {QObject::tr("State"), state > 0.0 ? bytesText(state) : QObject::tr("none"), groupedText(state) + QObject::tr(" B a sequence")},
        {QObject::tr("Weights"), bytesText(elementBytes * parameters.total), QObject::tr("%1 bytes each").arg(a.elementBytes)},
        {QObject::tr("Parameters"), countText(parameters.total), groupedText(parameters.total)},
    };
    if (const double tokens = stateInTokens(a); tokens >= 1.0) {
        facts[1].value += QObject::tr(" (%1 tokens)").arg(groupedText(tokens));
        facts[1].tip += QObject::tr(", as many as the KV cache of %1 tokens").arg(groupedText(tokens));
    }
    if (parameters.active < 0.7 * parameters.total)
        facts[3].value += QObject::tr(", %1 at work").arg(countText(parameters.active));
    if (a.context > 0)
        facts.append({QObject::tr("Context"), groupedText(static_cast<double>(a.context)), QObject::tr("as the file states it")});
    facts.append(
        {QObject::tr("Decided by"), QString::fromStdString(a.decidedBy), QObject::tr("the key of the file that says which layers attend")});
    return facts;
}

QString curvesCsv(const std::vector<Architecture>& architectures, const std::vector<std::vector<StackPoint>>& curves)
{
    QString text = QStringLiteral("name,n,prefillMs,decodeMsPerToken,kvBytes,stateBytes,weightBytes,label\n");
    for (std::size_t i = 0; i < std::min(architectures.size(), curves.size()); ++i)
        for (const auto& p : curves[i])
            text += csvCell(architectures[i].name) +
                    QStringLiteral(",%1,%2,%3,%4,%5,%6,")
                        .arg(QString::number(p.n), QString::number(p.prefillMs, 'g', 17), QString::number(p.decodeMs, 'g', 17),
                             QString::number(p.kvBytes, 'f', 0), QString::number(p.stateBytes, 'f', 0),
                             QString::number(p.weightBytes, 'f', 0)) +
                    csvCell(p.label) + QLatin1Char('\n');
    return text;
}

} // namespace attnscope
