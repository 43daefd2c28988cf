// SPDX-License-Identifier: GPL-3.0-or-later
// The whole window on the bundled tensors, for tests that act as a person does.
#pragma once

#include "test_paths.h"
#include "ui/board.h"
#include "ui/main_window.h"
#include "ui/session_controller.h"
#include "ui/undo_history.h"

#include <QAction>
#include <QTest>
#include <QUndoStack>

namespace attnscope::tests {

inline constexpr int kPatience = 60000; // ms; a job takes far less, a busy machine may not

inline QString sampleFile(const QString& name) { return QStringLiteral(ATTNSCOPE_SOURCE_DIR "/resources/samples/") + name; }

inline QString plantedTensors() { return sampleFile(QStringLiteral("planted_pattern.safetensors")); }

struct OpenedWindow {
    MainWindow window;
    SessionController& controller = window.controller();
    Board& board = *window.panels().board;
    QUndoStack& stack = window.findChild<UndoHistory*>()->stack();

    explicit OpenedWindow(const QString& file = plantedTensors(), std::vector<const Backend*> backends = {&cpuBackend()},
                          std::string cudaNote = {})
        : window(std::move(backends), std::move(cudaNote))
    {
        window.resize(1200, 800);
        window.show();
        window.open(file);
    }
    bool settle()
    {
        return QTest::qWaitFor(
            [this] { return controller.jobs().idle() && controller.showsItsInput() && controller.board().exact && board.isIdle(); },
            kPatience);
    }
    /// Into the folder that ATTNSCOPE_TEST_PICTURES names, to be looked at; nothing where it is not set.
    void keepPicture(const QString& name)
    {
        const QString folder = qEnvironmentVariable("ATTNSCOPE_TEST_PICTURES");
        QTest::qWait(folder.isEmpty() ? 0 : 300);
        if (!folder.isEmpty() && !window.grab().save(folder + QLatin1Char('/') + name + QStringLiteral(".png")))
            qWarning("The picture could not be written to %s.", qUtf8Printable(folder));
    }
    /// By its text without the ampersand.
    QAction* action(const QString& text)
    {
        for (QAction* action : window.actions())
            if (action->text().remove(QLatin1Char('&')) == text)
                return action;
        return nullptr;
    }
};

} // namespace attnscope::tests
