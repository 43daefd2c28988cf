// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/token_ticker.h"

#include <cmath>

namespace attnscope {

namespace {

// 1, 2, 5, 10, 20, 50 ...: the first at least as large as `least`.
qint64 roundStep(double least)
{
    qint64 base = 1;
    while (true) {
        for (const qint64 factor : {1, 2, 5})
            if (double(factor * base) >= least)
                return factor * base;
        base *= 10;
    }
}

// "20000", "500k".
QString indexText(qint64 i) { return i >= 100000 && i % 1000 == 0 ? QStringLiteral("%1k").arg(i / 1000) : QString::number(i); }

} // namespace

QString displayToken(const QString& token)
{
    QString text = token;
    text.replace(QLatin1Char('\n'), QStringLiteral("⏎")).replace(QLatin1Char('\t'), QStringLiteral("⇥"));
    const QString trimmed = text.trimmed();
    return trimmed.isEmpty() && !text.isEmpty() ? QStringLiteral("␣") : trimmed;
}

void TokenTicker::setGeometry(double cellPixels, double labelPixels, double longestPixels, const QFontMetricsF& metrics)
{
    m_cell = cellPixels;
    m_label = labelPixels;
    m_longest = longestPixels;
    m_metrics = metrics;
}

void TokenTicker::generate(const QCPRange& range, const QLocale&, QChar, int, QVector<double>& ticks, QVector<double>* subTicks,
                           QVector<QString>* tickLabels)
{
    ticks.clear();
    if (subTicks)
        subTicks->clear();
    if (tickLabels)
        tickLabels->clear();
    const bool tokens = showsTokens();
    const qint64 step = tokens ? qint64(std::ceil(m_label / m_cell)) : roundStep(std::max(1.0, 1.6 * m_label / m_cell));
    const qint64 first = qint64(std::ceil((range.lower - 0.5) / double(step))) * step;
    for (qint64 i = std::max<qint64>(0, first); double(i) + 0.5 <= range.upper; i += step) {
        if (tokens && i >= m_tokens->size())
            break;
        ticks.append(double(i) + 0.5);
        if (tickLabels)
            tickLabels->append(tokens ? m_metrics.elidedText(displayToken(m_tokens->at(i)), Qt::ElideRight, m_longest) : indexText(i));
    }
}

} // namespace attnscope
