// SPDX-License-Identifier: GPL-3.0-or-later
// The page of whole architectures, a window of its own: stacks side by side, and what they cost against length.
#pragma once

#include "ui/architecture/architecture_set.h"

#include <QWidget>

#include <vector>

class QHBoxLayout;
class QLabel;
class QScrollArea;
class QSplitter;
class QTabWidget;
class QTextBrowser;
class QToolButton;

namespace attnscope {

class MessageStrip;
class Settings;
class StackColumn;
class StackDesigner;
class StackLegend;
class StackPlot;

class ArchitecturePage : public QWidget {
    Q_OBJECT

public:
    ArchitecturePage(JobQueue& jobs, Settings& settings, QWidget* parent = nullptr);

    /// Adds each file that can be read; of the others the page says one sentence each, and the rest stays as it is.
    void open(const QStringList& paths);
    /// Shows the page; with a few well-known architectures where it is empty.
    void present();

    ArchitectureSet& architectures() { return *m_set; }
    StackColumn& column(std::size_t index) { return *m_columns[index]; }
    StackPlot& plot() { return *m_plot; }
    StackDesigner& designer() { return *m_designer; }
    void setDesigning(bool designing);
    /// The architectures that a published study measured, asked the same.
    void showStudy(const QString& id);
    void askForFiles();
    void say(const QString& message); ///< in place; empty: nothing to say any more
    QString message() const;          ///< of files that couldn't be read; empty where there is none

Q_SIGNALS:
    void mixerChosen(const QString& method); ///< a recurrent layer was clicked: to be shown in the explorer

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    QWidget* makeBar();
    QToolButton* makeAddButton();
    QWidget* makeStacks();
    QWidget* makeTabs();
    QToolButton* makeFileButton();
    void showEntries();
    void showSelection();
    void showAnswer();
    void showTab();
    void showAsking();
    void connectColumn(StackColumn& column, std::size_t index);
    bool isDesigning() const;
    void layerClicked(std::size_t index, Index layer);

    Settings& m_settings;
    ArchitectureSet* m_set;
    std::vector<StackColumn*> m_columns;
    MessageStrip* m_message;
    StackLegend* m_legend;
    QHBoxLayout* m_row;
    QLabel* m_empty;
    StackPlot* m_plot;
    StackDesigner* m_designer;
    QToolButton* m_design;
    QLabel* m_note;
    QTextBrowser* m_numbers;
    QTextBrowser* m_decisions;
    QTextBrowser* m_published;
    QTabWidget* m_tabs;
};

} // namespace attnscope
