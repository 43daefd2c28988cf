// SPDX-License-Identifier: GPL-3.0-or-later
// A popup list of all approximations, grouped by family and filtered while typing; Return or a click chooses one, F1 explains it.
#pragma once

#include <QFrame>

class QLabel;
class QLineEdit;
class QListWidget;
class QListWidgetItem;

namespace attnscope {

class MethodPicker : public QFrame {
    Q_OBJECT

public:
    /// `current` is marked at first. Deletes itself when it closes.
    explicit MethodPicker(const QString& current, QWidget* parent);

    /// Below `anchor`, or beside it where the screen ends.
    void popUpAt(const QWidget& anchor);

    QLineEdit& filter() { return *m_filter; }
    QStringList shown() const; ///< ids of what the filter leaves, in order
    QString marked() const;    ///< the highlighted id; empty where nothing fits

Q_SIGNALS:
    void chosen(const QString& id);
    void helpRequested(const QString& id);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void fill();
    void apply(const QString& words);
    void mark(const QString& id);
    void reveal();
    void step(int by);
    void choose();
    void explain();

    QLineEdit* m_filter;
    QListWidget* m_list;
    QLabel* m_summary;
};

} // namespace attnscope
