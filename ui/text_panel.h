// SPDX-License-Identifier: GPL-3.0-or-later
// The text of the input with its search: every place, how many, one after the other; and the field that jumps to a token.
#pragma once

#include "core/session/session.h"
#include "ui/text_marks.h"
#include "ui/text_view.h"

#include <QTimer>
#include <QWidget>

class QCheckBox;
class QLabel;
class QLineEdit;
class QToolButton;

namespace attnscope {

class TextPanel : public QWidget {
    Q_OBJECT

public:
    explicit TextPanel(QWidget* parent = nullptr);

    /// `reason` says why there is no text where it is empty.
    void setText(std::shared_ptr<const TextIndex> text, const QString& reason);
    void setChoice(const TextChoice& choice);
    void setSelection(std::optional<Index> query, std::optional<Index> key);

    const TextChoice& choice() const { return m_choice; }
    const std::vector<TextHit>& hits() const { return m_hits; }
    const TextIndex& text() const { return *m_text; }
    TextView* view() const { return m_view; }
    TextMarks marks() const;   ///< of the tokens found
    QString countText() const; ///< "12 of 340", "340 places", "not found"

    void focusSearch();
    void focusJump();
    /// To the hit after (1) or before (-1) the current one, around the ends.
    void step(int direction);
    void setOnly(bool only);

Q_SIGNALS:
    void changed();                      ///< choice() and marks(): search, current place or veil
    void wentTo(attnscope::Index token); ///< a place of the search
    void jumped(attnscope::Index token); ///< a position asked for
    void queryChosen(attnscope::Index token);
    void keyChosen(attnscope::Index token);

private:
    void makeSearch();
    void search();
    void show();
    void jump();

    std::shared_ptr<const TextIndex> m_text = std::make_shared<const TextIndex>();
    TextChoice m_choice;
    std::vector<TextHit> m_hits;
    std::optional<Index> m_query;
    std::optional<Index> m_key;
    QTimer m_typing;
    QLineEdit* m_search;
    QToolButton* m_case;
    QToolButton* m_previous;
    QToolButton* m_next;
    QLabel* m_count;
    QCheckBox* m_only;
    QLineEdit* m_jump;
    QLabel* m_selection;
    TextView* m_view;
};

} // namespace attnscope
