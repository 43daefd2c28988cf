// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/heatmap_plottable.h"

#include "ui/paint_recording.h"
#include "ui/view_state.h"

#include <QDateTime>
#include <QPointer>

#include <cmath>

namespace attnscope {

namespace {

constexpr qint64 kKeepPictureMs = 400;
constexpr int kRefiningAfterMs = 150;
constexpr std::size_t kWishesToCount = 8; // fewer make no percentage
constexpr double kCellWidthForValues = 40.0;
constexpr double kLargestExport = 4096.0; // pixels across

} // namespace

QSize exportPixels(const QSizeF& size, double scale)
{
    return (size * std::min(scale, kLargestExport / std::max(size.width(), size.height()))).toSize();
}

HeatmapPlottable::HeatmapPlottable(QCPAxis* keyAxis, QCPAxis* valueAxis, Executor tiles)
    : QCPAbstractPlottable(keyAxis, valueAxis), m_loader(std::move(tiles)), m_painters(paintExecutor())
{
    setSelectable(QCP::stNone);
    m_paintTimer.setSingleShot(true);
    m_refiningTimer.setSingleShot(true);
    m_refiningTimer.setInterval(kRefiningAfterMs);
    connect(&m_paintTimer, &QTimer::timeout, this, [this] { paintNow(); });
    connect(&m_refiningTimer, &QTimer::timeout, this, [this] {
        m_refining = m_stopped || !isIdle();
        redraw();
    });
    connect(&m_loader, &TileLoader::tileReady, this, [this] {
        if (onStatistics)
            onStatistics();
        schedulePaint();
    });
    connect(&m_loader, &TileLoader::idle, this, [this] {
        if (m_loader.isIdle() && m_request.pyramid && !m_shown.complete)
            schedulePaint();
    });
    connect(&m_loader, &TileLoader::failed, this, [this](const QString& what) {
        if (onFailed)
            onFailed(what);
    });
}

HeatmapPlottable::~HeatmapPlottable() = default;

void HeatmapPlottable::setPyramid(std::shared_ptr<TilePyramid> pyramid, bool keepPicture)
{
    m_request.pyramid = std::move(pyramid);
    m_keepUntil = keepPicture && m_request.pyramid ? QDateTime::currentMSecsSinceEpoch() + kKeepPictureMs : 0;
    if (!m_keepUntil)
        m_shown = {};
    requestTiles();
    schedulePaint();
}

void HeatmapPlottable::setScale(const ColorScale& scale)
{
    if (scale == m_request.scale)
        return;
    m_request.scale = scale;
    schedulePaint();
}

void HeatmapPlottable::setTheme(const PlotTheme& theme)
{
    m_request.theme = theme;
    schedulePaint();
}

void HeatmapPlottable::setTransposed(bool transposed)
{
    if (transposed == m_request.transposed)
        return;
    m_request.transposed = transposed;
    m_request.pixels.transpose();
    m_shown = {};
    schedulePaint();
}

void HeatmapPlottable::setView(const QRectF& cells, const QSize& screen, double pixelRatio)
{
    const QSize pixels = m_request.transposed ? screen.transposed() : screen;
    if (cells == m_request.cells && pixels == m_request.pixels && pixelRatio == m_request.pixelRatio)
        return;
    m_request.cells = cells;
    m_request.pixels = pixels;
    m_request.pixelRatio = pixelRatio;
    requestTiles();
    schedulePaint();
}

bool HeatmapPlottable::isIdle() const
{
    return !m_request.pyramid || m_request.pixels.isEmpty() || (m_done == m_asked && (m_shown.complete || m_loader.isIdle()));
}

void HeatmapPlottable::requestTiles()
{
    if (!m_request.pyramid)
        return m_loader.cancel();
    const auto& pyramid = *m_request.pyramid;
    auto keys = tilesFor(pyramid, m_request.cells, m_request.pixels);
    // Where the whole map is seen, its coarser levels cost next to nothing and give later views something to start from.
    const bool whole = m_request.cells == QRectF(0, 0, double(pyramid.cols()), double(pyramid.rows()));
    const auto seen = keys;
    for (int level = keys.empty() ? 0 : keys.front().level + 1; whole && !seen.empty() && level <= pyramid.topLevel(); ++level)
        for (const TileKey& key : seen)
            if (std::find(keys.begin(), keys.end(), key.ancestor(level)) == keys.end())
                keys.push_back(key.ancestor(level));
    std::vector<TileKey> leaves;
    for (const TileKey& key : seen) {
        const auto below = pyramid.missingLeaves(key);
        leaves.insert(leaves.end(), below.begin(), below.end());
    }
    keys.insert(keys.begin(), leaves.begin(), leaves.end());
    std::erase_if(keys, [&](const TileKey& key) { return pyramid.cached(key) != nullptr; });
    if (!leaves.empty()) {                               // an estimate of it all comes first
        const auto previews = pyramid.missingPreviews(); // the finer one after a first tile, so that each pane has a rough one soon
        for (std::size_t i = 0; i < previews.size(); ++i)
            keys.insert(keys.begin() + std::min<std::ptrdiff_t>(std::ptrdiff_t(2 * i), std::ptrdiff_t(keys.size())), previews[i]);
    }
    m_wanted = keys.size();
    m_stopped = false;
    m_loader.request(m_request.pyramid, std::move(keys));
}

void HeatmapPlottable::stop()
{
    if (isIdle())
        return;
    m_stopped = true;
    m_loader.cancel();
    schedulePaint();
}

QString HeatmapPlottable::markText() const
{
    if (m_stopped)
        return m_shown.estimated ? tr("estimate · stopped, F5 goes on") : tr("stopped, F5 goes on");
    const QString done =
        m_wanted < kWishesToCount ? QString() : tr(" %1 %").arg(100 * (m_wanted - std::min(m_wanted, m_loader.remaining())) / m_wanted);
    if (m_shown.estimated)
        return tr("estimate · refining …") + done;
    return (m_shown.covered ? tr("refining …") : tr("computing …")) + done;
}

void HeatmapPlottable::schedulePaint()
{
    ++m_asked;
    if (!m_paintTimer.isActive())
        m_paintTimer.start(0);
    if (!m_refiningTimer.isActive())
        m_refiningTimer.start();
}

void HeatmapPlottable::paintNow()
{
    if (m_painting || !m_request.pyramid || m_request.pixels.isEmpty() || m_request.cells.isEmpty())
        return;
    m_painting = m_asked;
    m_painters([request = m_request, number = m_asked, self = QPointer<HeatmapPlottable>(this), app = QCoreApplication::instance()] {
        const PaintResult result = paintTiles(request);
        QMetaObject::invokeMethod(
            app,
            [self, result, number] {
                if (self)
                    self->accept(result, number);
            },
            Qt::QueuedConnection);
    });
}

void HeatmapPlottable::accept(const PaintResult& result, quint64 number)
{
    m_painting = 0;
    m_done = number;
    const bool stale = result.pyramid != m_request.pyramid || result.transposed != m_request.transposed;
    const bool keepOld = !result.covered && m_shown.pyramid != result.pyramid && QDateTime::currentMSecsSinceEpoch() < m_keepUntil;
    if (!stale && !keepOld) {
        m_shown = result;
        if (isIdle()) {
            m_refining = m_stopped && !m_shown.complete;
            m_refiningTimer.stop();
        }
        redraw();
    }
    if (m_done != m_asked || keepOld)
        m_paintTimer.start(keepOld && m_done == m_asked ? 20 : 0);
    else if (isIdle() && onPainted)
        onPainted();
}

// The map alone; before the first replot of the plot there is nothing to redraw.
void HeatmapPlottable::redraw()
{
    if (mParentPlot->replotTime() > 0.0)
        layer()->replot();
}

QRectF HeatmapPlottable::pixelRect(const QRectF& cells) const
{
    const QRectF at = m_request.transposed ? transposed(cells) : cells;
    return {QPointF(mKeyAxis->coordToPixel(at.left()), mValueAxis->coordToPixel(at.top())),
            QPointF(mKeyAxis->coordToPixel(at.right()), mValueAxis->coordToPixel(at.bottom()))};
}

void HeatmapPlottable::draw(QCPPainter* painter)
{
    if (!m_request.pyramid || part.isEmpty())
        return;
    const QRectF map = mKeyAxis->axisRect()->rect();
    painter->save();
    if (part != QRectF(0.0, 0.0, 1.0, 1.0))
        painter->setClipRect(QRectF(map.left() + part.left() * map.width(), map.top() + part.top() * map.height(),
                                    part.width() * map.width(), part.height() * map.height()),
                             Qt::IntersectClip);
    painter->setAntialiasing(false);
    painter->setRenderHint(QPainter::SmoothPixmapTransform, false);
    drawPicture(painter);
    drawHatch(painter);
    drawValues(painter);
    if (m_refining && exportScale <= 0.0)
        drawRefiningMark(painter);
    painter->restore();
}

void HeatmapPlottable::drawPicture(QCPPainter* painter)
{
    const QRectF map = mKeyAxis->axisRect()->rect();
    if (exportScale > 0.0) {
        PaintRequest request = m_request;
        const QSize size = exportPixels(map.size(), exportScale);
        request.pixels = request.transposed ? size.transposed() : size;
        request.pixelRatio = size.width() / map.width();
        painter->setRenderHint(QPainter::LosslessImageRendering);
        drawImageLater(*painter, map, [request] { return paintTiles(request).image; });
        return;
    }
    painter->fillRect(map, m_request.theme.empty);
    if (!m_shown.image.isNull())
        painter->drawImage(pixelRect(m_shown.cells), m_shown.image);
}

void HeatmapPlottable::drawHatch(QCPPainter* painter) const
{
    const QRectF map = mKeyAxis->axisRect()->rect();
    const QRectF column = pixelRect({0.0, 0.0, double(hatchedKeys), double(m_request.pyramid->rows())}).intersected(map);
    if (hatchedKeys == 0 || column.isEmpty())
        return;
    painter->fillRect(column, m_request.theme.masked);
    painter->fillRect(column, QBrush(m_request.theme.muted, Qt::BDiagPattern));
}

void HeatmapPlottable::drawValues(QCPPainter* painter) const
{
    const QRectF view = m_request.cells;
    const QSizeF cellSize = pixelRect({view.topLeft(), QSizeF(1.0, 1.0)}).size();
    const double width = cellSize.width();
    const double height = cellSize.height();
    QFont font = mKeyAxis->tickLabelFont();
    if (width < kCellWidthForValues || height < 1.3 * QFontMetricsF(font).height())
        return;
    painter->setFont(font);
    const auto& pyramid = *m_request.pyramid;
    for (Index row = Index(view.top()); row < std::min<Index>(pyramid.rows(), Index(std::ceil(view.bottom()))); ++row)
        for (Index col = Index(view.left()); col < std::min<Index>(pyramid.cols(), Index(std::ceil(view.right()))); ++col) {
            const auto tile = pyramid.cached({0, row / kTileSize, col / kTileSize});
            if (!tile || !pyramid.source().visible(row).contains(col))
                continue;
            const float value = tile->at(row % kTileSize, col % kTileSize);
            const bool darkCell = isDrawable(value) && lightness(m_request.scale.color(value)) < 0.62;
            painter->setPen(darkCell ? QColor(255, 255, 255, 235) : QColor(0, 0, 0, 225));
            const QRectF cell = pixelRect({double(col), double(row), 1.0, 1.0});
            painter->drawText(cell, Qt::AlignCenter, QString::fromStdString(formatValue(value, width < 52.0 ? 2 : 3)));
        }
}

void HeatmapPlottable::drawRefiningMark(QCPPainter* painter) const
{
    const QString text = markText();
    painter->setFont(mKeyAxis->tickLabelFont());
    const QRectF map = mKeyAxis->axisRect()->rect();
    QRectF box = QFontMetricsF(painter->font()).boundingRect(text).adjusted(-6, -2, 6, 2);
    box.moveTopRight(map.topRight() + QPointF(-5, 5));
    painter->setAntialiasing(true);
    painter->setPen(Qt::NoPen);
    painter->setBrush(QColor(20, 22, 26, 190));
    painter->drawRoundedRect(box, 4, 4);
    painter->setPen(QColor(Qt::white));
    painter->drawText(box, Qt::AlignCenter, text);
}

double HeatmapPlottable::selectTest(const QPointF&, bool, QVariant*) const { return -1.0; }

QCPRange HeatmapPlottable::getKeyRange(bool& found, QCP::SignDomain) const
{
    found = m_request.pyramid != nullptr;
    return found ? QCPRange(0.0, double(m_request.pyramid->cols())) : QCPRange();
}

QCPRange HeatmapPlottable::getValueRange(bool& found, QCP::SignDomain, const QCPRange&) const
{
    found = m_request.pyramid != nullptr;
    return found ? QCPRange(0.0, double(m_request.pyramid->rows())) : QCPRange();
}

void HeatmapPlottable::drawLegendIcon(QCPPainter*, const QRectF&) const {}

} // namespace attnscope
