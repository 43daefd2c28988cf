// SPDX-License-Identifier: GPL-3.0-or-later
// Every command of the program in one table: menus, toolbar, shortcuts and the F1 overlay are made from it.
#pragma once

#include <QKeySequence>
#include <QObject>
#include <QString>

#include <map>
#include <vector>

class QAction;
class QMenuBar;
class QWidget;

namespace attnscope {

enum class Command {
    Open,
    OpenModel,
    PasteText,
    OpenSession,
    SaveSession,
    SaveSessionAs,
    Reload,
    ExportFigure,
    ExportData,
    CopyPane,
    Print,
    Quit,
    Undo,
    Redo,
    FitView,
    ViewBack,
    ViewForward,
    ShowExact,
    ShowApproximation,
    ShowDifference,
    ShowAll,
    CurtainVertical,
    CurtainHorizontal,
    Blink,
    PanMode,
    BoxMode,
    ClearPin,
    ColorRange,
    HideSink,
    Transpose,
    DetachPane,
    HeadGrid,
    HeadOrder,
    LayoutInspect,
    LayoutCompare,
    LayoutMeasure,
    LayoutTeach,
    Find,
    FindNext,
    FindPrevious,
    OnlyFound,
    JumpTo,
    NextHead,
    PreviousHead,
    NextLayer,
    PreviousLayer,
    ChooseMethod,
    AddMethod,
    NextMethod,
    PreviousMethod,
    ToggleCausal,
    StartLong,
    Measure,
    CancelJobs,
    ThemeSystem,
    ThemeLight,
    ThemeDark,
    ResetLayout,
    Architectures,
    OpenArchitecture,
    ModelArchitecture,
    Palette,
    Shortcuts,
    MethodHelp,
    AllMethods,
    FrameTimes,
    About,
};

struct CommandSpec {
    Command command;
    const char* menu; ///< "&File", or "&View|&Layout" for a menu in it
    const char* text;
    const char* shortcuts; ///< portable text, several separated by ';'
    const char* tip;
};

const std::vector<CommandSpec>& commandTable();

class Actions : public QObject {
    Q_OBJECT

public:
    explicit Actions(QWidget* window);

    QAction* operator[](Command command) const { return m_actions.at(command); }
    void fillMenus(QMenuBar& bar) const;

private:
    std::map<Command, QAction*> m_actions;
};

/// The table as HTML, for the F1 overlay.
QString shortcutTable();

} // namespace attnscope
