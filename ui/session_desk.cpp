// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/session_desk.h"

#include "core/io/atomic_file.h"
#include "core/io/content_hash.h"
#include "core/session/open_session_input.h"
#include "ui/actions.h"
#include "ui/autosave.h"
#include "ui/board_memory.h"
#include "ui/latency_panel.h"
#include "ui/layout_control.h"
#include "ui/recent_files_menu.h"
#include "ui/resources.h"
#include "ui/session_controller.h"
#include "ui/settings.h"
#include "ui/undo_history.h"
#include "ui/window_panels.h"

#include <QAction>
#include <QFileDialog>
#include <QFileInfo>
#include <QMainWindow>
#include <QMessageBox>
#include <QPushButton>
#include <QStatusBar>
#include <QUndoStack>

namespace attnscope {

namespace {

constexpr int kNoteMs = 4000; // "saved" in the status line

Result<void> writeSession(Session session, const std::filesystem::path& file, const RunContext& context)
{
    if (!session.input.path.empty()) {
        const auto hash = contentHash(session.input.path, context);
        if (!hash && hash.error().code == Errc::Cancelled)
            return hash.error();
        session.input.hash = hash.ok() ? *hash : std::string(); // an input that is gone is no reason to lose the session
    }
    return writeAtomically(file, sessionToJson(session, file.parent_path()));
}

QString nameOf(const QString& path) { return QFileInfo(path).fileName(); }

QString chooseInDialog(QWidget& window, const QString& part, const QString& startFolder, bool folder)
{
    if (folder)
        return QFileDialog::getExistingDirectory(&window, QObject::tr("Where is the model %1 now?").arg(nameOf(part)), startFolder);
    return QFileDialog::getOpenFileName(&window, QObject::tr("Where is %1 now?").arg(nameOf(part)), startFolder,
                                        QObject::tr("The same name (%1);;All files (*)").arg(nameOf(part)));
}

} // namespace

SessionDesk::SessionDesk(const DeskTools& tools)
    : QObject(&tools.window),
      m_tools(tools),
      m_memory(new BoardMemory(tools.controller, *tools.panels.board, this)),
      m_history(new UndoHistory(tools.controller, tools.actions, this)),
      m_recent(new RecentFilesMenu(RecentFilesMenu::Kind::Sessions, tools.settings, &tools.window))
{
    new Autosave(
        tools.controller, [this] { return snapshot(); }, autosaveFolder(), this);
    askWhere = [this](const QString& part, const QString& startFolder, bool folder) {
        return chooseInDialog(m_tools.window, part, startFolder, folder);
    };
    auto& controller = m_tools.controller;
    connect(m_tools.actions[Command::SaveSession], &QAction::triggered, this, &SessionDesk::save);
    connect(m_tools.actions[Command::SaveSessionAs], &QAction::triggered, this, &SessionDesk::saveAs);
    connect(&controller, &SessionController::sessionOpened, this, &SessionDesk::remember);
    connect(&controller, &SessionController::inputMissing, this, &SessionDesk::tellMissing);
    connect(&controller, &SessionController::inputChanged, this, &SessionDesk::tellChanged);
    connect(&controller, &SessionController::documentChanged, this, &SessionDesk::showTitle);
    connect(&m_history->stack(), &QUndoStack::cleanChanged, this, &SessionDesk::showTitle);
}

Session SessionDesk::snapshot()
{
    m_memory->flush();
    Session session = m_tools.controller.session();
    session.sweep = m_tools.panels.latency->choice();
    session.layout = m_tools.layouts.choice();
    session.seen = m_memory->seen();
    return session;
}

// The bundled sessions are not to be written over, nor to be remembered.
void SessionDesk::remember(const QString& file)
{
    const bool bundled = file.startsWith(resourcePath(QString()));
    m_file = bundled ? QString() : file;
    if (!m_file.isEmpty())
        m_recent->add(m_file);
    m_history->stack().setClean();
    showTitle();
}

void SessionDesk::save()
{
    if (m_file.isEmpty())
        saveAs();
    else
        saveTo(m_file);
}

void SessionDesk::saveAs()
{
    const QString start = m_file.isEmpty() ? m_tools.settings.lastFolder() + QStringLiteral("/session.json") : m_file;
    QString path = QFileDialog::getSaveFileName(&m_tools.window, tr("Save the session as"), start, tr("Attnscope session (*.json)"));
    if (path.isEmpty())
        return;
    if (QFileInfo(path).suffix().isEmpty())
        path += QStringLiteral(".json"); // it opens as a session by that ending
    m_tools.settings.setLastFolder(QFileInfo(path).absolutePath());
    saveTo(path);
}

// The input's hash takes a while where it is long: a job's work, as all that reads files.
void SessionDesk::saveTo(const QString& file)
{
    m_tools.controller.jobs().replace(
        "save", "Saving " + file.toStdString(), Lane::Interactive,
        [session = snapshot(), path = std::filesystem::path(file.toStdString())](const RunContext& context) {
            return writeSession(session, path, context);
        },
        [this, file, step = m_history->stack().index()](const Result<void>& done) {
            if (!done && done.error().code == Errc::Cancelled)
                return;
            if (!done) {
                auto* box = ask(QString::fromStdString(done.error().what), QString::fromStdString(done.error().hint));
                return box->open();
            }
            m_file = file;
            m_recent->add(file);
            if (m_history->stack().index() == step)
                m_history->stack().setClean();
            showTitle();
            m_tools.window.statusBar()->showMessage(tr("Session saved as %1").arg(file), kNoteMs);
            Q_EMIT saved(file);
        });
}

bool SessionDesk::mayClose()
{
    QMainWindow& window = m_tools.window;
    if (m_discarded || !window.isWindowModified())
        return true;
    auto* box = ask(tr("Save the changes to %1 before closing?").arg(nameOf(m_file)), tr("Otherwise the file stays as it was saved last."));
    box->setIcon(QMessageBox::Question);
    box->setStandardButtons(QMessageBox::Save | QMessageBox::Discard | QMessageBox::Cancel);
    box->setDefaultButton(QMessageBox::Save);
    connect(box, &QMessageBox::finished, this, [this, &window](int answer) {
        m_discarded = answer == QMessageBox::Discard;
        if (answer == QMessageBox::Save) {
            connect(this, &SessionDesk::saved, &window, &QWidget::close, Qt::SingleShotConnection);
            save();
        } else if (m_discarded) {
            window.close();
        }
    });
    box->open();
    return false;
}

QMessageBox* SessionDesk::ask(const QString& what, const QString& detail)
{
    auto* box = new QMessageBox(QMessageBox::Warning, tr("Attnscope"), what, QMessageBox::NoButton, &m_tools.window);
    box->setInformativeText(detail);
    box->setAttribute(Qt::WA_DeleteOnClose);
    return box;
}

void SessionDesk::tellMissing(const Session& session, const QString& file)
{
    const auto part = missingPart(session.input);
    const bool model = part == session.input.model;
    auto* box = ask(model ? tr("The model of this session isn't where it was.") : tr("The input of this session isn't where it was."),
                    tr("It was %1. Say where it is now, or leave what is open as it is.").arg(QString::fromStdString(part.string())));
    auto* locate = box->addButton(tr("&Locate…"), QMessageBox::AcceptRole);
    box->addButton(QMessageBox::Cancel);
    box->setDefaultButton(locate);
    connect(locate, &QPushButton::clicked, this, [this, session, file, model] { relocate(session, file, model); });
    box->open();
}

void SessionDesk::tellChanged(const QString& path)
{
    auto* box =
        ask(tr("%1 isn't the file that this session was saved with.").arg(nameOf(path)),
            tr("Its content has another hash, so that maps, pins and ranges may not fit it. Keep it, or say where the right file is."));
    auto* keep = box->addButton(tr("&Keep it"), QMessageBox::RejectRole);
    auto* locate = box->addButton(tr("&Locate…"), QMessageBox::AcceptRole);
    box->setDefaultButton(keep);
    connect(keep, &QPushButton::clicked, this, [this] { m_tools.controller.amend([](Session& s) { s.input.hash.clear(); }); });
    connect(locate, &QPushButton::clicked, this, [this] { relocate(m_tools.controller.session(), m_file, false); });
    box->open();
}

void SessionDesk::relocate(Session session, const QString& file, bool model)
{
    std::string& part = model ? session.input.model : session.input.path;
    const QString beside = file.isEmpty() ? m_tools.settings.lastFolder() : QFileInfo(file).absolutePath();
    const QString found = askWhere(QString::fromStdString(part), beside, model);
    if (found.isEmpty())
        return;
    part = QFileInfo(found).absoluteFilePath().toStdString();
    m_tools.controller.openSession(session, file);
}

void SessionDesk::showTitle()
{
    const auto& document = m_tools.controller.board().document;
    const QString input = document ? QString::fromStdString(document->info().title) : QString();
    QStringList parts{input, nameOf(m_file), tr("Attnscope")};
    parts.removeAll(QString());
    m_tools.window.setWindowTitle(parts.join(QStringLiteral(" – ")) + QStringLiteral("[*]"));
    m_tools.window.setWindowModified(!m_file.isEmpty() && !m_history->stack().isClean());
}

} // namespace attnscope
