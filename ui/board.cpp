// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/board.h"

#include "ui/board_layout.h"
#include "ui/map_pane.h"
#include "ui/pane_window.h"
#include "ui/view_state.h"

#include <QKeyEvent>

#include <algorithm>

namespace attnscope {

using Kind = PaneContent::Kind;

Board::Board(Executor tiles, QWidget* parent) : QWidget(parent), m_executor(std::move(tiles)), m_view(new ViewState(this))
{
    setFocusPolicy(Qt::StrongFocus);
    setMinimumSize(240, 120); // a screen of 800 x 450 at twice the scale has no room for more
    setBackgroundRole(QPalette::Base);
    setAutoFillBackground(true);
    connect(m_view, &ViewState::changed, this, &Board::choiceChanged);
}

// The panes listen to m_view, which would go first.
Board::~Board()
{
    while (!m_panes.empty())
        removePane();
}

void Board::removePane()
{
    if (const auto window = m_windows.extract(m_panes.back()))
        delete window.mapped(); // and the pane with it
    else
        delete m_panes.back();
    m_panes.pop_back();
}

MapPane* Board::makePane()
{
    auto* pane = new MapPane(m_view, m_executor, this);
    pane->setTokens(m_tokens);
    pane->setMarks(m_marks);
    pane->setPool(m_pool);
    pane->setHideSink(m_hideSink);
    pane->setTransposed(m_transposed);
    pane->setDragMode(m_drag);
    pane->setPins(m_pins);
    connect(pane, &MapPane::hovered, this, [this, pane](Index query, Index key) {
        setCursor(MapCell{query, key}, pane);
        Q_EMIT hovered(query, key);
    });
    connect(pane, &MapPane::left, this, [this, pane] {
        setCursor(std::nullopt, pane);
        Q_EMIT left();
    });
    connect(pane, &MapPane::pinned, this, [this](Index query, Index key, bool further) {
        setFocus(Qt::MouseFocusReason);
        pin({query, key}, further);
        Q_EMIT pinned(query, key);
    });
    connect(pane, &MapPane::statisticsChanged, this, &Board::updateScales);
    connect(pane, &MapPane::failed, this, &Board::failed);
    connect(pane, &MapPane::linkChanged, this, [this, pane](bool linked) {
        if (!linked)
            connect(pane->view(), &ViewState::changed, this, &Board::choiceChanged, Qt::UniqueConnection);
        Q_EMIT choiceChanged();
    });
    connect(pane, &MapPane::painted, this, [this] {
        if (isIdle())
            Q_EMIT painted();
    });
    return pane;
}

void Board::setPanes(std::vector<PaneContent> panes)
{
    while (m_panes.size() > panes.size())
        removePane();
    while (m_panes.size() < panes.size())
        m_panes.push_back(makePane());
    m_contents = std::move(panes);
    for (std::size_t i = 0; i < m_panes.size(); ++i)
        m_panes[i]->setContent(m_contents[i]);
    for (const auto& [pane, window] : m_windows)
        window->setWindowTitle(pane->content().title);
    arrange();
    updateScales();
}

void Board::setPane(std::size_t at, const PaneContent& pane)
{
    m_contents[at] = pane;
    m_panes[at]->setContent(pane);
    updateScales();
}

void Board::setTokens(const QStringList& tokens)
{
    m_tokens = std::make_shared<const QStringList>(tokens);
    for (MapPane* pane : m_panes)
        pane->setTokens(m_tokens);
}

void Board::setMarks(std::shared_ptr<const TextMarks> marks)
{
    m_marks = std::move(marks);
    for (MapPane* pane : m_panes)
        pane->setMarks(m_marks);
}

void Board::setPool(Pool pool)
{
    m_pool = pool;
    for (MapPane* pane : m_panes)
        pane->setPool(pool);
}

void Board::setNormalisation(Normalisation normalisation)
{
    m_normalisation = normalisation;
    updateScales();
}

void Board::setColorMap(const QString& name)
{
    m_map = &colorMap(name.toStdString());
    updateScales();
}

void Board::setRange(std::optional<std::pair<double, double>> range)
{
    m_range = range;
    updateScales();
}

void Board::setHideSink(bool hide)
{
    m_hideSink = hide;
    for (MapPane* pane : m_panes)
        pane->setHideSink(hide);
}

void Board::setTransposed(bool transposed)
{
    m_transposed = transposed;
    for (MapPane* pane : m_panes)
        pane->setTransposed(transposed);
}

// Exact and approximations share one scale; an approximation with negative weights gets a signed one of its own; errors share
// one that is symmetric about zero.
void Board::updateScales()
{
    std::optional<ValueRange> maps;
    std::optional<ValueRange> errors;
    for (std::size_t i = 0; i < m_panes.size(); ++i) {
        const auto range = m_panes[i]->valueRange();
        if (!range)
            continue;
        auto& all = m_contents[i].kind == Kind::Error ? errors : maps;
        if (m_contents[i].kind == Kind::Error || range->min >= 0.0)
            all = all ? united(*all, *range) : *range;
    }
    const ColorMap& diverging = colorMap("diverging");
    const Normalisation signedForm = m_normalisation == Normalisation::Linear ? Normalisation::Linear : Normalisation::Symlog;
    m_automatic = autoScale(maps.value_or(ValueRange{0.0, 1.0, kLogFloor}), m_normalisation, *m_map);
    m_scale = m_automatic;
    if (m_range) {
        m_scale.low = m_range->first;
        m_scale.high = m_range->second;
    }
    for (std::size_t i = 0; i < m_panes.size(); ++i) {
        const auto range = m_panes[i]->valueRange();
        if (m_contents[i].kind == Kind::Error && errors)
            m_panes[i]->setScale(autoScale(*errors, signedForm, diverging), {});
        else if (m_contents[i].kind == Kind::Error)
            m_panes[i]->setScale(autoScale({-1.0, 1.0, 0.0}, signedForm, diverging), {});
        else if (range && range->min < 0.0)
            m_panes[i]->setScale(autoScale(*range, signedForm, diverging), tr("own scale: signed"));
        else
            m_panes[i]->setScale(m_scale, {});
    }
    updateCompare();
    Q_EMIT scaleChanged();
}

// The line or the change of a comparison stands in the exact pane.
void Board::updateCompare()
{
    const auto exact = chosenPane(Kind::Exact);
    const auto approximation = chosenPane(Kind::Approximation);
    const CompareMode mode = m_mode == BoardMode::CurtainVertical     ? CompareMode::CurtainVertical
                             : m_mode == BoardMode::CurtainHorizontal ? CompareMode::CurtainHorizontal
                             : m_mode == BoardMode::Blink             ? CompareMode::Blink
                                                                      : CompareMode::None;
    if (exact)
        m_panes[*exact]->setCompare(mode, approximation ? m_panes[*approximation] : nullptr);
}

std::optional<std::size_t> Board::chosenPane(Kind kind) const
{
    std::optional<std::size_t> chosen;
    std::size_t of = 0;
    for (std::size_t i = 0; i < m_contents.size(); ++i)
        if (m_contents[i].kind == kind && of++ <= m_selected)
            chosen = i;
    return chosen;
}

std::vector<bool> Board::shown() const
{
    std::vector<bool> shown(m_contents.size(), true);
    if (m_mode == BoardMode::SideBySide)
        return shown;
    const Kind kind = m_mode == BoardMode::Approximation ? Kind::Approximation
                      : m_mode == BoardMode::Difference  ? Kind::Error
                                                         : Kind::Exact;
    const auto chosen = chosenPane(kind);
    if (!chosen)
        return shown;
    shown.assign(m_contents.size(), false);
    shown[*chosen] = true;
    return shown;
}

// A board too narrow for all its columns keeps exact, the selected approximation and its error.
std::vector<bool> Board::shownOnScreen() const
{
    constexpr std::ptrdiff_t kNarrowestPane = 150;
    auto shown = this->shown();
    for (std::size_t i = 0; i < m_panes.size(); ++i)
        shown[i] = shown[i] && !m_windows.contains(m_panes[i]);
    std::ptrdiff_t columns = 0;
    for (std::size_t i = 0; i < m_contents.size(); ++i)
        columns += shown[i] && m_contents[i].kind != Kind::Error ? 1 : 0;
    if (m_mode != BoardMode::SideBySide || columns <= 2 || width() >= columns * kNarrowestPane)
        return shown;
    const auto chosen = std::min(m_selected, static_cast<std::size_t>(columns) - 2);
    std::size_t approximations = 0;
    std::size_t errors = 0;
    for (std::size_t i = 0; i < m_contents.size(); ++i)
        if (m_contents[i].kind == Kind::Approximation)
            shown[i] = shown[i] && approximations++ == chosen;
        else if (m_contents[i].kind == Kind::Error)
            shown[i] = shown[i] && errors++ == chosen;
    return shown;
}

void Board::arrange()
{
    const auto rects = boardLayout(m_contents, shownOnScreen(), size());
    for (std::size_t i = 0; i < m_panes.size(); ++i) {
        if (m_windows.contains(m_panes[i]))
            continue;
        m_panes[i]->setVisible(!rects[i].isEmpty());
        if (!rects[i].isEmpty())
            m_panes[i]->setGeometry(rects[i]);
    }
}

void Board::setMode(BoardMode mode)
{
    if (mode == m_mode)
        return;
    m_mode = mode;
    arrange();
    updateCompare();
    Q_EMIT modeChanged(mode);
}

void Board::setSelectedApproximation(std::size_t at)
{
    m_selected = at;
    arrange();
    updateCompare();
}

void Board::fit()
{
    m_view->fit();
    for (MapPane* pane : m_panes)
        pane->view()->fit();
}

void Board::setDragMode(DragMode mode)
{
    m_drag = mode;
    holdSpace(m_space);
}

void Board::holdSpace(bool held)
{
    m_space = held;
    for (MapPane* pane : m_panes)
        pane->setDragMode(held ? DragMode::Pan : m_drag);
}

void Board::setCursor(std::optional<MapCell> cell, const MapPane* from)
{
    m_cursor = cell;
    for (MapPane* pane : m_panes)
        if (pane == from || (pane->isLinked() && from->isLinked()))
            pane->setCursorCell(cell);
}

void Board::setPins(std::vector<MapCell> pins)
{
    m_pins = std::move(pins);
    for (MapPane* pane : m_panes)
        pane->setPins(m_pins);
}

// With Shift, a pinned cell is unpinned and the oldest pin makes room for one too many.
void Board::pin(const MapCell& cell, bool further)
{
    std::vector<MapCell> pins = further ? m_pins : std::vector<MapCell>();
    if (std::erase(pins, cell) == 0)
        pins.push_back(cell);
    if (pins.size() > kMostPins)
        pins.erase(pins.begin());
    setPins(std::move(pins));
}

bool Board::isIdle() const
{
    return std::all_of(m_panes.begin(), m_panes.end(), [](const MapPane* pane) { return pane->isHidden() || pane->isIdle(); });
}

FigureTiles Board::figureTiles(double scale) const
{
    FigureTiles tiles;
    const auto rects = boardLayout(m_contents, shown(), figureSize());
    for (std::size_t i = 0; i < m_panes.size(); ++i)
        if (!rects[i].isEmpty()) {
            const auto more = m_panes[i]->figureTiles(rects[i].size(), scale);
            tiles.insert(tiles.end(), more.begin(), more.end());
        }
    return tiles;
}

QSize Board::figureSize() const { return boardFigureSize(m_contents, shown()); }

void Board::renderTo(QCPPainter& painter, const QRect& target)
{
    updateScales(); // what was computed for the figure may have widened the ranges
    const auto rects = boardLayout(m_contents, shown(), target.size());
    for (std::size_t i = 0; i < m_panes.size(); ++i)
        if (!rects[i].isEmpty())
            m_panes[i]->renderTo(painter, rects[i].translated(target.topLeft()));
}

void Board::keyPressEvent(QKeyEvent* event)
{
    if (event->modifiers() & (Qt::ControlModifier | Qt::AltModifier))
        return QWidget::keyPressEvent(event);
    switch (event->key()) {
    case Qt::Key_Home:
        return fit();
    case Qt::Key_Space:
        return holdSpace(true);
    case Qt::Key_Backspace:
        return event->modifiers() & Qt::ShiftModifier ? m_view->forward() : m_view->back();
    case Qt::Key_Escape:
        if (!m_pins.empty()) {
            setPins({});
            Q_EMIT unpinned();
            return;
        }
        break;
    default:
        break;
    }
    QWidget::keyPressEvent(event);
}

void Board::keyReleaseEvent(QKeyEvent* event)
{
    if (event->key() == Qt::Key_Space && !event->isAutoRepeat())
        holdSpace(false);
    QWidget::keyReleaseEvent(event);
}

void Board::focusOutEvent(QFocusEvent* event)
{
    holdSpace(false);
    QWidget::focusOutEvent(event);
}

void Board::resizeEvent(QResizeEvent*) { arrange(); }

} // namespace attnscope
