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

    ExportDialog(Kind kind, const QStringList& items, QWidget* parent);

    int item() const;
    int dpi() const;
    bool wholeMap() const; ///< Data: all cells rather than the visible ones

private:
    QComboBox* m_item;
    QSpinBox* m_dpi = nullptr;
    QComboBox* m_region = nullptr;
};

} // namespace attnscope
