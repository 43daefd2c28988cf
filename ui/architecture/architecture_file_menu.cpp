// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/architecture_file_menu.h"

#include "core/io/atomic_file.h"
#include "ui/architecture/architecture_files.h"
#include "ui/architecture/stack_plot.h"
#include "ui/architecture/stack_text.h"
#include "ui/export_dialog.h"
#include "ui/settings.h"

#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>

namespace attnscope {

namespace {

QString messageOf(const Error& error) { return QString::fromStdString(error.what + " " + error.hint); }

} // namespace

ArchitectureFileMenu::ArchitectureFileMenu(ArchitectureSet& set, StackPlot& plot, Settings& settings, QWidget* parent)
    : QMenu(parent), m_set(set), m_plot(plot), m_settings(settings)
{
    const auto add = [&](const QString& text, const QKeySequence& keys, auto&& call) {
        auto* action = addAction(text, this, call);
        action->setShortcut(keys);
        parent->addAction(action);
        return action;
    };
    add(tr("&Save these architectures…"), QKeySequence::Save, [this] { save(); });
    add(tr("Open sa&ved architectures…"), {}, [this] { openSaved(); });
    addSeparator();
    auto* picture = add(tr("&Export figure…"), QKeySequence(tr("Ctrl+Shift+E")), [this] { exportPicture(); });
    auto* curves = add(tr("Export &curves (CSV)…"), QKeySequence(tr("Ctrl+Alt+E")), [this] {
        writeTable(QStringLiteral("curves.csv"), curvesCsv(m_set.answer().architectures, m_set.answer().curves));
    });
    auto* sizes = add(tr("Export si&zes (CSV)…"), {}, [this] { writeTable(QStringLiteral("sizes.csv"), sizesCsv(m_set.shown())); });
    add(tr("Copy the page as a &picture"), QKeySequence::Copy, [this] { QApplication::clipboard()->setPixmap(parentWidget()->grab()); });
    const auto enable = [this, picture, curves, sizes] {
        for (auto* action : {picture, curves, sizes})
            action->setEnabled(!m_set.entries().empty());
    };
    connect(&set, &ArchitectureSet::entriesChanged, this, enable);
    enable();
}

QString ArchitectureFileMenu::askForOutput(const QString& stem, const QString& filter)
{
    QString path = QFileDialog::getSaveFileName(parentWidget(), tr("Save as"), m_settings.lastFolder() + QLatin1Char('/') + stem, filter);
    if (!path.isEmpty())
        m_settings.setLastFolder(QFileInfo(path).absolutePath());
    return path;
}

void ArchitectureFileMenu::save()
{
    const QString path = askForOutput(QStringLiteral("architectures.json"), tr("Architectures (*.json)"));
    if (path.isEmpty())
        return;
    const auto done = writeAtomically(path.toStdString(), stackSessionToJson({m_set.entries(), m_set.choice()}));
    Q_EMIT failed(done ? QString() : messageOf(done.error()));
}

void ArchitectureFileMenu::openSaved()
{
    const QString path = QFileDialog::getOpenFileName(parentWidget(), tr("Open saved architectures"), m_settings.lastFolder(),
                                                      tr("Architectures (*.json);;All files (*)"));
    if (!path.isEmpty())
        Q_EMIT opened({path});
}

void ArchitectureFileMenu::exportPicture()
{
    ExportDialog dialog(ExportDialog::Kind::Figure, {tr("Stacks and curves"), tr("Stacks"), tr("Curves")}, {}, parentWidget());
    if (dialog.exec() != QDialog::Accepted)
        return;
    const QString stems[] = {QStringLiteral("architectures"), QStringLiteral("stacks"), QStringLiteral("curves")};
    const QString path = askForOutput(stems[dialog.item()] + QStringLiteral(".pdf"), tr("PDF (*.pdf);;SVG (*.svg);;PNG (*.png)"));
    if (path.isEmpty())
        return;
    FigureOptions options;
    options.format = formatOf(path, FigureFormat::Pdf);
    options.dpi = dialog.dpi();
    options.title = tr("Architectures");
    options.caption = dialog.item() == 1 ? QString() : stackCaption(m_set.answer());
    const Figure figure = dialog.item() == 0   ? architectureFigure(m_set.shown(), m_plot)
                          : dialog.item() == 1 ? stacksFigure(m_set.shown())
                                               : curvesFigure(m_plot);
    const auto done = exportFigure(figure, path, options);
    Q_EMIT failed(done ? QString() : messageOf(done.error()));
}

void ArchitectureFileMenu::writeTable(const QString& stem, const QString& text)
{
    const QString path = askForOutput(stem, tr("CSV (*.csv)"));
    if (path.isEmpty())
        return;
    const auto done = writeAtomically(path.toStdString(), text.toStdString());
    Q_EMIT failed(done ? QString() : messageOf(done.error()));
}

} // namespace attnscope
