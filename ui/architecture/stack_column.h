// SPDX-License-Identifier: GPL-3.0-or-later
// One architecture on the page: name, what attends, the layers as cells, and a table of its sizes.
#pragma once

#include "ui/architecture/architecture_set.h"

#include <QFrame>

class QGridLayout;
class QLabel;
class QToolButton;

namespace attnscope {

class StackCells;

class StackColumn : public QFrame {
    Q_OBJECT

public:
    explicit StackColumn(QWidget* parent = nullptr);

    /// `at`: its place, which gives its curves' colour.
    void setEntry(const StackEntry& entry, std::size_t at);
    void setCurrent(bool current); ///< the one that is being designed
    StackCells& cells() { return *m_cells; }
    QString caption() const;

Q_SIGNALS:
    void removeRequested();
    void resetRequested();
    void chosen(); ///< clicked beside its layers

protected:
    void mousePressEvent(QMouseEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void showFacts(const Architecture& architecture);
    void showSwatch();

    std::size_t m_at = 0;
    bool m_current = false;
    QLabel* m_swatch;
    QLabel* m_name;
    QLabel* m_caption;
    QToolButton* m_reset;
    StackCells* m_cells;
    QGridLayout* m_facts;
};

} // namespace attnscope
