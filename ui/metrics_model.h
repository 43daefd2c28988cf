// SPDX-License-Identifier: GPL-3.0-or-later
// The metrics table: a row per approximation and per reference line, a column per metric.
#pragma once

#include "ui/session_controller.h"

#include <QAbstractTableModel>

namespace attnscope {

class MetricsModel : public QAbstractTableModel {
    Q_OBJECT

public:
    using QAbstractTableModel::QAbstractTableModel;

    void setBoard(const BoardState& board);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

    /// All cells as they are shown, comma-separated, with a header line.
    QString toCsv() const;

private:
    std::vector<ApproximationState> m_rows;
    std::size_t m_references = 0; ///< that many rows at the end are reference lines
};

/// "map error 0.412, output 0.120, TV 0.33": under a method's card.
QString metricsSummary(const ApproximationState& state);

/// The title of a method with its parameters: "Performer (FAVOR+) features=256 map=positive".
QString methodTitle(const MethodSetting& setting);

} // namespace attnscope
