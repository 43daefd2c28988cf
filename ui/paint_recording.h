// SPDX-License-Identifier: GPL-3.0-or-later
// What a painter was told to draw, to be drawn on another thread: widgets record it, a worker plays it into an image or a file.
#pragma once

#include "core/base/run_context.h"

#include <QImage>
#include <QPaintDevice>
#include <QRectF>
#include <QSize>

#include <functional>
#include <memory>
#include <vector>

class QPainter;

namespace attnscope {

class PaintRecording : public QPaintDevice {
public:
    explicit PaintRecording(const QSize& size);
    ~PaintRecording() override;

    /// With the transforms and clips of the recording; on any thread, also several times. False where it was cancelled.
    bool play(QPainter& painter, const RunContext& context) const;

    QPaintEngine* paintEngine() const override;

protected:
    int metric(PaintDeviceMetric metric) const override;

private:
    class Engine;
    friend void drawImageLater(QPainter& painter, const QRectF& target, std::function<QImage()> make);

    QSize m_size;
    std::vector<std::function<void(QPainter&)>> m_steps;
    std::unique_ptr<Engine> m_engine;
};

/// A picture that takes long to make: on a recording it is made when that is played, elsewhere at once. `make` is called on the
/// playing thread.
void drawImageLater(QPainter& painter, const QRectF& target, std::function<QImage()> make);

} // namespace attnscope
