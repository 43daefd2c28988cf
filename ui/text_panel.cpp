// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/text_panel.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QShortcut>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kTypingPauseMs = 200;

QToolButton* button(const QString& text, const QString& tip, QWidget* parent)
{
    auto* made = new QToolButton(parent);
    made->setText(text);
    made->setToolTip(tip);
    made->setAccessibleName(tip);
    made->setAutoRaise(true);
    return made;
}

} // namespace

TextPanel::TextPanel(QWidget* parent)
    : QWidget(parent),
      m_search(new QLineEdit(this)),
      m_case(button(QStringLiteral("Aa"), tr("Tell capital letters from small ones"), this)),
      m_previous(button(QStringLiteral("▲"), tr("Previous place (Shift+F3)"), this)),
      m_next(button(QStringLiteral("▼"), tr("Next place (F3)"), this)),
      m_count(new QLabel(this)),
      m_only(new QCheckBox(tr("only these"), this)),
      m_jump(new QLineEdit(this)),
      m_selection(new QLabel(this)),
      m_view(new TextView(this))
{
    makeSearch();
    auto* searchRow = new QHBoxLayout;
    searchRow->setSpacing(2);
    for (QWidget* part :
         {static_cast<QWidget*>(m_search), static_cast<QWidget*>(m_case), static_cast<QWidget*>(m_previous), static_cast<QWidget*>(m_next)})
        searchRow->addWidget(part);
    auto* countRow = new QHBoxLayout;
    countRow->addWidget(m_count, 1);
    countRow->addWidget(m_only);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 4, 6, 4);
    layout->setSpacing(4);
    layout->addLayout(searchRow);
    layout->addLayout(countRow);
    layout->addWidget(m_jump);
    layout->addWidget(m_view, 1);
    layout->addWidget(m_selection);
    connect(m_view, &TextView::queryChosen, this, &TextPanel::queryChosen);
    connect(m_view, &TextView::keyChosen, this, &TextPanel::keyChosen);
    setText(m_text, tr("Nothing is open yet."));
}

void TextPanel::makeSearch()
{
    m_search->setClearButtonEnabled(true);
    m_search->setToolTip(tr("Ctrl+F: every place is marked in the text, on the maps and in the strips beside them"));
    m_case->setCheckable(true);
    m_only->setToolTip(tr("F: veil what lies in neither row nor column of a found token"));
    m_jump->setPlaceholderText(tr("Go to token or words…"));
    m_jump->setToolTip(tr("Ctrl+J: the number of a token, or some words of the text"));
    m_selection->setWordWrap(true);
    m_typing.setSingleShot(true);
    m_typing.setInterval(kTypingPauseMs);
    connect(m_search, &QLineEdit::textEdited, this, [this] { m_typing.start(); });
    connect(&m_typing, &QTimer::timeout, this, &TextPanel::search);
    connect(m_case, &QToolButton::clicked, this, &TextPanel::search);
    connect(m_previous, &QToolButton::clicked, this, [this] { step(-1); });
    connect(m_next, &QToolButton::clicked, this, [this] { step(1); });
    connect(m_search, &QLineEdit::returnPressed, this, [this] { step(1); });
    connect(m_only, &QCheckBox::clicked, this, &TextPanel::setOnly);
    connect(m_jump, &QLineEdit::returnPressed, this, &TextPanel::jump);
    auto* back = new QShortcut(QKeySequence(Qt::SHIFT | Qt::Key_Return), m_search);
    back->setContext(Qt::WidgetShortcut);
    connect(back, &QShortcut::activated, this, [this] { step(-1); });
}

void TextPanel::setText(std::shared_ptr<const TextIndex> text, const QString& reason)
{
    m_text = std::move(text);
    m_view->setText(m_text, reason);
    const bool readable = !m_text->isEmpty();
    for (QWidget* part : {static_cast<QWidget*>(m_search), static_cast<QWidget*>(m_case), static_cast<QWidget*>(m_only)})
        part->setEnabled(readable);
    m_search->setPlaceholderText(readable ? tr("Search in the text…") : tr("no text to search"));
    m_jump->setEnabled(m_text->length() > 0);
    m_jump->setPlaceholderText(readable ? tr("Go to token or words…") : tr("Go to position…"));
    m_hits = m_text->find(QString::fromStdString(m_choice.search), m_choice.matchCase);
    m_choice.hit.reset();
    show();
}

