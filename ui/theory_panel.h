// SPDX-License-Identifier: GPL-3.0-or-later
// The theory tab: what theorems and closed forms say of the selected approximation's error, beside what was measured.
#pragma once

#include "core/method/theory.h"
#include "ui/figure_export.h"

#include <QWidget>

class QCPTextElement;
class QCustomPlot;
class QLabel;
class QListWidget;

namespace attnscope {

struct TheorySeries;

class TheoryPanel : public QWidget {
    Q_OBJECT

public:
    explicit TheoryPanel(QWidget* parent = nullptr);

    void setCurves(const QString& method, std::vector<TheoryCurve> curves);
    void setMessage(const QString& text); ///< instead of curves: being computed, or why there are none

    /// The statement shown: title, kind, source and what holds.
    QString text() const;
    bool hasPlot() const; ///< whether the chosen statement has a curve
    QCustomPlot& plot() { return *m_plot; }
    Figure figure(const QSize& size); ///< the plot in the light theme, nothing shortened
    QListWidget& list() { return *m_list; }

protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    const TheoryCurve* chosen() const;
    void showChosen();
    void showQuantity();
    void addSeries(const TheorySeries& series);
    void applyTheme();

    std::vector<TheoryCurve> m_curves;
    QListWidget* m_list;
    QLabel* m_text;
    QCustomPlot* m_plot;
    QCPTextElement* m_quantity; ///< what the values are
    QString m_quantityName;     ///< in full
};

} // namespace attnscope
