// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/metrics_model.h"

#include "core/method/registry.h"

#include <array>

namespace attnscope {

namespace {

struct Column {
    const char* title;
    const char* help;
    QString (*text)(const ApproximationState&, const ComparisonMetrics&);
};

QString number(double value) { return QString::number(value, 'g', 4); }

/// With half the width of its 95 % interval, where rows were sampled.
QString number(double value, const std::optional<Interval>& interval)
{
    if (!interval)
        return number(value);
    return QStringLiteral("%1 ±%2").arg(QString::number(value, 'g', 3), QString::number(0.5 * (interval->high - interval->low), 'g', 1));
}

QString estimate(const MapMetrics& m, double value, Interval MapIntervals::*field)
{
    return number(value, m.intervals ? std::optional(m.intervals.value().*field) : std::nullopt);
}

QString recall(const MapMetrics& m, std::size_t size)
{
    return number(m.topkRecall[size], m.intervals ? std::optional(m.intervals->topkRecall[size]) : std::nullopt);
}

/// The largest of some rows bounds that of all of them.
QString largest(const MapMetrics& m, double value) { return (m.sampled() ? QStringLiteral("≥ ") : QString()) + number(value); }

QString klText(const MapMetrics& m) { return m.kl ? number(*m.kl, m.intervals ? m.intervals->kl : std::nullopt) : QStringLiteral("n/a"); }

QString rowsText(const MapMetrics& m)
{
    return m.sampled() ? QObject::tr("sampled: %1 of %2").arg(m.rowsRead).arg(m.rows) : QObject::tr("all %1").arg(m.rows);
}

constexpr std::size_t kMethodColumn = 0;

const std::array<Column, 14> kColumns{{
    {"Method", "The approximation and its parameters", [](const auto& s, const auto&) { return methodTitle(s.setting); }},
    {"Map error", "|A − Â|_F / |A|_F: relative Frobenius error of the n × n map",
     [](const auto&, const auto& m) { return estimate(m.map, m.map.relFrobenius, &MapIntervals::relFrobenius); }},
    {"Output error", "|O − Ô|_F / |O|_F: what the next layer sees",
     [](const auto&, const auto& m) { return number(m.output.relFrobenius, m.output.interval); }},
    {"Max |A − Â|", "The largest error of a single cell", [](const auto&, const auto& m) { return largest(m.map, m.map.maxAbs); }},
    {"Max |O − Ô|", "The largest error of the output", [](const auto&, const auto& m) { return largest(m.map, m.output.maxAbs); }},
    {"Row TV", "Total variation, 1/2 Σ|A − Â| a row, averaged: the share of attention that went elsewhere",
     [](const auto&, const auto& m) { return estimate(m.map, m.map.totalVariation, &MapIntervals::totalVariation); }},
    {"KL", "KL(A ‖ Â) in nats, averaged over rows", [](const auto&, const auto& m) { return klText(m.map); }},
    {"Recall @1", "How often the most attended key is the same", [](const auto&, const auto& m) { return recall(m.map, 0); }},
    {"Recall @8", "Share of the 8 most attended keys that are kept", [](const auto&, const auto& m) { return recall(m.map, 1); }},
    {"Recall @64", "Share of the 64 most attended keys that are kept", [](const auto&, const auto& m) { return recall(m.map, 2); }},
    {"Δ entropy", "Entropy of the approximation's rows minus the exact rows', in nats: above 0 is flatter",
     [](const auto&, const auto& m) { return estimate(m.map, m.map.entropyDifference, &MapIntervals::entropyDifference); }},
    {"Row sum", "Largest |Σ Â − 1| of a row", [](const auto&, const auto& m) { return largest(m.map, m.map.rowSumDeviation); }},
    {"Negative", "Mean negative weight a row",
     [](const auto&, const auto& m) { return estimate(m.map, m.map.negativeMass, &MapIntervals::negativeMass); }},
    {"Rows",
     "The rows that were compared: all of them, or of a long input two at random of each of equally long runs; then ± is a 95 % interval",
     [](const auto&, const auto& m) { return rowsText(m.map); }},
}};

/// How the mask was changed, and why something was not computed where it was asked for.
QString note(const ApproximationState& state)
{
    if (!state.comparison)
        return {};
    QStringList lines;
    if (state.comparison->change.any())
        lines += QString::fromStdString(state.comparison->change.explanation());
    for (const auto& sentence : state.comparison->approximation.notes)
        lines += QString::fromStdString(sentence);
    lines.removeDuplicates();
    return lines.join(QLatin1Char('\n'));
}

QString cellText(const ApproximationState& state, std::size_t column, bool reference)
{
    if (column == kMethodColumn)
        return (reference ? QObject::tr("reference: %1") : QStringLiteral("%1")).arg(methodTitle(state.setting));
    if (state.failure)
        return column == 1 ? QString::fromStdString(state.failure->what) : QString();
    if (state.metrics)
        return kColumns[column].text(state, *state.metrics);
    return state.unmeasured ? QStringLiteral("–") : state.busy || state.comparison ? QStringLiteral("…") : QString();
}

} // namespace

QString methodTitle(const MethodSetting& setting)
{
    const auto* method = findMethod(setting.id);
    if (!method)
        return QString::fromStdString(setting.id);
    const auto& info = method->info();
    const auto params = makeParams(info.params, setting.params, setting.seed);
    QString title = QString::fromStdString(info.title);
    if (params.ok())
        if (const auto text = params->describe(info.params); !text.empty())
            title += QStringLiteral("  ") + QString::fromStdString(text);
    if (info.randomised)
        title += QStringLiteral(" seed=%1").arg(setting.seed);
    return title;
}

QString metricsSummary(const ApproximationState& state)
{
    if (state.failure)
        return QString::fromStdString(state.failure->what + " " + state.failure->hint);
    if (!state.metrics && state.unmeasured && !state.busy)
        return QObject::tr("Not measured. %1").arg(QString::fromStdString(state.unmeasured->what + " " + state.unmeasured->hint));
    if (!state.metrics)
        return state.busy ? QObject::tr("computing…") : state.comparison ? QObject::tr("measuring…") : QString();
    const auto& m = *state.metrics;
    QString text = QObject::tr("map error %1 · output %2 · TV %3 · recall@8 %4 · %5 ms")
                       .arg(number(m.map.relFrobenius), number(m.output.relFrobenius), number(m.map.totalVariation),
                            number(m.map.topkRecall[1]), number(state.comparison->approximation.latencyMs));
    if (m.map.sampled())
        text += QObject::tr(" · sampled: %1 of %2 rows").arg(m.map.rowsRead).arg(m.map.rows);
    const QString remark = note(state);
    return remark.isEmpty() ? text : text + QStringLiteral("\n") + remark;
}

void MetricsModel::setBoard(const BoardState& board)
{
    beginResetModel();
    m_rows = board.approximations;
    m_references = board.references.size();
    m_rows.insert(m_rows.end(), board.references.begin(), board.references.end());
    endResetModel();
}

int MetricsModel::rowCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(m_rows.size()); }

