// SPDX-License-Identifier: GPL-3.0-or-later
// The histogram of frame times in a small window of its own, drawn anew while the map is moved.
#pragma once

#include "ui/frame_times.h"

#include <QDialog>

class QLabel;

namespace attnscope {

class FrameTimesWindow : public QDialog {
    Q_OBJECT

public:
    /// The one of `parent`, made at the first call; Esc closes it. `record` outlives it.
    static FrameTimesWindow& of(QWidget& parent, FrameRecord& record);

    void refresh();

private:
    FrameTimesWindow(QWidget* parent, FrameRecord& record);

    FrameRecord& m_record;
    QWidget* m_bars;
    QLabel* m_text;
};

} // namespace attnscope
