// SPDX-License-Identifier: GPL-3.0-or-later
// A formula given as plain text (x_ij, e^(a_i), Sᵢ₋₁, √d), set in a serif face with real sub- and superscripts.
#pragma once

#include <QString>
#include <QWidget>

#include <functional>
#include <vector>

namespace attnscope {

/// A run of characters in one size; `rise` and `size` are shares of the base size.
struct FormulaPiece {
    QString text;
    double rise = 0.0; ///< of the baseline, positive upwards
    double size = 1.0;
    bool italic = false;

    bool operator==(const FormulaPiece&) const = default;
};

/// One word of a formula; lines break between words.
using FormulaWord = std::vector<FormulaPiece>;

/// Splits at spaces, and at scripts: `_x`, `_ij`, `_(…)`, `_{…}`, `^…` and Unicode's own script letters.
std::vector<FormulaWord> parseFormula(const QString& text);

class FormulaView : public QWidget {
    Q_OBJECT

public:
    explicit FormulaView(QWidget* parent = nullptr);

    void setFormula(const QString& text);
    const QString& formula() const { return m_text; }

    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    double layOut(double width, const std::function<void(const FormulaPiece&, const QPointF&)>& draw) const;
    double widthOf(const FormulaWord& word) const;
    QFont fontOf(const FormulaPiece& piece) const;

    QString m_text;
    std::vector<FormulaWord> m_words;
};

} // namespace attnscope
