// SPDX-License-Identifier: GPL-3.0-or-later
// All commands in one list that is filtered while typing; Return runs the marked one.
#pragma once

#include <QDialog>

class QLineEdit;
class QListWidget;
class QListWidgetItem;

namespace attnscope {

class Actions;

class CommandPalette : public QDialog {
    Q_OBJECT

public:
    /// `actions` outlives the palette.
    explicit CommandPalette(const Actions& actions, QWidget* parent);

    QLineEdit& filter() { return *m_filter; }
    QStringList shown() const; ///< texts of what the filter leaves, in order

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void fill();
    void apply(const QString& words);
    void run(const QListWidgetItem* item);

    const Actions& m_actions;
    QLineEdit* m_filter;
    QListWidget* m_list;
};

} // namespace attnscope
