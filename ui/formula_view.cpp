// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/formula_view.h"

#include <QApplication>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QMenu>
#include <QPainter>
#include <QRegularExpression>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

constexpr int kPixels = 21;
constexpr double kLineHeight = 1.75; // of the base size: room for scripts of scripts
constexpr double kBaseline = 1.12;
constexpr double kScript = 0.72;
constexpr double kSmallest = 0.5;
constexpr double kSuper = 0.42;
constexpr double kSub = -0.24;
constexpr double kMargin = 12.0;

bool isSuper(QChar c) { return c.decompositionTag() == QChar::Super; }
bool isSub(QChar c) { return c.decompositionTag() == QChar::Sub; }

QString plainOf(QChar c)
{
    const QString plain = c.decomposition();
    return plain.isEmpty() ? QString(c) : plain;
}

/// x, QK and W are variables; exp, softmax and Random are words.
bool isVariable(const QString& letters, bool inScript)
{
    const auto count = std::count_if(letters.begin(), letters.end(), [](QChar c) { return c.isLetter(); }); // not their bars and tildes
    return count == 1 || inScript || (count <= 3 && letters.front().isUpper());
}

class Parser {
public:
    std::vector<FormulaWord> words{{}};

    void parse(const QString& text, double rise, double size)
    {
        for (qsizetype i = 0; i < text.size();) {
            const QChar c = text[i];
            if ((c == QLatin1Char('_') || c == QLatin1Char('^')) && i + 1 < text.size()) {
                const bool up = c == QLatin1Char('^');
                const QString argument = takeArgument(text, ++i, up);
                script(argument, up, rise, size);
            } else if (isSuper(c) || isSub(c)) {
                const bool up = isSuper(c);
                QString run;
                for (; i < text.size() && (up ? isSuper(text[i]) : isSub(text[i])); ++i)
                    run += plainOf(text[i]);
                script(run, up, rise, size);
            } else if (c == QLatin1Char(' ')) {
                space(rise, size);
                ++i;
            } else {
                i = plain(text, i, rise, size);
            }
        }
    }

private:
    void script(const QString& text, bool up, double rise, double size)
    {
        parse(text, rise + size * (up ? kSuper : kSub), std::max(kSmallest, size * kScript));
    }

    void space(double rise, double size)
    {
        if (size < 1.0)
            words.back().push_back({QStringLiteral(" "), rise, size, false}); // never break inside a script
        else
            words.emplace_back();
    }

    qsizetype plain(const QString& text, qsizetype i, double rise, double size)
    {
        QString run;
        const auto isLetter = [&](qsizetype at) {
            return text[at].isLetter() && text[at].script() == QChar::Script_Latin && !isSuper(text[at]) && !isSub(text[at]);
        };
        if (isLetter(i)) {
            for (; i < text.size() && (isLetter(i) || text[i].category() == QChar::Mark_NonSpacing); ++i)
                run += text[i];
            words.back().push_back({run, rise, size, isVariable(run, size < 1.0)});
            return i;
        }
        static const QRegularExpression number(QStringLiteral("[0-9.]+(e[-−][0-9]+)?"));
        const auto found = number.match(text, i, QRegularExpression::NormalMatch, QRegularExpression::AnchorAtOffsetMatchOption);
        if (text[i].isDigit() && found.hasMatch()) {
            words.back().push_back({found.captured(), rise, size, false});
            return found.capturedEnd();
        }
        const bool minus = text[i] == QLatin1Char('-') && (i == 0 || QStringLiteral(" ({").contains(text[i - 1])); // not that of top-k
        words.back().push_back({minus ? QString(QChar(0x2212)) : QString(text[i]), rise, size, false});
        return i + 1;
    }

