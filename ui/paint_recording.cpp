// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/paint_recording.h"

#include <QPaintEngine>
#include <QPainter>
#include <QPainterPath>

#include <utility>

namespace attnscope {

namespace {

constexpr int kUnitsPerInch = 96;

template <class Point>
void drawPolygonAs(QPainter& painter, const std::vector<Point>& points, QPaintEngine::PolygonDrawMode mode)
{
    const auto count = static_cast<int>(points.size());
    switch (mode) {
    case QPaintEngine::PolylineMode:
        return painter.drawPolyline(points.data(), count);
    case QPaintEngine::ConvexMode:
        return painter.drawConvexPolygon(points.data(), count);
    case QPaintEngine::OddEvenMode:
        return painter.drawPolygon(points.data(), count, Qt::OddEvenFill);
    case QPaintEngine::WindingMode:
        return painter.drawPolygon(points.data(), count, Qt::WindingFill);
    }
}

} // namespace

class PaintRecording::Engine : public QPaintEngine {
public:
    explicit Engine(std::vector<std::function<void(QPainter&)>>& steps) : QPaintEngine(AllFeatures), m_steps(steps) {}

    std::function<QImage()> later; ///< in place of the next image

    bool begin(QPaintDevice*) override { return true; }
    bool end() override { return true; }
    Type type() const override { return User; }
    void updateState(const QPaintEngineState& state) override;

    void drawRects(const QRectF* rects, int count) override { addShapes(rects, count, &QPainter::drawRects); }
    void drawRects(const QRect* rects, int count) override { addShapes(rects, count, &QPainter::drawRects); }
    void drawLines(const QLineF* lines, int count) override { addShapes(lines, count, &QPainter::drawLines); }
    void drawLines(const QLine* lines, int count) override { addShapes(lines, count, &QPainter::drawLines); }
    void drawPoints(const QPointF* points, int count) override { addShapes(points, count, &QPainter::drawPoints); }
    void drawPoints(const QPoint* points, int count) override { addShapes(points, count, &QPainter::drawPoints); }
    void drawPolygon(const QPointF* points, int count, PolygonDrawMode mode) override { addPolygon(points, count, mode); }
    void drawPolygon(const QPoint* points, int count, PolygonDrawMode mode) override { addPolygon(points, count, mode); }
    void drawEllipse(const QRectF& rect) override
    {
        add([rect](QPainter& p) { p.drawEllipse(rect); });
    }
    void drawEllipse(const QRect& rect) override
    {
        add([rect](QPainter& p) { p.drawEllipse(rect); });
    }
    void drawPath(const QPainterPath& path) override
    {
        add([path](QPainter& p) { p.drawPath(path); });
    }
    void drawTextItem(const QPointF& at, const QTextItem& item) override
    {
        add([at, text = item.text()](QPainter& p) { p.drawText(at, text); });
    }
    void drawImage(const QRectF& target, const QImage& image, const QRectF& source, Qt::ImageConversionFlags flags) override
    {
        if (later)
            add([target, make = std::exchange(later, nullptr)](QPainter& p) { p.drawImage(target, make()); });
        else
            add([target, image, source, flags](QPainter& p) { p.drawImage(target, image, source, flags); });
    }
    // A pixmap belongs to the window's thread.
    void drawPixmap(const QRectF& target, const QPixmap& pixmap, const QRectF& source) override
    {
        add([target, image = pixmap.toImage(), source](QPainter& p) { p.drawImage(target, image, source); });
    }
    void drawTiledPixmap(const QRectF& target, const QPixmap& pixmap, const QPointF& origin) override
    {
        add([target, image = pixmap.toImage(), origin](QPainter& p) {
            QBrush brush(image);
            brush.setTransform(QTransform::fromTranslate(target.left() - origin.x(), target.top() - origin.y()));
            p.fillRect(target, brush);
        });
    }

private:
    void add(std::function<void(QPainter&)> step) { m_steps.push_back(std::move(step)); }

    template <class Shape>
    void addShapes(const Shape* shapes, int count, void (QPainter::*draw)(const Shape*, int))
    {
        add([all = std::vector<Shape>(shapes, shapes + count), draw](QPainter& p) { (p.*draw)(all.data(), static_cast<int>(all.size())); });
    }

