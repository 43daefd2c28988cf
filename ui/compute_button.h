// SPDX-License-Identifier: GPL-3.0-or-later
// The status bar's choice of device and number format: "f16 · cuda:0", with a menu of what this machine has, or why it has no GPU.
#pragma once

#include "core/backend.h"
#include "core/session/session.h"

#include <QToolButton>

#include <vector>

class QActionGroup;
class QMenu;

namespace attnscope {

class ComputeButton : public QToolButton {
    Q_OBJECT

public:
    /// `cudaNote` says why there is no GPU; empty where there is one.
    ComputeButton(const std::vector<const Backend*>& backends, const std::string& cudaNote, QWidget* parent = nullptr);

    /// `note`: why it isn't computed so on this machine; empty where it is.
    void setChoice(const ComputeChoice& choice, const QString& note);
    QMenu& choices() { return *m_menu; } ///< for the menu bar too

Q_SIGNALS:
    void chosen(const attnscope::ComputeChoice& choice);

private:
    void addDevices(const std::string& cudaNote);
    void addFormats();
    void choose();

    std::vector<const Backend*> m_backends;
    QMenu* m_menu;
    QActionGroup* m_devices;
    QActionGroup* m_formats;
};

} // namespace attnscope
