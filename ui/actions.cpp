// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/actions.h"

#include <QAction>
#include <QCoreApplication>
#include <QMenu>
#include <QMenuBar>
#include <QWidget>

namespace attnscope {

namespace {

constexpr const char* kContext = "attnscope::Actions";

QString translated(const char* text) { return QCoreApplication::translate(kContext, text); }

QList<QKeySequence> sequencesOf(const CommandSpec& spec)
{
    QList<QKeySequence> sequences;
    const QString all = QString::fromLatin1(spec.shortcuts);
    for (const QString& text : all.split(QLatin1Char(';'), Qt::SkipEmptyParts))
        sequences += QKeySequence(text, QKeySequence::PortableText);
    return sequences;
}

std::vector<CommandSpec> fileCommands()
{
    return {
        {Command::Open, "&File", "&Open…", "Ctrl+O", "Open a text, .npy, .npz, .safetensors, a session or a model's config.json"},
        {Command::OpenModel, "&File", "Choose &model…", "Ctrl+M", "Choose the Hugging Face folder of the model that texts go through"},
        {Command::PasteText, "&File", "&Paste text from the clipboard", "Ctrl+V", "Send the clipboard's text through the model"},
        {Command::Reload, "&File", "&Reload", "F5", "Read the input again"},
        {Command::OpenSession, "&File", "Open s&ession…", "", "Open a saved session (.json)"},
        {Command::SaveSession, "&File", "&Save session", "Ctrl+S", "Save the SESSION (input, methods, view), not a picture"},
        {Command::SaveSessionAs, "&File", "Save session &as…", "Ctrl+Shift+S", "Save the session under another name"},
        {Command::ExportFigure, "&File", "&Export figure…", "Ctrl+Shift+E",
         "Board, one pane, the row, the latency or the theory plot as PNG, SVG or PDF"},
        {Command::ExportData, "&File", "Export &data…", "Ctrl+Alt+E", "The numbers behind the view as CSV or NPY"},
        {Command::CopyPane, "&File", "&Copy pane as picture", "Ctrl+C",
         "Put a picture of what is under the pointer on the clipboard: a map, the row, the heads, a plot; otherwise the board"},
        {Command::Print, "&File", "P&rint…", "Ctrl+P", "Print the board with its caption"},
        {Command::Quit, "&File", "&Quit", "Ctrl+Q", "Leave Attnscope"},
        {Command::Undo, "&Edit", "&Undo", "Ctrl+Z",
         "Take back the last change of input, head, methods, view or layout; moves of the map count as one, Backspace takes them back "
         "singly"},
        {Command::Redo, "&Edit", "&Redo", "Ctrl+Shift+Z;Ctrl+Y", "Make the change again that was taken back"},
    };
}

std::vector<CommandSpec> boardCommands()
{
    return {
        {Command::FitView, "&View", "&Fit map", "Home", "Show the whole map"},
        {Command::ViewBack, "&View", "Previous view", "Backspace;Alt+Left", "Go back to where you were on the map"},
        {Command::ViewForward, "&View", "Next view", "Alt+Right", "Go forward again"},
        {Command::ShowAll, "&View", "Side &by side", "S", "Exact, approximation and error side by side"},
        {Command::ShowExact, "&View", "Only &exact", "A", "The exact map at full size; again: side by side"},
        {Command::ShowApproximation, "&View", "Only &approximation", "B", "The approximation's map at full size; again: side by side"},
        {Command::ShowDifference, "&View", "Only &difference", "D;W", "The error map at full size; again: side by side"},
        {Command::CurtainVertical, "&View", "Curtain: left and right", "V",
         "One map: exact left of a line that can be dragged, the approximation right of it"},
        {Command::CurtainHorizontal, "&View", "Curtain: top and bottom", "H",
         "One map: exact above a line that can be dragged, the approximation below it"},
        {Command::Blink, "&View", "Blin&k", "K", "One map: exact and approximation in turn, one and a half times a second"},
        {Command::PanMode, "&View", "Drag &pans", "P", "A drag moves the map; with Ctrl it zooms to a box"},
        {Command::BoxMode, "&View", "Drag &zooms to a box", "O", "A drag zooms to a box; with the space bar held it moves the map"},
        {Command::ClearPin, "&View", "&Unpin", "Esc", "Forget all pinned cells"},
        {Command::ColorRange, "&View", "Colour &range…", "R", "Colour range of exact and approximations: histogram, numbers, lock"},
        {Command::HideSink, "&View", "&Hide column 0 (sink)", "0",
         "Leave key 0 out of the automatic colour range; the data stay as they are"},
        {Command::Transpose, "&View", "&Transpose", "Ctrl+T", "Exchange the axes of all maps: keys top to bottom, queries left to right"},
        {Command::DetachPane, "&View", "Pane in its own &window", "U",
         "The map under the pointer in a window of its own; again, or closing it: back on the board"},
        {Command::HeadGrid, "&View", "Head &grid", "Ctrl+G",
         "All heads at large size; again, or a double click on a head: back to the board"},
        {Command::HeadOrder, "&View", "Heads in another &order", "Shift+G",
         "The head grid in turn by layer and head, entropy, weight on the first token, on the previous token, the approximation's error"},
        {Command::LayoutInspect, "&View|&Layout", "&Inspect", "Alt+1", "One map large, with its text and the pinned query's row"},
        {Command::LayoutCompare, "&View|&Layout", "&Compare", "Alt+2", "Exact, approximation and error side by side, with the metrics"},
        {Command::LayoutMeasure, "&View|&Layout", "&Measure", "Alt+3", "Latency and theory large, the board above them"},
        {Command::LayoutTeach, "&View|&Layout", "&Teach", "Alt+4", "One method large beside its help page, in large letters"},
        {Command::ResetLayout, "&View|&Layout", "&Reset layout", "", "Put all panels of this layout back where they were"},
        {Command::ThemeSystem, "&View", "Theme: as the system", "", "Light or dark as the desktop is"},
        {Command::ThemeLight, "&View", "Theme: light", "", "Light window; exports are always light"},
        {Command::ThemeDark, "&View", "Theme: dark", "Ctrl+Shift+T", "Dark window; exports are always light"},
    };
}

std::vector<CommandSpec> travelCommands()
{
    return {
        {Command::Find, "&Go", "&Find in the text…", "Ctrl+F", "Mark every place of a text: its rows and columns on the maps too"},
        {Command::FindNext, "&Go", "Next place", "F3", "The next place of the searched text"},
        {Command::FindPrevious, "&Go", "Previous place", "Shift+F3", "The place before"},
        {Command::OnlyFound, "&Go", "&Only found tokens", "F",
         "Veil what lies in neither row nor column of a found token; the metrics are then of these queries alone"},
        {Command::JumpTo, "&Go", "&Jump to a token…", "Ctrl+J", "To a position by its number, or to the next place of some words"},
        {Command::PreviousHead, "&Go", "Previous head", "Left", "The head before this one"},
        {Command::NextHead, "&Go", "Next head", "Right", "The head after this one"},
        {Command::PreviousLayer, "&Go", "Layer up", "Up", "The layer before this one"},
        {Command::NextLayer, "&Go", "Layer down", "Down", "The layer after this one"},
        {Command::ChooseMethod, "&Go", "Choose &method…", "M", "The list of methods for the selected approximation, with search"},
        {Command::AddMethod, "&Go", "A&dd approximation…", "+", "The list of methods, for one approximation more on the board"},
        {Command::PreviousMethod, "&Go", "Previous method", "PgUp", "The method before this one in the list"},
        {Command::NextMethod, "&Go", "Next method", "PgDown", "The method after this one in the list"},
        {Command::ToggleCausal, "&Go", "&Causal", "C", "Each query sees only the keys up to itself"},
    };
}

std::vector<CommandSpec> otherCommands()
{
    return {
        {Command::StartLong, "&Measure", "&Start what waits", "Ctrl+R",
         "Compute what waits because it takes long or was cancelled: the layer, its maps, their metrics, thumbnails"},
        {Command::Measure, "&Measure", "&Measure latency", "F9", "Start the sweep of the latency tab"},
        {Command::CancelJobs, "&Measure", "&Cancel all jobs", "Ctrl+.", "Stop everything that is being computed"},
        {Command::Architectures, "&Architectures", "&Side by side…", "Ctrl+Shift+A",
         "Whole models from their config.json: which layers attend, memory and latency against length"},
        {Command::OpenArchitecture, "&Architectures", "&Open config.json…", "", "Add a model's config.json to the page of architectures"},
        {Command::ModelArchitecture, "&Architectures", "The &model of the texts", "",
         "The architecture of the model that texts go through"},
        {Command::Palette, "&Help", "&Command palette…", "Ctrl+Shift+P", "All commands in one list that is filtered while typing"},
        {Command::Shortcuts, "&Help", "&Keys and mouse", "F1;?", "All shortcuts on one page"},
        {Command::MethodHelp, "&Help", "This &method", "Shift+F1", "Formula, cost and source of the selected approximation"},
        {Command::AllMethods, "&Help", "All m&ethods", "", "Every method by family, each with its help page"},
        {Command::FrameTimes, "&Help", "&Frame times", "", "How long the window's pictures take while you move: a histogram"},
        {Command::About, "&Help", "&About this machine and Attnscope", "", "Versions, processor, GPUs"},
    };
}

} // namespace

const std::vector<CommandSpec>& commandTable()
{
    static const std::vector<CommandSpec> table = [] {
        auto all = fileCommands();
        for (const auto& more : {boardCommands(), travelCommands(), otherCommands()})
            all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return table;
}

Actions::Actions(QWidget* window) : QObject(window)
{
    for (const auto& spec : commandTable()) {
        auto* action = new QAction(translated(spec.text), window);
        action->setShortcuts(sequencesOf(spec));
        const QString keys = action->shortcut().toString(QKeySequence::NativeText);
        action->setToolTip(translated(spec.tip) + (keys.isEmpty() ? QString() : QStringLiteral(" (%1)").arg(keys)));
        window->addAction(action);
        m_actions.emplace(spec.command, action);
    }
}

void Actions::fillMenus(QMenuBar& bar) const
{
    std::map<QString, QMenu*> menus;
    for (const auto& spec : commandTable()) {
        const QString path = QString::fromLatin1(spec.menu);
        auto*& top = menus[path.section(QLatin1Char('|'), 0, 0)];
        if (!top)
            top = bar.addMenu(translated(path.section(QLatin1Char('|'), 0, 0).toLatin1().constData()));
        auto*& menu = menus[path];
        if (!menu)
            menu = top->addMenu(translated(path.section(QLatin1Char('|'), 1, 1).toLatin1().constData()));
        menu->addAction((*this)[spec.command]);
    }
}

QString shortcutTable()
{
    QString rows;
    const auto add = [&rows](const QString& keys, const QString& what) {
        rows += QStringLiteral("<tr><td style='padding-right:18px'><b>%1</b></td><td>%2</td></tr>")
                    .arg(keys.toHtmlEscaped(), what.toHtmlEscaped());
    };
    add(translated("Wheel"), translated("Zoom at the pointer; with Shift only keys, with Alt only queries"));
    add(translated("Drag"), translated("Move the map"));
    add(translated("Ctrl+drag"), translated("Zoom to a box; with Shift only keys, with Alt only queries"));
    add(translated("Space+drag"), translated("Move the map, whatever a drag does otherwise"));
    add(translated("Chain in a pane's corner"), translated("Give the pane a zoom and a cursor of its own, and link it again"));
    add(translated("Hover"), translated("Tokens, indices, exact, approximate and error values"));
    add(translated("Click"), translated("Pin a query: its whole row is shown below"));
    add(translated("Shift+click"),
        translated("Pin one cell more, up to four: exact rows of the earlier ones are thin lines; again: unpin it"));
    add(translated("Click in the text"), translated("Pin the token as query; a right click or Ctrl+click: as key"));
    add(translated("Drag in a strip beside the maps"),
        translated("Move along a text of more than 512 tokens; found places are ticks in it"));
    for (const auto& spec : commandTable()) {
        QStringList keys;
        for (const auto& sequence : sequencesOf(spec))
            keys += sequence.toString(QKeySequence::NativeText);
        if (!keys.isEmpty())
            add(keys.join(QStringLiteral(", ")), translated(spec.tip));
    }
    return QStringLiteral("<p><a href='methods:'>%1</a></p><table>%2</table>")
        .arg(translated("All methods: formula, assumptions and source of each"), rows);
}

} // namespace attnscope
