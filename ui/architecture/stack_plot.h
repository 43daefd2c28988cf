// SPDX-License-Identifier: GPL-3.0-or-later
// Memory, prefill and decoding of several architectures against length; below each plot, strips whose colours say why.
#pragma once

#include "ui/architecture/stack_series.h"

#include <QSet>
#include <QWidget>

class QCPAxis;
class QCPAxisRect;
class QCPGraph;
class QCPLayoutGrid;
class QCPMarginGroup;
class QCustomPlot;

namespace attnscope {

class StackPlot : public QWidget {
    Q_OBJECT

public:
    explicit StackPlot(QWidget* parent = nullptr);

    void setAnswer(const StackAnswer& answer);
    /// One to three, from left to right.
    void setQuantities(const std::vector<StackQuantity>& quantities);

    QCustomPlot& plot() { return *m_plot; }
    const StackAnswer& answer() const { return m_answer; }

    /// "n = 4,096: Jamba 12 ms, ..." of a point of the plot; empty beside the plots.
    QString describe(const QPoint& pos) const;

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    struct Column {
        StackQuantity quantity;
        QCPAxisRect* main;
        std::vector<QCPAxisRect*> strips;
    };

    void rebuild();
    void clear();
    Column addColumn(StackQuantity quantity, int at);
    void addLines(const Column& column, bool inLegend);
    void addBand(const Column& column, const StackLine& line);
    void addCardMemory(const Column& column);
    void addMarks(const Column& column);
    const std::vector<StackMark>& marksOf(StackQuantity quantity) const;
    QString describeMark(const Column& column, const QPoint& pos) const;
    void addCrossings(const Column& column);
    void addStrip(const Column& column, std::size_t architecture, bool inLegend);
    void setRanges(const Column& column);
    QCPGraph* graphOn(QCPAxisRect& rect, const QString& legend = {});
    QString shortName(std::size_t architecture) const;
    void wrapLegend();

    QCustomPlot* m_plot;
    QCPLayoutGrid* m_grid;
    std::vector<QCPMarginGroup*> m_margins;
    std::vector<Column> m_columns;
    QSet<QString> m_named; // in the legend
    std::vector<StackQuantity> m_quantities{StackQuantity::Memory, StackQuantity::Prefill, StackQuantity::Decode};
    StackAnswer m_answer;
};

} // namespace attnscope
