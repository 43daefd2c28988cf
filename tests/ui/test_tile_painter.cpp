// SPDX-License-Identifier: GPL-3.0-or-later
// Pictures of tiles: no bright cell is lost, indices are right at any size, masks, NaN and missing tiles look like themselves.
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/tile_painter.h"

#include <QTest>

#include <cmath>

using namespace attnscope;
using tests::BrightSource;
using tests::FormulaSource;
using Cells = std::set<std::pair<Index, Index>>;

namespace {

PaintRequest request(std::shared_ptr<TilePyramid> pyramid, const QRectF& cells, const QSize& pixels)
{
    PlotTheme theme = lightPlotTheme();
    theme.empty = Qt::darkBlue; // not to be taken for a lit pixel
    return {std::move(pyramid), cells, pixels, false, 1.0, {Normalisation::Linear, 0.0, 1.0, &colorMap("grey")}, theme};
}

std::shared_ptr<TilePyramid> pyramidOf(Index n, const Cells& bright, Pool pool = Pool::Max)
{
    return std::make_shared<TilePyramid>(std::make_shared<BrightSource>(n, bright), pool);
}

void computeAll(const PaintRequest& r)
{
    for (const TileKey& key : tilesFor(*r.pyramid, r.cells, r.pixels))
        QVERIFY(r.pyramid->compute(key, {}).ok());
}

bool isLit(const QImage& image, int x, int y) { return qGreen(image.pixel(x, y)) > 200; }

qint64 litCount(const QImage& image)
{
    qint64 count = 0;
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            count += isLit(image, x, y);
    return count;
}

QRgb rgb(const QColor& color) { return color.rgb(); }

} // namespace

