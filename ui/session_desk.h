// SPDX-License-Identifier: GPL-3.0-or-later
// Sessions as a person meets them: save, recent ones, undo, autosave, the title, inputs that are gone or have changed.
#pragma once

#include "core/session/session.h"

#include <QObject>

#include <functional>

class QMainWindow;
class QMessageBox;

namespace attnscope {

class Actions;
class BoardMemory;
class LayoutControl;
class RecentFilesMenu;
class SessionController;
class Settings;
class UndoHistory;
struct WindowPanels;

/// What the desk works with; all of it outlives the desk.
struct DeskTools {
    QMainWindow& window;
    SessionController& controller;
    Settings& settings;
    const Actions& actions;
    const WindowPanels& panels;
    const LayoutControl& layouts;
};

class SessionDesk : public QObject {
    Q_OBJECT

public:
    explicit SessionDesk(const DeskTools& tools);

    RecentFilesMenu& recent() { return *m_recent; }
    UndoHistory& history() { return *m_history; }
    const QString& file() const { return m_file; } ///< that Ctrl+S writes; empty: it asks

    Session snapshot(); ///< as it is to be saved

    void save();
    void saveAs();
    void saveTo(const QString& file);

    /// Whether the window may close now. Where a saved session has changed since, asks, and closes the window afterwards where the
    /// answer lets it. What was never saved was only looked at.
    bool mayClose();

    /// How a person is asked where `part` of a session is now (a folder where it was a model's); an empty answer cancels.
    std::function<QString(const QString& part, const QString& startFolder, bool folder)> askWhere;

Q_SIGNALS:
    void saved(const QString& file);

private:
    void remember(const QString& file);
    void tellMissing(const Session& session, const QString& file);
    void tellChanged(const QString& path);
    void relocate(Session session, const QString& file, bool model);
    void showTitle();
    QMessageBox* ask(const QString& what, const QString& detail);

    DeskTools m_tools;
    BoardMemory* m_memory;
    UndoHistory* m_history;
    RecentFilesMenu* m_recent;
    QString m_file;
    bool m_discarded = false; // by the answer to mayClose()
};

} // namespace attnscope
