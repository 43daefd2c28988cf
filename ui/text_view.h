// SPDX-License-Identifier: GPL-3.0-or-later
// A long text as lines, of which only the visible ones are drawn: tokens coloured by weight, query, key and search hits marked.
#pragma once

#include "ui/text_index.h"

#include <QAbstractScrollArea>

#include <memory>
#include <optional>
#include <vector>

namespace attnscope {

class TextView : public QAbstractScrollArea {
    Q_OBJECT

public:
    explicit TextView(QWidget* parent = nullptr);

    /// `reason` stands in place of the text where there is none.
    void setText(std::shared_ptr<const TextIndex> text, const QString& reason);
    void setHits(std::vector<TextHit> hits, std::optional<std::size_t> current);
    void setSelection(std::optional<Index> query, std::optional<Index> key);
    /// One weight a token, of the selected query's row; none: tokens are not coloured.
    void setWeights(std::vector<float> weights);

    void showToken(Index token);                           ///< scrolls only where the token is out of sight
    std::optional<Index> tokenAt(const QPoint& pos) const; ///< in viewport coordinates
    QRect rectOf(Index token) const;                       ///< of its first line, in viewport coordinates
    int lineCount() const { return static_cast<int>(m_lines.size()); }

Q_SIGNALS:
    void queryChosen(attnscope::Index token); ///< by a click
    void keyChosen(attnscope::Index token);   ///< by a right click, or a click with Ctrl

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void changeEvent(QEvent* event) override;
    bool viewportEvent(QEvent* event) override;

private:
    void measureFont();
    void layoutLines();
    void updateScrollBar();
    double advance(QChar c) const;
    double xOf(std::size_t line, qsizetype position) const;
    std::size_t lineOf(qsizetype position) const;
    qsizetype endOf(std::size_t line) const { return line + 1 < m_lines.size() ? m_lines[line + 1] : m_text->text().size(); }
    void paintLine(QPainter& painter, std::size_t line, int top) const;
    void paintMarks(QPainter& painter, std::size_t line, int top) const;
    QColor colorOf(Index token) const;

    std::shared_ptr<const TextIndex> m_text = std::make_shared<const TextIndex>();
    QString m_reason;
    std::vector<TextHit> m_hits;
    std::optional<std::size_t> m_current;
    std::optional<Index> m_query;
    std::optional<Index> m_key;
    std::vector<float> m_weights;
    float m_largest = 0.0F;
    std::vector<qsizetype> m_lines;        // where each begins
    mutable std::vector<float> m_advances; // by UTF-16 unit; negative: not measured yet
    int m_lineHeight = 16;
    int m_layoutWidth = -1;
};

} // namespace attnscope