    /// What `_` or `^` at `i` - 1 raises; moves `i` behind it.
    static QString takeArgument(const QString& text, qsizetype& i, bool up)
    {
        QString argument;
        if (text[i] == QLatin1Char('(') || text[i] == QLatin1Char('{')) {
            const bool brace = text[i] == QLatin1Char('{');
            const QChar open = text[i];
            const QChar close = QLatin1Char(brace ? '}' : ')');
            int depth = 0;
            const qsizetype from = i;
            do {
                depth += text[i] == open ? 1 : text[i] == close ? -1 : 0;
                ++i;
            } while (i < text.size() && depth > 0);
            argument = brace || up ? text.mid(from + 1, i - from - 2) : text.mid(from, i - from);
            if (brace || up)
                return argument;
        }
        const auto belongs = [&](QChar c) {
            return (c.isLetter() && !isSuper(c)) || (c >= QLatin1Char('0') && c <= QLatin1Char('9')) ||
                   c.category() == QChar::Mark_NonSpacing || c == QChar(0x2032); // a prime
        };
        for (; i < text.size() && belongs(text[i]); ++i)
            argument += text[i];
        return argument;
    }
};

} // namespace

std::vector<FormulaWord> parseFormula(const QString& text)
{
    Parser parser;
    parser.parse(text, 0.0, 1.0);
    return parser.words;
}

FormulaView::FormulaView(QWidget* parent) : QWidget(parent)
{
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
}

void FormulaView::setFormula(const QString& text)
{
    m_text = text;
    m_words = parseFormula(text);
    setAccessibleName(text);
    updateGeometry();
    update();
}

QFont FormulaView::fontOf(const FormulaPiece& piece) const
{
    QFont font;
    font.setFamilies({QStringLiteral("STIX Two Text"), QStringLiteral("DejaVu Serif"), QStringLiteral("serif")});
    font.setStyleHint(QFont::Serif);
    font.setPixelSize(std::max(9, qRound(kPixels * piece.size)));
    font.setItalic(piece.italic);
    return font;
}

double FormulaView::widthOf(const FormulaWord& word) const
{
    double width = 0.0;
    for (const FormulaPiece& piece : word)
        width += QFontMetricsF(fontOf(piece)).horizontalAdvance(piece.text);
    return width;
}

double FormulaView::layOut(double width, const std::function<void(const FormulaPiece&, const QPointF&)>& draw) const
{
    const double gap = QFontMetricsF(fontOf({})).horizontalAdvance(QLatin1Char(' '));
    const double right = width - kMargin;
    double x = kMargin;
    double y = kMargin / 2 + kBaseline * kPixels;
    const auto breakLine = [&] {
        x = 2.5 * kMargin; // a line that goes on is indented
        y += kLineHeight * kPixels;
    };
    for (auto word = m_words.begin(); word != m_words.end(); ++word) {
        if (word->empty()) { // two spaces: a clause starts, kept together where a line is wide enough
            double clause = 0.0;
            for (auto next = word + 1; next != m_words.end() && !next->empty(); ++next)
                clause += widthOf(*next) + gap;
            if (x + gap + clause > right && 2.5 * kMargin + clause <= right)
                breakLine();
            else
                x += gap;
            continue;
        }
        if (x > 2.5 * kMargin && x + widthOf(*word) > right)
            breakLine();
        for (const FormulaPiece& piece : *word) {
            draw(piece, {x, y - piece.rise * kPixels});
            x += QFontMetricsF(fontOf(piece)).horizontalAdvance(piece.text);
        }
        x += gap;
    }
    return y + (kLineHeight - kBaseline) * kPixels + kMargin / 2;
}

int FormulaView::heightForWidth(int width) const
{
    return qCeil(layOut(width, [](const FormulaPiece&, const QPointF&) {}));
}

QSize FormulaView::sizeHint() const
{
    constexpr int kWidth = 600;
    return {kWidth, heightForWidth(kWidth)};
}

void FormulaView::paintEvent(QPaintEvent*)
{
    QPainter painter(this);
    painter.setPen(palette().color(QPalette::Text));
    layOut(width(), [&](const FormulaPiece& piece, const QPointF& at) {
        painter.setFont(fontOf(piece));
        painter.drawText(at, piece.text);
    });
}

void FormulaView::contextMenuEvent(QContextMenuEvent* event)
{
    QMenu menu(this);
    menu.addAction(tr("Copy the formula as text"), this, [this] { QApplication::clipboard()->setText(m_text); });
    menu.exec(event->globalPos());
}

} // namespace attnscope