int MetricsModel::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : static_cast<int>(kColumns.size()); }

QVariant MetricsModel::data(const QModelIndex& index, int role) const
{
    const auto row = static_cast<std::size_t>(index.row());
    const auto column = static_cast<std::size_t>(index.column());
    const auto& state = m_rows.at(row);
    if (role == Qt::DisplayRole)
        return cellText(state, column, row + m_references >= m_rows.size());
    if (role == Qt::TextAlignmentRole && column != kMethodColumn)
        return QVariant::fromValue(Qt::AlignRight | Qt::AlignVCenter);
    if (role == Qt::ToolTipRole) {
        if (QString::fromLatin1(kColumns[column].title) == QLatin1String("KL") && state.metrics && !state.metrics->map.kl)
            return QString::fromStdString(state.metrics->map.klReason);
        return column == kMethodColumn ? note(state) : QString::fromUtf8(kColumns[column].help);
    }
    return {};
}

QVariant MetricsModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || section < 0 || section >= static_cast<int>(kColumns.size()))
        return {};
    const auto& column = kColumns[static_cast<std::size_t>(section)];
    if (role == Qt::DisplayRole)
        return QString::fromUtf8(column.title);
    if (role == Qt::ToolTipRole)
        return QString::fromUtf8(column.help);
    return {};
}

QString MetricsModel::toCsv() const
{
    QStringList lines;
    QStringList header;
    for (const auto& column : kColumns)
        header += QString::fromUtf8(column.title);
    lines += header.join(QLatin1Char(','));
    for (std::size_t row = 0; row < m_rows.size(); ++row) {
        QStringList cells;
        for (std::size_t column = 0; column < kColumns.size(); ++column)
            cells += QLatin1Char('"') +
                     cellText(m_rows[row], column, row + m_references >= m_rows.size()).replace(QLatin1Char('"'), QLatin1String("\"\"")) +
                     QLatin1Char('"');
        lines += cells.join(QLatin1Char(','));
    }
    return lines.join(QLatin1Char('\n')) + QLatin1Char('\n');
}

} // namespace attnscope
