// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/headless_export.h"

#include "core/io/atomic_file.h"
#include "core/scores/map_export.h"
#include "core/session/open_session_input.h"
#include "ui/board.h"
#include "ui/board_memory.h"
#include "ui/board_presenter.h"
#include "ui/export_items.h"
#include "ui/metrics_model.h"
#include "ui/row_plot.h"

#include <QDir>
#include <QEventLoop>
#include <QFileInfo>

#include <cstdio>
#include <optional>

namespace attnscope {

namespace {

constexpr double kDpi = 200.0;
constexpr Index kLargestCsv = 4096; ///< cells a side; a longer map is written pooled to at most that

/// Computes everything the session asks for; returns when nothing is running any more.
std::optional<Error> settle(SessionController& controller, const QString& sessionFile)
{
    std::optional<Error> failure;
    QEventLoop loop;
    QObject::connect(&controller, &SessionController::failed, &loop, [&](const QString& what, const QString& hint) {
        failure = Error{controller.lastFailure(), what.toStdString(), hint.toStdString()};
        loop.quit();
    });
    QObject::connect(&controller, &SessionController::inputMissing, &loop, [&](const Session& session) {
        failure = missingPartError(missingPart(session.input));
        loop.quit();
    });
    QObject::connect(&controller, &SessionController::inputChanged, &loop, [](const QString& path) {
        std::fprintf(stderr, "The input %s has changed since the session was saved.\n", qUtf8Printable(path));
    });
    QObject::connect(&controller, &SessionController::settled, &loop, &QEventLoop::quit);
    controller.openPath(sessionFile);
    if (!failure)
        loop.exec();
    return failure;
}

class Renderer {
public:
    Renderer(const SessionController& controller, QString folder) : m_controller(controller), m_folder(std::move(folder)) {}

    Result<QStringList> render();

private:
    void fillWidgets();
    Result<void> writeFigure(const FigureItem& item);
    Result<void> writeMaps();
    Result<void> writeMetrics();
    QString place(const QString& name) const { return m_folder + QLatin1Char('/') + name; }

    const SessionController& m_controller;
    QString m_folder;
    Board m_board;
    RowPlot m_row;
    QStringList m_written;
};

void Renderer::fillWidgets()
{
    const auto& session = m_controller.session();
    const auto panes = panesOf(m_controller.board(), session);
    const auto tokens = tokensOf(m_controller.board());
    m_board.setTokens(tokens);
    m_board.setPool(session.view.pool);
    m_board.setTransposed(session.view.transposed);
    m_board.setNormalisation(session.view.normalisation);
    m_board.setColorMap(QString::fromStdString(session.view.colorMap));
    m_board.setPanes(panes);
    m_row.setTokens(tokens);
    m_row.setLogScale(session.view.normalisation == Normalisation::Log);
    m_row.setSources(panes);
    m_row.setPins(pinsOf(session.view));
    m_board.setPins(pinsOf(session.view));
    BoardChoice choice = session.board;
    for (auto& pane : choice.panes)
        pane.ownWindow.reset(); // there are no windows here
    showBoardChoice(m_board, choice);
    QEventLoop loop;
    QObject::connect(&m_row, &RowPlot::painted, &loop, &QEventLoop::quit);
    while (!m_row.isIdle())
        loop.processEvents(QEventLoop::AllEvents, 50);
}

Result<void> Renderer::writeFigure(const FigureItem& item)
{
    for (const auto& [ending, format] : {std::pair{"png", FigureFormat::Png}, {"svg", FigureFormat::Svg}, {"pdf", FigureFormat::Pdf}}) {
        FigureOptions options;
        options.format = format;
        options.dpi = kDpi;
        options.title = item.name;
        options.caption = captionOf(m_controller.board(), m_controller.session());
        const QString path = place(item.stem + QLatin1Char('.') + QLatin1String(ending));
        if (auto done = exportFigure(item.figure, path, options); !done)
            return done;
        m_written += path;
    }
    return {};
}

Result<void> Renderer::writeMaps()
{
    const Pool pool = m_controller.session().view.pool;
    for (const auto& item : mapItems(m_controller.board())) {
        int level = 0;
        while (pooledSize(std::max(item.source->rows(), item.source->cols()), level) > kLargestCsv)
            ++level;
        const QString path = place(item.stem + (level > 0 ? QStringLiteral("_level%1").arg(level) : QString()) + QStringLiteral(".csv"));
        const Block block{0, 0, pooledSize(item.source->rows(), level), pooledSize(item.source->cols(), level), level};
        if (auto done = writeMapCsv(*item.source, block, pool, path.toStdString(), {}); !done)
            return done;
        m_written += path;
    }
    return {};
}

Result<void> Renderer::writeMetrics()
{
    MetricsModel metrics;
    metrics.setBoard(m_controller.board());
    const QString path = place(QStringLiteral("metrics.csv"));
    if (auto done = writeAtomically(path.toStdString(), metrics.toCsv().toStdString()); !done)
        return done;
    m_written += path;
    return {};
}

Result<QStringList> Renderer::render()
{
    if (!QDir().mkpath(m_folder))
        return Error{Errc::Io, "The folder " + m_folder.toStdString() + " can't be made.", "Choose a folder where you may write."};
    fillWidgets();
    const auto items = figureItems(m_board, m_row, nullptr);
    if (auto ready = computeTiles(m_board.figureTiles(kDpi / 96.0), {}); !ready)
        return ready.error();
    for (const auto& item : items)
        if (item.stem == QLatin1String("board") || item.stem == QLatin1String("row"))
            if (auto done = writeFigure(item); !done)
                return done.error();
    if (auto done = writeMaps(); !done)
        return done.error();
    if (auto done = writeMetrics(); !done)
        return done.error();
    return m_written;
}

} // namespace

Result<QStringList> renderSession(const QString& sessionFile, const QString& folder, std::vector<const Backend*> backends)
{
    SessionController controller({}, nullptr, std::move(backends));
    if (auto failure = settle(controller, sessionFile))
        return *failure;
    if (controller.board().failure)
        return *controller.board().failure;
    return Renderer(controller, folder).render();
}

} // namespace attnscope
