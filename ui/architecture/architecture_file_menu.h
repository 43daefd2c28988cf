// SPDX-License-Identifier: GPL-3.0-or-later
// The page's menu of files: save and open designs, pictures, tables.
#pragma once

#include <QMenu>

namespace attnscope {

class ArchitectureSet;
class Settings;
class StackPlot;

class ArchitectureFileMenu : public QMenu {
    Q_OBJECT

public:
    ArchitectureFileMenu(ArchitectureSet& set, StackPlot& plot, Settings& settings, QWidget* parent);

Q_SIGNALS:
    void opened(const QStringList& paths);
    void failed(const QString& message);

private:
    QString askForOutput(const QString& stem, const QString& filter);
    void save();
    void openSaved();
    void exportPicture();
    void writeTable(const QString& stem, const QString& text);

    ArchitectureSet& m_set;
    StackPlot& m_plot;
    Settings& m_settings;
};

} // namespace attnscope