class TestTilePainter : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void anEstimateIsShownUntilTheTilesAreThere()
    {
        const auto pyramid = std::make_shared<TilePyramid>(std::make_shared<FormulaSource>(
                                                               40000, 40000, [](Index, Index) { return 1.0F; }, true),
                                                           Pool::Max);
        const PaintRequest view = request(pyramid, {0, 0, 40000, 40000}, {200, 200});
        const PaintResult nothing = paintTiles(view);
        QVERIFY(!nothing.covered && !nothing.estimated);
        QVERIFY(pyramid->compute({kRoughPreview, 0, 0}, {}).ok());
        const PaintResult estimate = paintTiles(view);
        QVERIFY(estimate.covered && estimate.estimated && !estimate.complete);
        QVERIFY(isLit(estimate.image, 20, 150));
        QVERIFY(pyramid->compute({kLeafLevel, 0, 0}, {}).ok()); // a part of it
        QVERIFY(paintTiles(view).estimated);
        computeAll(view);
        const PaintResult exact = paintTiles(view);
        QVERIFY(exact.complete && !exact.estimated);
    }

    // 131 x 131 single bright cells at 8000 x 8000: each lights exactly one pixel, the one it lies under.
    void overviewKeepsEverySingleCell_data()
    {
        QTest::addColumn<int>("pixels");
        for (const int pixels : {500, 613, 800, 1000, 1500})
            QTest::addRow("%d", pixels) << pixels;
    }
    void overviewKeepsEverySingleCell()
    {
        QFETCH(int, pixels);
        const Index n = 8000;
        Cells bright;
        for (Index i = 0; i < 131; ++i)
            for (Index j = 0; j < 131; ++j)
                bright.insert({i * 61 + 7, j * 61 + 3});
        QCOMPARE(bright.size(), std::size_t(17161));
        const auto r = request(pyramidOf(n, bright), QRectF(0, 0, n, n), {pixels, pixels});
        computeAll(r);
        const PaintResult painted = paintTiles(r);
        QVERIFY(painted.complete && painted.covered);
        for (const auto& [row, col] : bright) {
            const int x = static_cast<int>(col * pixels / n);
            const int y = static_cast<int>(row * pixels / n);
            bool lit = false; // a pixel's border may cut a pooled cell: it belongs to one of the two sides
            for (int dy = -1; dy <= 1; ++dy)
                for (int dx = -1; dx <= 1; ++dx)
                    lit = lit || (painted.image.rect().contains(x + dx, y + dy) && isLit(painted.image, x + dx, y + dy));
            QVERIFY2(lit, qPrintable(QStringLiteral("cell %1, %2").arg(row).arg(col)));
        }
        QCOMPARE(litCount(painted.image), qint64(bright.size()));
    }

    // Every pooled cell that is lit is lit in the picture, whatever the zoom.
    void noPooledCellIsLost()
    {
        Cells bright;
        for (Index i = 0; i < 3000; ++i)
            bright.insert({(i * 7919) % 4096, (i * 104729) % 4096});
        const auto pyramid = pyramidOf(4096, bright);
        for (const double width : {4096.0, 3000.5, 1024.0, 700.25, 411.0, 90.0, 13.5}) {
            const QRectF cells(311.3, 95.8, std::min(width, 4096 - 311.3), std::min(width, 4096 - 95.8));
            const auto r = request(pyramid, cells, {409, 407});
            computeAll(r);
            const PaintResult painted = paintTiles(r);
            const int level = levelFor(*pyramid, cells, r.pixels);
            const double size = std::pow(2.0, level);
            for (const auto& [row, col] : bright) {
                const QRectF cell(std::floor(col / size) * size, std::floor(row / size) * size, size, size);
                if (!cells.contains(cell))
                    continue;
                const double x0 = (cell.left() - cells.left()) / cells.width() * 409.0;
                const double y0 = (cell.top() - cells.top()) / cells.height() * 407.0;
                const double x1 = (cell.right() - cells.left()) / cells.width() * 409.0;
                const double y1 = (cell.bottom() - cells.top()) / cells.height() * 407.0;
                bool lit = false;
                for (int y = int(y0); y <= std::min(406, int(y1)); ++y)
                    for (int x = int(x0); x <= std::min(408, int(x1)); ++x)
                        lit = lit || isLit(painted.image, x, y);
                QVERIFY2(lit, qPrintable(QStringLiteral("cell %1, %2 in %3").arg(row).arg(col).arg(width)));
            }
        }
    }

    void magnifiedCellsAreCrisp()
    {
        const auto pyramid = std::make_shared<TilePyramid>(
            std::make_shared<FormulaSource>(300, 300, [](Index r, Index c) { return (r + c) % 2 ? 1.0F : 0.0F; }), Pool::Max);
        const auto r = request(pyramid, QRectF(250, 120, 20, 20), {400, 400});
        computeAll(r);
        const QImage image = paintTiles(r).image;
        for (int y = 0; y < 400; ++y)
            for (int x = 0; x < 400; ++x)
                QCOMPARE(isLit(image, x, y), (250 + x / 20 + 120 + y / 20) % 2 == 1);
    }

    void indicesAreRightAtAnySize_data()
    {
        QTest::addColumn<Index>("n");
        for (const Index n : {Index(46341), Index(65536), Index(100000)})
            QTest::addRow("%lld", static_cast<long long>(n)) << n;
    }
    void indicesAreRightAtAnySize()
    {
        QFETCH(Index, n);
        const Cells bright{{n - 1, n - 1}, {n - 3, n - 7}, {n / 2, n / 3}, {0, 0}, {1, n - 1}};
        const auto pyramid = pyramidOf(n, bright);
        const auto corner = request(pyramid, QRectF(double(n - 10), double(n - 10), 10, 10), {100, 100});
        computeAll(corner);
        const QImage magnified = paintTiles(corner).image;
        QCOMPARE(litCount(magnified), qint64(200));
        QVERIFY(isLit(magnified, 95, 95) && isLit(magnified, 35, 75));
        const auto whole = request(pyramid, QRectF(0, 0, double(n), double(n)), {640, 640});
        computeAll(whole);
        const PaintResult overview = paintTiles(whole);
        QVERIFY(overview.complete);
        QVERIFY(isLit(overview.image, 639, 639) && isLit(overview.image, 0, 0) && isLit(overview.image, 639, 0));
        QCOMPARE(litCount(overview.image), qint64(4)); // two of the five share the last pixel
        const int x = int(n / 3 * 640 / n);
        const int y = int(n / 2 * 640 / n);
        QVERIFY(isLit(overview.image, x, y) || isLit(overview.image, x, y + 1)); // the cell may lie on the pixels' border
    }

    void levels()
    {
        const auto pyramid = pyramidOf(8192, {});
        QCOMPARE(levelFor(*pyramid, QRectF(0, 0, 8192, 8192), {512, 512}), 4);
        QCOMPARE(levelFor(*pyramid, QRectF(0, 0, 8192, 8192), {513, 513}), 3);
        QCOMPARE(levelFor(*pyramid, QRectF(0, 0, 100, 100), {512, 512}), 0);
        QCOMPARE(levelFor(*pyramid, QRectF(0, 0, 8192, 64), {512, 512}), 0);
        const auto keys = tilesFor(*pyramid, QRectF(0, 0, 8192, 8192), {512, 512});
        QCOMPARE(keys.size(), std::size_t(4));
    }

    void nearestTilesFirst()
    {
        const auto keys = tilesFor(*pyramidOf(8192, {}), QRectF(256, 256, 1280, 1280), {1280, 1280});
        QCOMPARE(keys.size(), std::size_t(25));
        QCOMPARE(keys.front(), (TileKey{0, 3, 3}));
    }

    void missingTilesShowTheirAncestor()
    {
        const auto pyramid = pyramidOf(4096, Cells{{10, 10}});
        auto r = request(pyramid, QRectF(0, 0, 512, 512), {512, 512});
        const PaintResult nothing = paintTiles(r);
        QVERIFY(!nothing.covered && !nothing.complete);
        QCOMPARE(nothing.image.pixel(300, 300), rgb(r.theme.empty));
        QVERIFY(pyramid->compute({4, 0, 0}, {}).ok());
        const PaintResult coarse = paintTiles(r);
        QVERIFY(coarse.covered && !coarse.complete);
        QCOMPARE(litCount(coarse.image), qint64(16 * 16));
        computeAll(r);
        const PaintResult fine = paintTiles(r);
        QVERIFY(fine.complete);
        QCOMPARE(litCount(fine.image), qint64(1));
    }

    void unfinishedOverviewShowsItsPieces()
    {
        const auto pyramid = pyramidOf(60000, Cells{{9000, 100}});
        const auto r = request(pyramid, QRectF(0, 0, 60000, 60000), {300, 300});
        QVERIFY(levelFor(*pyramid, r.cells, r.pixels) > kLeafLevel);
        QVERIFY(pyramid->compute({kLeafLevel, 1, 0}, {}).ok());
        const PaintResult part = paintTiles(r);
        QVERIFY(!part.covered);
        QCOMPARE(litCount(part.image), qint64(1));
        QVERIFY(isLit(part.image, 0, 45));
        QCOMPARE(part.image.pixel(200, 200), rgb(r.theme.empty));
    }

    void maskedAndNotANumber()
    {
        const auto source = std::make_shared<FormulaSource>(
            64, 64, [](Index r, Index c) { return r == 20 && c == 5   ? std::nanf("")
                                                  : r == 20 && c == 6 ? INFINITY
                                                                      : 0.0F; }, true);
        const auto pyramid = std::make_shared<TilePyramid>(source, Pool::Max);
        const auto r = request(pyramid, QRectF(0, 0, 64, 64), {640, 640});
        computeAll(r);
        const QImage image = paintTiles(r).image;
        const PlotTheme theme = lightPlotTheme();
        for (int y = 0; y < 640; ++y)
            for (int x = 0; x < 640; ++x) {
                const QRgb pixel = image.pixel(x, y);
                const bool hatch = pixel == rgb(theme.masked) || pixel == rgb(theme.maskedLine);
                QCOMPARE(hatch, x / 10 > y / 10);
            }
        int stripes = 0;
        int ground = 0;
        for (int y = 200; y < 210; ++y)
            for (int x = 50; x < 70; ++x) {
                ground += image.pixel(x, y) == rgb(theme.notANumber);
                stripes += image.pixel(x, y) == qRgb(30, 30, 30);
            }
        QCOMPARE(ground + stripes, 200);
        QVERIFY(ground > stripes && stripes > 10);
    }

    void poolsWithinAPixel_data()
    {
        QTest::addColumn<int>("pool");
        QTest::addColumn<double>("value");
        QTest::newRow("max") << int(Pool::Max) << 0.25;
        QTest::newRow("min") << int(Pool::Min) << -0.75;
        QTest::newRow("mean") << int(Pool::Mean) << (0.25 - 0.75) / 9.0;
        QTest::newRow("extreme") << int(Pool::Extreme) << -0.75;
    }
    void poolsWithinAPixel()
    {
        QFETCH(int, pool);
        QFETCH(double, value);
        // 3 x 3 cells a pixel: level 1 and then two pooled cells, or one and a half.
        const auto source = std::make_shared<FormulaSource>(3, 3, [](Index r, Index c) {
            return r == 0 && c == 0 ? 0.25F : r == 2 && c == 2 ? -0.75F : 0.0F;
        });
        auto r = request(std::make_shared<TilePyramid>(source, static_cast<Pool>(pool)), QRectF(0, 0, 3, 3), {1, 1});
        r.scale = {Normalisation::Linear, -1.0, 1.0, &colorMap("grey")};
        computeAll(r);
        const Rgb expected = r.scale.color(value);
        QCOMPARE(paintTiles(r).image.pixel(0, 0), qRgb(expected.r, expected.g, expected.b));
    }
};

static const attnscope::tests::RegisterTest<TestTilePainter> registered("test_tile_painter");

#include "test_tile_painter.moc"
