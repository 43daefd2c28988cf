// SPDX-License-Identifier: GPL-3.0-or-later
// The linked panes side by side: exact | approximations | errors; same zoom, same cursor cell, shared colours.
#pragma once

#include "core/color/color_scale.h"
#include "core/session/session.h"
#include "ui/executor.h"
#include "ui/figure_tiles.h"
#include "ui/pane_content.h"

#include <QStringList>
#include <QWidget>

#include <map>
#include <memory>
#include <optional>
#include <vector>

class QCPPainter;

namespace attnscope {

class MapPane;
class PaneWindow;
class ViewState;
struct TextMarks;

/// More would be told apart by nobody.
inline constexpr std::size_t kMostPins = 4;

class Board : public QWidget {
    Q_OBJECT

public:
    explicit Board(Executor tiles = poolExecutor(), QWidget* parent = nullptr);
    ~Board() override;

    /// Any number of approximations and errors, in the order in which they are to be seen; errors belong to the
    /// approximations in order. Three panes or fewer make one row; more make two, with each error below its approximation.
    void setPanes(std::vector<PaneContent> panes);
    /// Replaces one pane's content; keeps zoom and picture until the new one is there.
    void setPane(std::size_t at, const PaneContent& pane);
    std::size_t paneCount() const { return m_panes.size(); }
    MapPane* pane(std::size_t at) const { return m_panes[at]; }

    void setTokens(const QStringList& tokens);
    void setMarks(std::shared_ptr<const TextMarks> marks); ///< searched tokens' rows and columns; null: none
    void setPool(Pool pool);
    void setNormalisation(Normalisation normalisation); ///< of exact and approximations; errors stay symlog, or linear with Linear
    void setColorMap(const QString& name);
    void setRange(std::optional<std::pair<double, double>> range); ///< fixed for exact and approximations; none: automatic
    void setHideSink(bool hide);                                   ///< automatic ranges ignore key 0, which is hatched
    void setTransposed(bool transposed);                           ///< keys top to bottom, queries left to right
    const ColorScale& sharedScale() const { return m_scale; }
    const ColorScale& automaticScale() const { return m_automatic; } ///< sharedScale() without setRange()

    void setMode(BoardMode mode);
    void toggleMode(BoardMode mode) { setMode(mode == m_mode ? BoardMode::SideBySide : mode); }
    BoardMode mode() const { return m_mode; }
    void setSelectedApproximation(std::size_t at); ///< which one the modes show; 0 is the first

    /// Takes a pane into a window of its own at `place` (none: where it stands), or back. Closing that window brings it back.
    void setDetached(std::size_t at, bool detached, const QRect& place = {});
    const QWidget* windowOf(std::size_t at) const; ///< of a detached pane; null: it is on the board
    /// The pane under the pointer, on the board or not; else the first.
    std::size_t pointedPane() const;

    ViewState* view() const { return m_view; } ///< of all linked panes
    void fit();                                ///< unlinked panes too
    void setDragMode(DragMode mode);           ///< while the space bar is held, a drag pans all the same
    /// The last one is the one whose row is shown; a click pins one cell, with Shift one more.
    void setPins(std::vector<MapCell> pins);
    const std::vector<MapCell>& pins() const { return m_pins; }
    std::optional<MapCell> pinnedCell() const { return m_pins.empty() ? std::nullopt : std::optional(m_pins.back()); }
    std::optional<MapCell> cursorCell() const { return m_cursor; }
    bool isIdle() const; ///< every visible pane is painted

    QSize figureSize() const;
    /// What a figure of figureSize() needs at `scale` pixels per unit.
    FigureTiles figureTiles(double scale) const;
    void renderTo(QCPPainter& painter, const QRect& target);

Q_SIGNALS:
    void hovered(attnscope::Index query, attnscope::Index key);
    void left();
    void pinned(attnscope::Index query, attnscope::Index key); ///< pins() has changed by a click on that cell
    void unpinned();
    void modeChanged(attnscope::BoardMode mode);
    void scaleChanged();
    void choiceChanged(); ///< zoom, links or windows of panes have changed
    void painted();       ///< all panes are complete
    void failed(const QString& what);

protected:
    void keyPressEvent(QKeyEvent* event) override;
    void keyReleaseEvent(QKeyEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    MapPane* makePane();
    void removePane();
    void arrange();
    void updateScales();
    void updateCompare();
    void holdSpace(bool held);
    void setCursor(std::optional<MapCell> cell, const MapPane* from);
    void pin(const MapCell& cell, bool further);
    std::optional<std::size_t> chosenPane(PaneContent::Kind kind) const; // the selected one of that kind
    std::vector<bool> shown() const;                                     // in this mode
    std::vector<bool> shownOnScreen() const;                             // of those, what is large enough to be read

    Executor m_executor;
    ViewState* m_view;
    std::vector<MapPane*> m_panes;
    std::map<const MapPane*, PaneWindow*> m_windows; // of those that have left the board
    std::vector<PaneContent> m_contents;
    std::shared_ptr<const QStringList> m_tokens;
    std::shared_ptr<const TextMarks> m_marks;
    Pool m_pool = Pool::Max;
    Normalisation m_normalisation = Normalisation::Log;
    const ColorMap* m_map = &colorMap("viridis");
    std::optional<std::pair<double, double>> m_range;
    bool m_hideSink = false;
    bool m_transposed = false;
    ColorScale m_scale;
    ColorScale m_automatic;
    BoardMode m_mode = BoardMode::SideBySide;
    std::size_t m_selected = 0;
    DragMode m_drag = DragMode::Pan;
    bool m_space = false;
    std::optional<MapCell> m_cursor;
    std::vector<MapCell> m_pins;
};

} // namespace attnscope
