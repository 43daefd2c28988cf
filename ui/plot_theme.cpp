// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plot_theme.h"

#include "ui/pane_layout.h"

#include <qcustomplot.h>

namespace attnscope {

namespace {

struct Swatches {
    QColor window, base, text, button, highlight, muted;
};

QPalette makePalette(const Swatches& c)
{
    QPalette palette(c.button, c.window);
    palette.setColor(QPalette::Window, c.window);
    palette.setColor(QPalette::WindowText, c.text);
    palette.setColor(QPalette::Base, c.base);
    palette.setColor(QPalette::AlternateBase, c.window);
    palette.setColor(QPalette::Text, c.text);
    palette.setColor(QPalette::Button, c.button);
    palette.setColor(QPalette::ButtonText, c.text);
    palette.setColor(QPalette::BrightText, c.text);
    palette.setColor(QPalette::ToolTipBase, c.base);
    palette.setColor(QPalette::ToolTipText, c.text);
    palette.setColor(QPalette::PlaceholderText, c.muted);
    palette.setColor(QPalette::Highlight, c.highlight);
    palette.setColor(QPalette::HighlightedText, Qt::white);
    palette.setColor(QPalette::Link, c.highlight);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, c.muted);
    return palette;
}

QColor mixed(const QColor& a, const QColor& b, double share)
{
    return QColor::fromRgbF(float(std::lerp(a.redF(), b.redF(), share)), float(std::lerp(a.greenF(), b.greenF(), share)),
                            float(std::lerp(a.blueF(), b.blueF(), share)));
}

} // namespace

QPalette lightPalette() { return makePalette({"#f4f5f7", "#ffffff", "#1c2026", "#e9ebef", "#1f6fb2", "#6b7280"}); }

QPalette darkPalette() { return makePalette({"#1d2026", "#15181d", "#e4e7ec", "#2a2e36", "#3b8fd6", "#8a93a0"}); }

PlotTheme plotTheme(const QPalette& palette)
{
    const QColor base = palette.color(QPalette::Base);
    const QColor text = palette.color(QPalette::Text);
    const bool dark = base.lightnessF() < 0.5F;
    PlotTheme theme;
    theme.background = base;
    theme.foreground = text;
    theme.muted = mixed(base, text, dark ? 0.62 : 0.66);
    theme.grid = mixed(base, text, 0.13);
    theme.accent = dark ? QColor("#ff9d2e") : QColor("#d9480f");
    theme.masked = mixed(base, text, dark ? 0.10 : 0.06);
    theme.maskedLine = mixed(base, text, dark ? 0.16 : 0.12);
    theme.empty = mixed(base, text, 0.04);
    theme.notANumber = QColor("#ff5fd2");
    theme.warning = dark ? QColor("#ffc14d") : QColor("#9a5b00");
    return theme;
}

PlotTheme lightPlotTheme() { return plotTheme(lightPalette()); }

QVector<QColor> seriesColors(const PlotTheme& theme)
{
    const bool dark = theme.background.lightnessF() < 0.5F;
    return {dark ? QColor("#9aa7b8") : QColor("#5b6675"), QColor("#d55e00"), dark ? QColor("#56b4e9") : QColor("#0072b2"),
            dark ? QColor("#2fc79b") : QColor("#008a62"), QColor("#cc79a7"), dark ? QColor("#f0e442") : QColor("#a38600")};
}

QColor pinColor(const PlotTheme& theme, std::size_t at)
{
    const bool dark = theme.background.lightnessF() < 0.5F;
    const QVector<QColor> colors{dark ? QColor("#ff8fd8") : QColor("#b5128a"), dark ? QColor("#7ee0ff") : QColor("#00819c"),
                                 dark ? QColor("#b9f27c") : QColor("#4d7c0f")};
    return colors[qsizetype(at) % colors.size()];
}

void applyPlotTheme(QCustomPlot* plot, const PlotTheme& theme)
{
    const QFont font = smallFont();
    plot->setBackground(QBrush(theme.background));
    for (QCPAxisRect* rect : plot->axisRects())
        for (QCPAxis* axis : rect->axes()) {
            axis->setBasePen(QPen(theme.muted, 1));
            axis->setTickPen(QPen(theme.muted, 1));
            axis->setSubTickPen(QPen(theme.muted, 1));
            axis->setTickLabelColor(theme.foreground);
            axis->setLabelColor(theme.muted);
            axis->setTickLabelFont(font);
            axis->setLabelFont(font);
            axis->grid()->setPen(QPen(theme.grid, 1));
            axis->grid()->setSubGridPen(QPen(theme.grid, 1, Qt::DotLine));
            axis->grid()->setZeroLinePen(QPen(theme.grid, 1));
        }
    for (auto* element : plot->plotLayout()->elements(true))
        if (auto* text = qobject_cast<QCPTextElement*>(element)) {
            text->setTextColor(theme.muted);
            text->setFont(font);
        }
    plot->legend->setBrush(QBrush(theme.background));
    plot->legend->setBorderPen(QPen(theme.grid));
    plot->legend->setTextColor(theme.foreground);
    plot->legend->setFont(font);
}

void applyPlotTheme(QCustomPlot* plot, const QPalette& palette) { applyPlotTheme(plot, plotTheme(palette)); }

} // namespace attnscope
