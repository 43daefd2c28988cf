// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/export_dialog.h"

#include <QComboBox>
#include <QDialogButtonBox>
#include <QFormLayout>
#include <QLabel>
#include <QPushButton>
#include <QSpinBox>

namespace attnscope {

namespace {

constexpr int kPrintDpi = 300;

} // namespace

ExportDialog::ExportDialog(Kind kind, const QStringList& items, const QString& pinnedQueries, QWidget* parent)
    : QDialog(parent), m_item(new QComboBox(this))
{
    setWindowTitle(kind == Kind::Figure ? tr("Export figure") : tr("Export data"));
    m_item->addItems(items);
    auto* form = new QFormLayout(this);
    form->addRow(tr("What"), m_item);
    auto* note = new QLabel(this);
    note->setWordWrap(true);
    if (kind == Kind::Figure) {
        m_dpi = new QSpinBox(this);
        m_dpi->setRange(72, 1200);
        m_dpi->setValue(kPrintDpi);
        form->addRow(tr("Resolution (dpi)"), m_dpi);
        note->setText(tr("The file name's ending chooses the format: .png, .svg or .pdf. Text stays text in SVG and PDF; the caption "
                         "carries method, parameters and input. Exports are always light."));
    } else {
        m_region = new QComboBox(this);
        m_region->addItem(tr("visible region"), int(Region::Visible));
        m_region->addItem(tr("whole map"), int(Region::Whole));
        if (!pinnedQueries.isEmpty())
            m_region->addItem(tr("whole rows of the pinned queries (%1)").arg(pinnedQueries), int(Region::PinnedRows));
        form->addRow(tr("Region"), m_region);
        note->setText(tr("The file name's ending chooses the format: .csv or .npy, float32 to the last bit, one cell of the map each."));
    }
    form->addRow(note);
    auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this);
    buttons->button(QDialogButtonBox::Ok)->setText(tr("Choose file…"));
    form->addRow(buttons);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
}

int ExportDialog::item() const { return m_item->currentIndex(); }

int ExportDialog::dpi() const { return m_dpi ? m_dpi->value() : kPrintDpi; }

ExportDialog::Region ExportDialog::region() const { return m_region ? Region(m_region->currentData().toInt()) : Region::Visible; }

} // namespace attnscope
