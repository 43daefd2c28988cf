// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/metered_application.h"

#include <QMainWindow>
#include <QThread>

#include <ctime>
#include <utility>

namespace attnscope {

namespace {

constexpr double kRestMs = 1.0; // a longer pause ends a stretch
constexpr double kInputCountsMs = 500.0;

bool isInput(QEvent::Type type)
{
    return type == QEvent::MouseMove || type == QEvent::MouseButtonPress || type == QEvent::MouseButtonRelease || type == QEvent::Wheel ||
           type == QEvent::KeyPress;
}

/// For how long this thread has been running.
double threadMs()
{
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

} // namespace

MeteredApplication::MeteredApplication(int& argc, char** argv) : QApplication(argc, argv) { m_clock.start(); }

FrameRecord* MeteredApplication::frameRecord()
{
    auto* const running = qobject_cast<MeteredApplication*>(QCoreApplication::instance());
    return running ? &running->m_record : nullptr;
}

bool MeteredApplication::notify(QObject* receiver, QEvent* event)
{
    if (QThread::currentThread() != thread())
        return QApplication::notify(receiver, event);
    const int level = thread()->loopLevel();
    if (level == m_level)
        return QApplication::notify(receiver, event); // part of an event that is measured already
    const auto now = [this] { return static_cast<double>(m_clock.nsecsElapsed()) * 1e-6; };
    const QEvent::Type type = event->type();
    const bool paints = type == QEvent::UpdateRequest && qobject_cast<QMainWindow*>(receiver);
    const double start = now();
    if (start - m_end > kRestMs || std::exchange(m_nested, false)) {
        m_begin = start;
        m_workBegin = threadMs();
    }
    if (isInput(type))
        m_lastInput = start;
    const int outer = std::exchange(m_level, level);
    const bool handled = QApplication::notify(receiver, event); // the event may be gone afterwards
    m_level = outer;
    m_end = now();
    if (paints && !m_nested)
        endFrame(m_end);
    m_nested = m_nested || outer >= 0;
    return handled;
}

void MeteredApplication::endFrame(double now)
{
    const double work = threadMs();
    if (now - m_lastInput <= kInputCountsMs) {
        m_record.all.add(now - m_begin);
        m_record.work.add(work - m_workBegin);
    }
    m_begin = now;
    m_workBegin = work;
}

} // namespace attnscope
