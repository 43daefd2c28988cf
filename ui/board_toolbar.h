// SPDX-License-Identifier: GPL-3.0-or-later
// The toolbar over the board: layer, head, causal, pooling, scale, colours, error metric.
#pragma once

#include "core/inputs/document.h"
#include "core/session/session.h"

#include <QToolBar>

class QCheckBox;
class QComboBox;
class QSpinBox;

namespace attnscope {

class Actions;

class BoardToolbar : public QToolBar {
    Q_OBJECT

public:
    BoardToolbar(const Actions& actions, QWidget* parent);

    /// Follows without emitting.
    void setSession(const Session& session, const DocumentInfo* info);

Q_SIGNALS:
    void edited(const std::function<void(attnscope::Session&)>& change);

private:
    void addCommands(const Actions& actions);
    void connectControls();
    QComboBox* addChoice(const QString& label, const QString& tip);

    QComboBox* m_layer;
    QSpinBox* m_head;
    QSpinBox* m_batch;
    QAction* m_batchAction;
    QCheckBox* m_causal;
    QComboBox* m_pool;
    QComboBox* m_scale;
    QComboBox* m_colors;
    QComboBox* m_metric;
};

} // namespace attnscope
