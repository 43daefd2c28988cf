// SPDX-License-Identifier: GPL-3.0-or-later
// The application that measures its window's frames while somebody works in it.
#pragma once

#include "ui/frame_times.h"

#include <QApplication>
#include <QElapsedTimer>

namespace attnscope {

/// A frame is the stretch without rest in which the window's thread handles what came in (input, results, timers) and ends with
/// the window's painting: all that a person waits for. Frames count up to half a second after a mouse, wheel or key event.
class MeteredApplication : public QApplication {
    Q_OBJECT

public:
    MeteredApplication(int& argc, char** argv);

    /// The running one's; null where the application is another one.
    static FrameRecord* frameRecord();

    bool notify(QObject* receiver, QEvent* event) override;

private:
    void endFrame(double now);

    FrameRecord m_record;
    QElapsedTimer m_clock;
    double m_begin = 0.0;       // of the stretch, ms
    double m_workBegin = 0.0;   // the thread's own clock then
    double m_end = 0.0;         // of the last event
    double m_lastInput = -1e12; // far in the past
    int m_level = -1;           // of the event loop whose event is being handled; -1: none
    bool m_nested = false;      // another loop ran inside the event
};

} // namespace attnscope
