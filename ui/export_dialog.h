// SPDX-License-Identifier: GPL-3.0-or-later
// Asks what to export, how fine, and where to.
#pragma once

#include <QDialog>
#include <QStringList>

class QComboBox;
class QSpinBox;

namespace attnscope {

class ExportDialog : public QDialog {
    Q_OBJECT

public:
    enum class Kind { Figure, Data };

    /// Data: which cells of a map.
    enum class Region { Visible, Whole, PinnedRows };

    /// `pinnedQueries`: "12, 40"; empty: there is no choice of pinned rows.
    ExportDialog(Kind kind, const QStringList& items, const QString& pinnedQueries, QWidget* parent);

    int item() const;
    int dpi() const;
    Region region() const;

private:
    QComboBox* m_item;
    QSpinBox* m_dpi = nullptr;
    QComboBox* m_region = nullptr;
};

} // namespace attnscope
