// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/autosave.h"

#include "core/io/atomic_file.h"
#include "ui/session_controller.h"

#include <QDir>
#include <QFileInfo>
#include <QLockFile>
#include <QStandardPaths>
#include <QUuid>

namespace attnscope {

namespace {

constexpr int kSoonMs = 1500;       // a slider's drag writes now and then, not at each step
constexpr int kRegularlyMs = 30000; // what is no edit: docks, splitters, the sweep's form

const QString kSession = QStringLiteral(".json");
const QString kLock = QStringLiteral(".lock");

/// Locked by the living; a dead program's lock counts for nothing, however young it is.
std::unique_ptr<QLockFile> lockOf(const QString& file)
{
    auto lock = std::make_unique<QLockFile>(file + kLock);
    lock->setStaleLockTime(0);
    return lock->tryLock() ? std::move(lock) : nullptr;
}

} // namespace

void Leftover::discard() const
{
    QFile::remove(file);
    claim->unlock();
}

QString autosaveFolder()
{
    return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + QStringLiteral("/attnscope/autosave");
}

std::vector<Leftover> claimLeftovers(const QString& folder)
{
    std::vector<Leftover> found;
    const QDir place(folder);
    for (const QFileInfo& info : place.entryInfoList({QLatin1Char('*') + kSession}, QDir::Files, QDir::Time)) {
        std::shared_ptr<QLockFile> claim = lockOf(info.filePath());
        if (!claim)
            continue; // its window is open
        auto session = loadSession(info.filePath().toStdString());
        if (session)
            found.push_back({*std::move(session), info.lastModified(), info.filePath(), std::move(claim)});
        else
            Leftover{{}, {}, info.filePath(), std::move(claim)}.discard();
    }
    for (const QFileInfo& lock : place.entryInfoList({QLatin1Char('*') + kSession + kLock}, QDir::Files)) // ended before a first change
        if (const QString file = lock.filePath().chopped(kLock.size()); !QFile::exists(file))
            lockOf(file); // taken and let go, which removes it
    return found;
}

Autosave::Autosave(SessionController& controller, std::function<Session()> snapshot, const QString& folder, QObject* parent)
    : QObject(parent), m_snapshot(std::move(snapshot))
{
    m_writer.setMaxThreadCount(1);
    if (!QDir().mkpath(folder))
        return; // nowhere to keep anything: the program works all the same
    m_file = folder + QLatin1Char('/') + QUuid::createUuid().toString(QUuid::WithoutBraces) + kSession;
    m_lock = lockOf(m_file);
    if (!m_lock)
        m_file.clear();
    if (m_file.isEmpty())
        return;
    m_soon.setSingleShot(true);
    m_soon.setInterval(kSoonMs);
    m_regularly.setInterval(kRegularlyMs);
    connect(&m_soon, &QTimer::timeout, this, &Autosave::write);
    connect(&m_regularly, &QTimer::timeout, this, &Autosave::write);
    connect(&controller, &SessionController::edited, this, [this] {
        if (!m_soon.isActive()) // a change each second must not put it off for ever
            m_soon.start();
        if (!m_regularly.isActive())
            m_regularly.start();
    });
}

Autosave::~Autosave()
{
    m_writer.waitForDone();
    if (!m_file.isEmpty())
        QFile::remove(m_file);
}

void Autosave::write()
{
    Session session = m_snapshot();
    if (m_written == session)
        return;
    m_written = session;
    m_writer.start([session = std::move(session), file = m_file.toStdString()] {
        // A full disk is no reason to disturb anybody; the last file stays.
        [[maybe_unused]] const auto written = writeAtomically(file, sessionToJson(session));
    });
}

} // namespace attnscope