void TextPanel::setChoice(const TextChoice& choice)
{
    if (choice == m_choice)
        return;
    const bool same = choice.search == m_choice.search && choice.matchCase == m_choice.matchCase;
    m_choice = choice;
    m_search->setText(QString::fromStdString(choice.search));
    m_case->setChecked(choice.matchCase);
    m_only->setChecked(choice.only);
    if (!same)
        m_hits = m_text->find(QString::fromStdString(choice.search), choice.matchCase);
    if (m_choice.hit && (*m_choice.hit < 0 || *m_choice.hit >= static_cast<Index>(m_hits.size())))
        m_choice.hit.reset();
    show();
    Q_EMIT changed();
}

void TextPanel::search()
{
    m_typing.stop();
    TextChoice choice = m_choice;
    choice.search = m_search->text().toStdString();
    choice.matchCase = m_case->isChecked();
    if (choice.search != m_choice.search || choice.matchCase != m_choice.matchCase)
        choice.hit.reset();
    setChoice(choice);
}

QString TextPanel::countText() const
{
    if (m_choice.search.empty())
        return {};
    if (m_hits.empty())
        return tr("not found");
    if (m_choice.hit)
        return tr("%1 of %2").arg(*m_choice.hit + 1).arg(m_hits.size());
    return m_hits.size() == 1 ? tr("1 place") : tr("%1 places").arg(m_hits.size());
}

TextMarks TextPanel::marks() const
{
    TextMarks marks;
    marks.tokens.reserve(m_hits.size());
    for (const TextHit& hit : m_hits)
        marks.tokens.emplace_back(hit.firstToken, hit.lastToken + 1);
    if (m_choice.hit)
        marks.current = static_cast<std::size_t>(*m_choice.hit);
    marks.only = m_choice.only && !m_choice.search.empty();
    return marks;
}

void TextPanel::show()
{
    m_count->setText(countText());
    m_previous->setEnabled(!m_hits.empty());
    m_next->setEnabled(!m_hits.empty());
    m_view->setHits(m_hits, m_choice.hit ? std::optional(static_cast<std::size_t>(*m_choice.hit)) : std::nullopt);
}

// The first step goes to the place at or behind what is in sight.
void TextPanel::step(int direction)
{
    search();
    if (m_hits.empty())
        return;
    const auto count = static_cast<Index>(m_hits.size());
    const Index seen = m_query.value_or(m_view->tokenAt({0, 0}).value_or(0));
    const auto from = std::partition_point(m_hits.begin(), m_hits.end(), [&](const TextHit& hit) { return hit.lastToken < seen; });
    const auto start = static_cast<Index>(from - m_hits.begin()) - (direction > 0 ? 1 : 0);
    TextChoice choice = m_choice;
    choice.hit = ((m_choice.hit.value_or(start) + direction) % count + count) % count;
    setChoice(choice);
    const Index token = m_hits[static_cast<std::size_t>(*choice.hit)].firstToken;
    m_view->showToken(token);
    Q_EMIT wentTo(token);
}

void TextPanel::setOnly(bool only)
{
    TextChoice choice = m_choice;
    choice.only = only;
    setChoice(choice);
}

void TextPanel::setSelection(std::optional<Index> query, std::optional<Index> key)
{
    const auto name = [this](Index at) {
        if (m_text->isEmpty() || at >= m_text->length())
            return QString::number(at);
        QString part = m_text->part(at).toString();
        part = part.trimmed().isEmpty() ? part.replace(QLatin1Char('\n'), QStringLiteral("↵")) : part.trimmed();
        return tr("%1 “%2”").arg(at).arg(part.left(24));
    };
    if (query && query != m_query)
        m_view->showToken(*query);
    m_query = query;
    m_key = key;
    m_view->setSelection(query, key);
    m_selection->setText(!query ? (m_text->isEmpty() ? QString() : tr("Click: query. Right click: key."))
                                : tr("query %1%2").arg(name(*query), key ? tr(", key %1").arg(name(*key)) : QString()));
}

void TextPanel::focusSearch()
{
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

void TextPanel::focusJump()
{
    m_jump->setFocus(Qt::ShortcutFocusReason);
    m_jump->selectAll();
}

void TextPanel::jump()
{
    const auto to = m_text->position(m_jump->text(), m_query.value_or(0));
    if (!to) {
        bool isNumber = false;
        m_jump->text().trimmed().toLongLong(&isNumber);
        m_selection->setText(isNumber || m_text->isEmpty() ? tr("Positions go from 0 to %1.").arg(std::max<Index>(0, m_text->length() - 1))
                                                           : tr("“%1” is not in the text.").arg(m_jump->text()));
        return;
    }
    m_view->showToken(*to);
    Q_EMIT jumped(*to);
}

} // namespace attnscope
