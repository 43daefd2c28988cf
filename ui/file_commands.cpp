// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/file_commands.h"

#include "core/io/atomic_file.h"
#include "core/scores/map_export.h"
#include "core/scores/selected_rows.h"
#include "ui/board.h"
#include "ui/board_presenter.h"
#include "ui/export_dialog.h"
#include "ui/export_items.h"
#include "ui/head_grid.h"
#include "ui/latency_panel.h"
#include "ui/latency_plot.h"
#include "ui/map_pane.h"
#include "ui/metrics_model.h"
#include "ui/row_plot.h"
#include "ui/settings.h"
#include "ui/theory_panel.h"
#include "ui/view_state.h"

#include <QApplication>
#include <QClipboard>
#include <QFileDialog>
#include <QFileInfo>
#include <QMessageBox>
#include <QPrintDialog>
#include <QPrinter>
#include <qcustomplot.h>

#include <cmath>
#include <set>

namespace attnscope {

namespace {

void tell(QWidget& window, const Error& error)
{
    QMessageBox box(QMessageBox::Warning, QObject::tr("Attnscope"), QString::fromStdString(error.what), QMessageBox::Ok, &window);
    box.setInformativeText(QString::fromStdString(error.hint));
    box.exec();
}

void tellUnlessCancelled(QWidget& window, const Result<void>& done)
{
    if (!done && done.error().code != Errc::Cancelled)
        tell(window, done.error());
}

QString askForOutput(QWidget& window, Settings& settings, const QString& stem, const QString& filter)
{
    QString path = QFileDialog::getSaveFileName(&window, QObject::tr("Save as"), settings.lastFolder() + QLatin1Char('/') + stem, filter);
    if (!path.isEmpty())
        settings.setLastFolder(QFileInfo(path).absolutePath());
    return path;
}

Block visibleBlock(const ViewState& view, const ScoreSource& source)
{
    const QRectF rect = view.rect();
    const auto clampTo = [](double x, Index size) { return std::clamp<Index>(static_cast<Index>(x), 0, size); };
    const Index row0 = clampTo(std::floor(rect.top()), source.rows());
    const Index col0 = clampTo(std::floor(rect.left()), source.cols());
    return {row0, col0, clampTo(std::ceil(rect.bottom()), source.rows()) - row0, clampTo(std::ceil(rect.right()), source.cols()) - col0, 0};
}

std::vector<Index> pinnedQueries(const Board& board)
{
    std::set<Index> queries;
    for (const MapCell& pin : board.pins())
        queries.insert(pin.query);
    return {queries.begin(), queries.end()};
}

QString listOf(const std::vector<Index>& queries, const QString& separator)
{
    QStringList words;
    for (const Index query : queries)
        words += QString::number(query);
    return words.join(separator);
}

void startMapExport(QWidget& window, SessionController& controller, const MapItem& item, const Block& block, const QString& path)
{
    controller.jobs().replace(
        "", "Writing " + path.toStdString(), Lane::Background,
        [source = item.source, block, path](const RunContext& context) {
            const std::filesystem::path file = path.toStdString();
            const bool npy = path.endsWith(QLatin1String(".npy"), Qt::CaseInsensitive);
            return npy ? writeMapNpy(*source, block, Pool::Max, file, context) : writeMapCsv(*source, block, Pool::Max, file, context);
        },
        [&window](Result<void> done) { tellUnlessCancelled(window, done); });
}

std::vector<FigureItem> itemsOf(const WindowPanels& panels)
{
    return figureItems(*panels.board, *panels.row, panels.latency->samples().empty() ? nullptr : &panels.latency->plot(), panels.theory);
}

QString captionFor(const FigureItem& item, const SessionController& controller, const WindowPanels& panels)
{
    if (item.stem == QLatin1String("latency"))
        return panels.latency->header() + QStringLiteral("\n") + panels.latency->report();
    const QString board = captionOf(controller.board(), controller.session());
    return item.stem == QLatin1String("theory") ? panels.theory->text() + QStringLiteral("\n") + board : board;
}

struct FigureOrder {
    QString name;  ///< of the item
    QString title; ///< of the job
    double dpi = 0.0;
    std::function<FigureDrawing(const Figure&)> draw;
    std::function<Result<void>(const FigureDrawing&, const RunContext&)> write; ///< on a worker
    int attempts = 2;                                                           ///< at computing its tiles: a person may zoom meanwhile
};

void writeDrawing(QWidget& window, SessionController& controller, const FigureOrder& order, FigureDrawing drawing)
{
    controller.jobs().replace(
        "", order.title.toStdString(), Lane::Interactive,
        [drawing = std::move(drawing), write = order.write](const RunContext& context) { return write(drawing, context); },
        [&window](const Result<void>& done) { tellUnlessCancelled(window, done); });
}

/// Draws the figure as soon as its tiles are there, and asks a job for them until then.
void exportWhenReady(QWidget& window, SessionController& controller, const WindowPanels& panels, FigureOrder order)
{
    const auto items = itemsOf(panels);
    const auto item = std::find_if(items.begin(), items.end(), [&](const FigureItem& i) { return i.name == order.name; });
    if (item == items.end())
        return tell(window, {Errc::InvalidParam, order.name.toStdString() + " is no longer on the board.", "Export it while it is shown."});
    auto missing = item->tiles ? missingTiles(item->tiles(order.dpi / 96.0)) : FigureTiles{};
    if (missing.empty() || order.attempts-- == 0)
        return writeDrawing(window, controller, order, order.draw(item->figure));
    const std::string title = order.title.toStdString();
    controller.jobs().replace(
        "figure", title, Lane::Interactive,
        [missing = std::move(missing)](const RunContext& context) { return computeTiles(missing, context); },
        [&window, &controller, &panels, order = std::move(order)](Result<void> done) {
            if (done)
                exportWhenReady(window, controller, panels, order);
            else
                tellUnlessCancelled(window, done);
        });
}

} // namespace

QString askForInput(QWidget& window, Settings& settings)
{
    QString path =
        QFileDialog::getOpenFileName(&window, QObject::tr("Open a text, tensors or a session"), settings.lastFolder(),
                                     QObject::tr("All that Attnscope opens (*.txt *.md *.npy *.npz *.safetensors *.json);;All files (*)"));
    if (!path.isEmpty())
        settings.setLastFolder(QFileInfo(path).absolutePath());
    return path;
}

QString askForModel(QWidget& window, Settings& settings)
{
    QString folder = QFileDialog::getExistingDirectory(
        &window, QObject::tr("Folder with config.json, tokenizer.json and model.safetensors"), settings.lastFolder());
    if (!folder.isEmpty())
        settings.setLastFolder(folder);
    return folder;
}

void exportFigures(QWidget& window, Settings& settings, SessionController& controller, const WindowPanels& panels)
{
    const auto items = itemsOf(panels);
    QStringList names;
    for (const auto& item : items)
        names += item.name;
    ExportDialog dialog(ExportDialog::Kind::Figure, names, {}, &window);
    if (dialog.exec() != QDialog::Accepted)
        return;
    const auto& item = items[static_cast<std::size_t>(dialog.item())];
    const QString path =
        askForOutput(window, settings, item.stem + QStringLiteral(".pdf"), QObject::tr("PDF (*.pdf);;SVG (*.svg);;PNG (*.png)"));
    if (path.isEmpty())
        return;
    FigureOptions options;
    options.format = formatOf(path, FigureFormat::Pdf);
    options.dpi = dialog.dpi();
    options.title = item.name;
    options.caption = captionFor(item, controller, panels);
    exportWhenReady(window, controller, panels,
                    {item.name, QObject::tr("Drawing %1").arg(path), options.dpi,
                     [options](const Figure& figure) { return drawFigure(figure, options); },
                     [path](const FigureDrawing& drawing, const RunContext& context) { return writeFigure(drawing, path, context); }});
}

void printBoard(QWidget& window, SessionController& controller, const WindowPanels& panels)
{
    constexpr double kDpi = 300.0; // of the maps; the printer's own would ask for tiles by the hundred
    const auto items = itemsOf(panels);
    const auto board = std::find_if(items.begin(), items.end(), [](const FigureItem& item) { return item.stem == QLatin1String("board"); });
    if (board == items.end())
        return;
    auto printer = std::make_shared<QPrinter>(QPrinter::HighResolution);
    printer->setPageOrientation(QPageLayout::Landscape);
    if (QPrintDialog dialog(printer.get(), &window); dialog.exec() != QDialog::Accepted)
        return;
    FigureOptions options;
    options.title = board->name;
    options.caption = captionFor(*board, controller, panels);
    exportWhenReady(
        window, controller, panels,
        {board->name, QObject::tr("Printing"), kDpi,
         [printer, options](const Figure& figure) { return drawForPrinter(figure, *printer, options); },
         [printer](const FigureDrawing& drawing, const RunContext& context) { return printDrawing(drawing, *printer, context); }});
}

void exportData(QWidget& window, Settings& settings, SessionController& controller, const WindowPanels& panels)
{
    const auto maps = mapItems(controller.board());
    QStringList names;
    for (const auto& map : maps)
        names += map.name;
    names += QObject::tr("Metrics table");
    const auto queries = pinnedQueries(*panels.board);
    ExportDialog dialog(ExportDialog::Kind::Data, names, listOf(queries, QStringLiteral(", ")), &window);
    if (dialog.exec() != QDialog::Accepted)
        return;
    const auto chosen = static_cast<std::size_t>(dialog.item());
    if (chosen >= maps.size()) {
        const QString path = askForOutput(window, settings, QStringLiteral("metrics.csv"), QObject::tr("CSV (*.csv)"));
        if (!path.isEmpty())
            if (const auto done = writeAtomically(path.toStdString(), panels.metrics->toCsv().toStdString()); !done)
                tell(window, done.error());
        return;
    }
    MapItem item = maps[chosen];
    if (dialog.region() == ExportDialog::Region::PinnedRows) {
        item.source = selectRows(item.source, queries);
        item.stem += QStringLiteral("_rows_") + listOf(queries, QStringLiteral("_"));
    }
    const QString path = askForOutput(window, settings, item.stem + QStringLiteral(".csv"), QObject::tr("CSV (*.csv);;NumPy (*.npy)"));
    if (path.isEmpty())
        return;
    const bool visible = dialog.region() == ExportDialog::Region::Visible;
    const Block block =
        visible ? visibleBlock(*panels.board->view(), *item.source) : Block{0, 0, item.source->rows(), item.source->cols(), 0};
    startMapExport(window, controller, item, block, path);
}

QString copyPane(const WindowPanels& panels)
{
    std::vector<std::pair<QWidget*, QString>> all;
    for (std::size_t i = 0; i < panels.board->paneCount(); ++i)
        all.emplace_back(panels.board->pane(i), panels.board->pane(i)->content().title);
    all.emplace_back(panels.row, QObject::tr("the row"));
    all.emplace_back(panels.heads, QObject::tr("the heads"));
    all.emplace_back(&panels.latency->plot(), QObject::tr("the latency plot"));
    all.emplace_back(&panels.theory->plot(), QObject::tr("the theory plot"));
    const auto at = std::find_if(all.begin(), all.end(), [](const auto& one) { return one.first->isVisible() && one.first->underMouse(); });
    auto [widget, name] = at != all.end() ? *at : std::pair<QWidget*, QString>(panels.board, QObject::tr("the board"));
    QApplication::clipboard()->setPixmap(widget->grab());
    return QObject::tr("Copied as a picture: %1").arg(name);
}

} // namespace attnscope
