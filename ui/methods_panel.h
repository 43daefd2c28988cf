// SPDX-License-Identifier: GPL-3.0-or-later
// The approximations on the board: choose a method, move its parameters, add or remove one, select whose error is shown.
#pragma once

#include "core/session/session.h"

#include <QWidget>

class QPushButton;
class QVBoxLayout;

namespace attnscope {

class MethodCard;

class MethodsPanel : public QWidget {
    Q_OBJECT

public:
    static constexpr std::size_t kMaxApproximations = 3;

    explicit MethodsPanel(QWidget* parent = nullptr);

    /// Follows the session without emitting; a card whose setting is unchanged keeps its focus and its slider grip.
    void setApproximations(const std::vector<MethodSetting>& approximations, std::size_t selected);

    /// Short figures under a card: "map error 0.41, output 0.12"; or why there is nothing.
    void setSummary(std::size_t index, const QString& text);

    void chooseMethod(std::size_t index); ///< opens the list of methods for a card
    void chooseAnother();                 ///< and for one approximation more; nothing where the board is full

    /// Whether an approximation waits to be started because it takes long.
    void setWaiting(std::size_t index, bool waiting);

Q_SIGNALS:
    void edited(std::size_t index, const attnscope::MethodSetting& setting);
    void added(const attnscope::MethodSetting& setting);
    void removed(std::size_t index);
    void selected(std::size_t index);
    void startRequested(std::size_t index);
    void helpRequested(const QString& methodId);

private:
    void addCard();

    std::vector<MethodCard*> m_cards;
    QVBoxLayout* m_layout;
    QPushButton* m_add;
};

} // namespace attnscope
