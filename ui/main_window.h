// SPDX-License-Identifier: GPL-3.0-or-later
// The explorer's window: connects panels, commands and the session controller.
#pragma once

#include "ui/actions.h"
#include "ui/settings.h"
#include "ui/window_panels.h"

#include <QMainWindow>

#include <functional>

class QLabel;

namespace attnscope {

class ArchitectureLink;
class BoardToolbar;
class LayoutControl;
class RecentFilesMenu;
class SessionController;
class SessionDesk;

class MainWindow : public QMainWindow {
    Q_OBJECT

public:
    MainWindow(std::vector<const Backend*> backends, std::string cudaNote);
    ~MainWindow() override;

    SessionController& controller() { return *m_controller; }
    const WindowPanels& panels() const { return m_panels; }
    ArchitectureLink& architectures() { return *m_architectures; }
    SessionDesk& desk() { return *m_desk; }

    void open(const QString& path);
    void openAll(const QStringList& paths); ///< whole architectures on their page, of the others the first
    void openExample();                     ///< the bundled session
    void offerLeftovers();                  ///< what crashed programs left, in a bar

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void closeEvent(QCloseEvent* event) override;

private:
    void connectCommands();
    void connectSession();
    void connectDialogs();
    void connectNavigation();
    void on(Command command, const std::function<void()>& call);
    void showJobs();
    void showFailure(const QString& what, const QString& hint);
    void setTheme(Theme theme);
    void rememberFile();

    std::vector<const Backend*> m_backends;
    Settings m_settings;
    Actions m_actions;
    SessionController* m_controller;
    WindowPanels m_panels;
    BoardToolbar* m_toolbar;
    QLabel* m_status;
    QLabel* m_busy;
    RecentFilesMenu* m_recent;
    ArchitectureLink* m_architectures;
    SessionDesk* m_desk = nullptr;
    LayoutControl* m_layouts = nullptr;
};

} // namespace attnscope
