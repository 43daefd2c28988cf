// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps the session on disk while the program runs, so that a crash loses seconds; finds what crashed programs left.
#pragma once

#include "core/session/session.h"

#include <QDateTime>
#include <QObject>
#include <QString>
#include <QThreadPool>
#include <QTimer>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

class QLockFile;

namespace attnscope {

class SessionController;

/// A session whose program ended without taking it away. While this exists no other window is offered it.
struct Leftover {
    Session session;
    QDateTime time; ///< of its last change
    QString file;
    std::shared_ptr<QLockFile> claim;

    void discard() const; ///< from the disk
};

/// In a person's data folder; each window has a file of its own there, locked while it runs.
QString autosaveFolder();

/// The newest first. What can't be read is removed.
std::vector<Leftover> claimLeftovers(const QString& folder);

class Autosave : public QObject {
    Q_OBJECT

public:
    /// Writes after the first edit and then soon after each; `snapshot` gives the session as it is to be written.
    Autosave(SessionController& controller, std::function<Session()> snapshot, const QString& folder, QObject* parent);
    /// A clean end: the file goes.
    ~Autosave() override;

    const QString& file() const { return m_file; }

private:
    void write();

    std::function<Session()> m_snapshot;
    QString m_file;
    std::unique_ptr<QLockFile> m_lock;
    std::optional<Session> m_written;
    QThreadPool m_writer; // of one thread: in order
    QTimer m_soon;
    QTimer m_regularly;
};

} // namespace attnscope
