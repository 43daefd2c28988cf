// SPDX-License-Identifier: GPL-3.0-or-later
// Axis ticks at cell centres: tokens where cells are large enough, otherwise round indices. Private header of ui.
#pragma once

#include <QStringList>
#include <qcustomplot.h>

#include <memory>

namespace attnscope {

/// One line, no control characters: "⏎" for a line break, "␣" for a lone space.
QString displayToken(const QString& token);

class TokenTicker : public QCPAxisTicker {
public:
    void setTokens(std::shared_ptr<const QStringList> tokens) { m_tokens = std::move(tokens); }
    /// Pixels of a cell, of a label across the axis' direction, and of the longest label along its own.
    void setGeometry(double cellPixels, double labelPixels, double longestPixels, const QFontMetricsF& metrics);
    bool showsTokens() const { return m_tokens && !m_tokens->isEmpty() && m_cell >= kCellForTokens; }

    void generate(const QCPRange& range, const QLocale& locale, QChar formatChar, int precision, QVector<double>& ticks,
                  QVector<double>* subTicks, QVector<QString>* tickLabels) override;

private:
    static constexpr double kCellForTokens = 9.0;

    std::shared_ptr<const QStringList> m_tokens;
    double m_cell = 1.0;
    double m_label = 12.0;
    double m_longest = 60.0;
    QFontMetricsF m_metrics{QFont()};
};

} // namespace attnscope
