// SPDX-License-Identifier: GPL-3.0-or-later
// Exported figures: text stays text, a map is one raster, files are whole or absent, the caption travels along.
#include "support/files.h"
#include "support/register_test.h"
#include "support/synthetic_source.h"
#include "ui/board.h"
#include "ui/figure_export.h"
#include "ui/map_pane.h"
#include "ui/pane_layout.h"
#include "ui/plot_theme.h"
#include "ui/row_plot.h"
#include "ui/view_state.h"

#include <QApplication>
#include <QImageReader>
#include <QProcess>
#include <QRegularExpression>
#include <QStandardPaths>
#include <QTest>
#include <QXmlStreamReader>

#include <cmath>

using namespace attnscope;
using tests::FormulaSource;

namespace {

float noise(Index row, Index col)
{
    std::uint64_t x = std::uint64_t(row) * 0x9E3779B97F4A7C15ULL + std::uint64_t(col) * 0xC2B2AE3D27D4EB4FULL + 1;
    x ^= x >> 29;
    x *= 0xBF58476D1CE4E5B9ULL;
    x ^= x >> 32;
    return static_cast<float>(x >> 40) / 16777216.0F;
}

QString pathOf(const tests::TempFolder& folder, const char* name) { return QString::fromStdString(folder.file(name).string()); }

QString svgText(const QString& path)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QXmlStreamReader xml(&file);
    QStringList texts;
    while (!xml.atEnd())
        if (xml.readNext() == QXmlStreamReader::StartElement && xml.name() == QLatin1String("text"))
            texts += xml.readElementText().trimmed();
    return xml.hasError() ? QString() : texts.join(QLatin1Char('\n'));
}

} // namespace

class TestFigureExport : public QObject {
    Q_OBJECT

    std::unique_ptr<Board> m_board;

    Figure figure()
    {
        return {m_board->figureSize(), [this](QCPPainter& painter, const QRect& target) { m_board->renderTo(painter, target); }};
    }

    // As a headless program would: no window is ever shown.
    void fill(Index n)
    {
        m_board = std::make_unique<Board>();
        const auto exact = std::make_shared<FormulaSource>(n, n, noise, true);
        m_board->setPanes({{"softmax", "f32 · cpu", PaneContent::Kind::Exact, exact, {}},
                           {"performer", "features=256 seed=0", PaneContent::Kind::Approximation, exact, {}},
                           {"error", "approximation − exact", PaneContent::Kind::Error, exact, {}}});
        QVERIFY(computeTiles(m_board->figureTiles(3200.0 / m_board->figureSize().width()), {}).ok());
    }

private Q_SLOTS:
    void svgTextIsText()
    {
        fill(24);
        QStringList tokens;
        for (int i = 0; i < 24; ++i)
            tokens += i % 4 ? QStringLiteral("whale") : QStringLiteral("Ahab");
        m_board->setTokens(tokens);
        const tests::TempFolder folder;
        const QString path = pathOf(folder, "board.svg");
        QVERIFY(exportFigure(figure(), path, {FigureFormat::Svg, 300, "Board & more", "features=256 <seed>"}).ok());
        const QString text = svgText(path);
        for (const char* word :
             {"softmax", "performer", "features=256 seed=0", "exact", "whale", "Ahab", "query", "key", "features=256 <seed>"})
            QVERIFY2(text.contains(QLatin1String(word)), word);
        const QString svg = QString::fromStdString(tests::readAll(path.toStdString()));
        QCOMPARE(svg.count("<image"), 3);
        QVERIFY(svg.contains("<title>Board &amp; more</title>"));
        QVERIFY(svg.contains("<desc>features=256 &lt;seed&gt;</desc>"));
        QCOMPARE(folder.names(), QStringList("board.svg"));
    }

    void pdfTextIsText()
    {
        fill(40);
        const tests::TempFolder folder;
        const QString path = pathOf(folder, "board.pdf");
        QVERIFY(exportFigure(figure(), path, {FigureFormat::Pdf, 300, "Board", "features=256 seed=0; n = 40"}).ok());
        const auto bytes = QByteArray::fromStdString(tests::readAll(path.toStdString()));
        QVERIFY(bytes.startsWith("%PDF"));
        QVERIFY(bytes.contains("/Subtype /Type0") || bytes.contains("/CIDFontType2"));
        QCOMPARE(bytes.count("/Subtype /Image"), qsizetype(3));
        QVERIFY(!bytes.contains("/DCTDecode")); // no JPEG blur
        const QString pdftotext = QStandardPaths::findExecutable("pdftotext");
        if (pdftotext.isEmpty())
            QSKIP("pdftotext isn't installed");
        QProcess process;
        process.start(pdftotext, {path, "-"});
        QVERIFY(process.waitForFinished());
        const QString text = QString::fromUtf8(process.readAllStandardOutput());
        for (const char* word : {"softmax", "performer", "seed=0", "query", "n = 40"})
            QVERIFY2(text.contains(QLatin1String(word)), word);
    }

