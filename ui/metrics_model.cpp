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

constexpr std::size_t kMethodColumn = 0;

const std::array<Column, 13> kColumns{{
    {"Method", "The approximation and its parameters", [](const auto& s, const auto&) { return methodTitle(s.setting); }},
    {"Map error", "|A − Â|_F / |A|_F: relative Frobenius error of the n × n map",
     [](const auto&, const auto& m) { return number(m.map.relFrobenius); }},
    {"Output error", "|O − Ô|_F / |O|_F: what the next layer sees",
     [](const auto&, const auto& m) { return number(m.output.relFrobenius); }},
    {"Max |A − Â|", "The largest error of a single cell", [](const auto&, const auto& m) { return number(m.map.maxAbs); }},
    {"Max |O − Ô|", "The largest error of the output", [](const auto&, const auto& m) { return number(m.output.maxAbs); }},
    {"Row TV", "Total variation, 1/2 Σ|A − Â| a row, averaged: the share of attention that went elsewhere",
     [](const auto&, const auto& m) { return number(m.map.totalVariation); }},
    {"KL", "KL(A ‖ Â) in nats, averaged over rows",
     [](const auto&, const auto& m) { return m.map.kl ? number(*m.map.kl) : QStringLiteral("n/a"); }},
    {"Recall @1", "How often the most attended key is the same", [](const auto&, const auto& m) { return number(m.map.topkRecall[0]); }},
    {"Recall @8", "Share of the 8 most attended keys that are kept",
     [](const auto&, const auto& m) { return number(m.map.topkRecall[1]); }},
    {"Recall @64", "Share of the 64 most attended keys that are kept",
     [](const auto&, const auto& m) { return number(m.map.topkRecall[2]); }},
    {"Δ entropy", "Entropy of the approximation's rows minus the exact rows', in nats: above 0 is flatter",
     [](const auto&, const auto& m) { return number(m.map.entropyDifference); }},
    {"Row sum", "Largest |Σ Â − 1| of a row", [](const auto&, const auto& m) { return number(m.map.rowSumDeviation); }},
    {"Negative", "Mean negative weight a row", [](const auto&, const auto& m) { return number(m.map.negativeMass); }},
}};

QString note(const ApproximationState& state)
{
    return state.comparison ? QString::fromStdString(state.comparison->change.explanation()) : QString();
}

QString cellText(const ApproximationState& state, std::size_t column, bool reference)
{
    if (column == kMethodColumn)
        return (reference ? QObject::tr("reference: %1") : QStringLiteral("%1")).arg(methodTitle(state.setting));
    if (state.failure)
        return column == 1 ? QString::fromStdString(state.failure->what) : QString();
    return state.metrics ? kColumns[column].text(state, *state.metrics) : state.busy || state.comparison ? QStringLiteral("…") : QString();
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
    if (!state.metrics)
        return state.busy ? QObject::tr("computing…") : state.comparison ? QObject::tr("measuring…") : QString();
    const auto& m = *state.metrics;
    QString text = QObject::tr("map error %1 · output %2 · TV %3 · recall@8 %4 · %5 ms")
                       .arg(number(m.map.relFrobenius), number(m.output.relFrobenius), number(m.map.totalVariation),
                            number(m.map.topkRecall[1]), number(state.comparison->approximation.latencyMs));
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