    template <class Point>
    void addPolygon(const Point* points, int count, PolygonDrawMode mode)
    {
        add([all = std::vector<Point>(points, points + count), mode](QPainter& p) { drawPolygonAs(p, all, mode); });
    }

    std::vector<std::function<void(QPainter&)>>& m_steps;
};

// The transform comes first: clips are in its coordinates.
void PaintRecording::Engine::updateState(const QPaintEngineState& now)
{
    const DirtyFlags dirty = now.state();
    const auto on = [&](DirtyFlag flag, auto step) {
        if (dirty.testFlag(flag))
            add(std::move(step));
    };
    on(DirtyTransform, [to = now.transform()](QPainter& p) { p.setTransform(to); });
    on(DirtyPen, [to = now.pen()](QPainter& p) { p.setPen(to); });
    on(DirtyBrush, [to = now.brush()](QPainter& p) { p.setBrush(to); });
    on(DirtyBrushOrigin, [to = now.brushOrigin()](QPainter& p) { p.setBrushOrigin(to); });
    on(DirtyFont, [to = now.font()](QPainter& p) { p.setFont(to); });
    on(DirtyBackground, [to = now.backgroundBrush()](QPainter& p) { p.setBackground(to); });
    on(DirtyBackgroundMode, [to = now.backgroundMode()](QPainter& p) { p.setBackgroundMode(to); });
    on(DirtyClipRegion, [to = now.clipRegion(), how = now.clipOperation()](QPainter& p) { p.setClipRegion(to, how); });
    on(DirtyClipPath, [to = now.clipPath(), how = now.clipOperation()](QPainter& p) { p.setClipPath(to, how); });
    on(DirtyClipEnabled, [to = now.isClipEnabled()](QPainter& p) { p.setClipping(to); });
    on(DirtyHints, [to = now.renderHints()](QPainter& p) {
        p.setRenderHints(p.renderHints(), false);
        p.setRenderHints(to, true);
    });
    on(DirtyCompositionMode, [to = now.compositionMode()](QPainter& p) { p.setCompositionMode(to); });
    on(DirtyOpacity, [to = now.opacity()](QPainter& p) { p.setOpacity(to); });
}

PaintRecording::PaintRecording(const QSize& size) : m_size(size), m_engine(std::make_unique<Engine>(m_steps)) {}

PaintRecording::~PaintRecording() = default;

bool PaintRecording::play(QPainter& painter, const RunContext& context) const
{
    for (std::size_t i = 0; i < m_steps.size(); ++i) {
        if (context.cancelled())
            return false;
        context.report(static_cast<double>(i) / static_cast<double>(m_steps.size()));
        m_steps[i](painter);
    }
    return true;
}

QPaintEngine* PaintRecording::paintEngine() const { return m_engine.get(); }

int PaintRecording::metric(PaintDeviceMetric metric) const
{
    switch (metric) {
    case PdmWidth:
        return m_size.width();
    case PdmHeight:
        return m_size.height();
    case PdmWidthMM:
        return m_size.width() * 254 / (10 * kUnitsPerInch);
    case PdmHeightMM:
        return m_size.height() * 254 / (10 * kUnitsPerInch);
    case PdmDpiX:
    case PdmDpiY:
    case PdmPhysicalDpiX:
    case PdmPhysicalDpiY:
        return kUnitsPerInch;
    case PdmDepth:
        return 32;
    case PdmNumColors:
        return 1 << 24;
    case PdmDevicePixelRatio:
        return 1;
    case PdmDevicePixelRatioScaled:
        return static_cast<int>(devicePixelRatioFScale());
    }
    return 0;
}

void drawImageLater(QPainter& painter, const QRectF& target, std::function<QImage()> make)
{
    auto* recording = dynamic_cast<PaintRecording*>(painter.device());
    if (!recording)
        return painter.drawImage(target, make());
    recording->m_engine->later = std::move(make);
    painter.drawImage(target, QImage(1, 1, QImage::Format_RGB32)); // brings the painter's state with it
}

} // namespace attnscope
