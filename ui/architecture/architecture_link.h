// SPDX-License-Identifier: GPL-3.0-or-later
// Ties the page of architectures to the explorer: commands, files that belong there, and a clicked mixer back on the board.
#pragma once

#include <QObject>
#include <QStringList>

#include <memory>

class QMainWindow;

namespace attnscope {

class Actions;
class ArchitecturePage;
class SessionController;
class Settings;

/// What a path is, as far as the page of architectures is concerned.
enum class ArchitectureFile {
    No,
    Yes,        ///< a config.json or another one of that kind, a folder with nothing but that, a file of resources/architectures
    ModelFolder ///< has weights too: can be looked at, or texts can go through it
};
ArchitectureFile architectureFile(const QString& path);

class ArchitectureLink : public QObject {
    Q_OBJECT

public:
    ArchitectureLink(Actions& actions, SessionController& controller, Settings& settings, QMainWindow& window);
    ~ArchitectureLink() override;

    /// Takes what belongs on the page; of a folder with weights a person is asked. Returns what is left.
    QStringList take(const QStringList& paths);
    ArchitecturePage& page(); ///< made at the first call

private:
    void showMixer(const QString& method);
    bool wantsArchitecture(const QString& folder);
    void showModel();

    SessionController& m_controller;
    Settings& m_settings;
    QMainWindow& m_window;
    std::unique_ptr<ArchitecturePage> m_page; // no child of the window, above which it would always stay
};

} // namespace attnscope