    void largeMapsMakeSmallPdfs()
    {
        fill(4096);
        MapPane* pane = m_board->pane(0);
        const tests::TempFolder folder;
        const QString path = pathOf(folder, "pane.pdf");
        const Figure one{{360, 420}, [&](QCPPainter& painter, const QRect& target) { pane->renderTo(painter, target); }};
        QVERIFY(exportFigure(one, path, {FigureFormat::Pdf, 300, "Pane", "noise"}).ok());
        QVERIFY(QFileInfo(path).size() > 100'000);
        QVERIFY(QFileInfo(path).size() < 10'000'000);
    }

    void pngIsWhiteAtItsDpiWithMetadata()
    {
        fill(30);
        QApplication::setPalette(darkPalette());
        const tests::TempFolder folder;
        const QString path = pathOf(folder, "board.png");
        const Figure board = figure();
        const auto done = exportFigure(board, path, {FigureFormat::Png, 192, "Board", "features=256 seed=0", false});
        QApplication::setPalette(lightPalette());
        QVERIFY(done.ok());
        const QImage image(path);
        QCOMPARE(image.size(), board.size * 2);
        QCOMPARE(image.pixel(2, image.height() - 2), qRgb(255, 255, 255));
        QCOMPARE(image.text("Description"), QString("features=256 seed=0"));
        QCOMPARE(image.text("Title"), QString("Board"));
        QVERIFY(std::abs(image.dotsPerMeterX() * 0.0254 - 192) < 1);
    }

    // What is exported is what is shown: the pixel at a cell's centre has the cell's colour.
    void exportedColoursAreTheValues()
    {
        fill(16);
        m_board->setNormalisation(Normalisation::Linear);
        m_board->view()->zoomTo({4, 6, 8, 8});
        m_board->setRange(std::pair(0.0, 1.0));
        MapPane* pane = m_board->pane(0);
        const QSize size(400, 460);
        const tests::TempFolder folder;
        const QString path = pathOf(folder, "pane.png");
        const Figure one{size, [&](QCPPainter& painter, const QRect& target) { pane->renderTo(painter, target); }};
        QVERIFY(exportFigure(one, path, {FigureFormat::Png, 192, "", "", false}).ok());
        const QRect map = paneLayout(size, false, false, 1.0).map;
        const QImage image(path);
        for (Index row = 6; row < 14; ++row)
            for (Index col = 4; col < std::min<Index>(12, row + 1); ++col) {
                const QPointF at(map.left() + (double(col) - 4 + 0.15) / 8 * map.width(),
                                 map.top() + (double(row) - 6 + 0.15) / 8 * map.height());
                const Rgb expected = pane->scale().color(noise(row, col));
                QCOMPARE(image.pixel((at * 2).toPoint()), qRgb(expected.r, expected.g, expected.b));
            }
    }

    void nothingIsLeftWhereWritingFails()
    {
        fill(8);
        const tests::TempFolder folder;
        const auto done = exportFigure(figure(), pathOf(folder, "no/such/folder.svg"), {FigureFormat::Svg, 96, "", ""});
        QVERIFY(!done.ok());
        QCOMPARE(done.error().code, Errc::Io);
        QVERIFY(folder.names().isEmpty());
        const auto huge = exportFigure({{100000, 100000}, [](QCPPainter&, const QRect&) {}}, pathOf(folder, "huge.png"),
                                       {FigureFormat::Png, 2400, "", ""});
        QVERIFY(!huge.ok());
        QVERIFY(folder.names().isEmpty());
    }

    void rowPlot()
    {
        RowPlot row;
        row.resize(800, 200);
        const auto exact = std::make_shared<FormulaSource>(500, 500, noise, true);
        row.setSources(
            {{"softmax", "", PaneContent::Kind::Exact, exact, {}}, {"performer", "", PaneContent::Kind::Approximation, exact, {}}});
        row.setTokens(QStringList(500, "whale"));
        row.setQuery(300);
        QTRY_VERIFY(row.isIdle());
        QCOMPARE(row.values(1).size(), std::size_t(500));
        QCOMPARE(row.values(0)[123], noise(300, 123));
        const tests::TempFolder folder;
        const QString path = pathOf(folder, "row.svg");
        const Figure figure{row.figureSize(), [&](QCPPainter& painter, const QRect& target) { row.renderTo(painter, target); }};
        QVERIFY(exportFigure(figure, path, {FigureFormat::Svg, 96, "Row", ""}).ok());
        const QString text = svgText(path);
        QVERIFY(text.contains("row of “whale” (query 300)"));
        QVERIFY(text.contains("performer"));
    }

    void formats()
    {
        QCOMPARE(formatOf("a/b.SVG", FigureFormat::Png), FigureFormat::Svg);
        QCOMPARE(formatOf("b.pdf", FigureFormat::Png), FigureFormat::Pdf);
        QCOMPARE(formatOf("b", FigureFormat::Pdf), FigureFormat::Pdf);
    }
};

static const attnscope::tests::RegisterTest<TestFigureExport> registered("test_figure_export");

#include "test_figure_export.moc"
