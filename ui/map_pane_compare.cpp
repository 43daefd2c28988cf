// SPDX-License-Identifier: GPL-3.0-or-later
// How a pane stands to its neighbours: linked or not, and with another pane's map inside it.
#include "ui/chain_button.h"
#include "ui/heatmap_plottable.h"
#include "ui/map_interaction.h"
#include "ui/map_pane.h"
#include "ui/pane_compare.h"
#include "ui/pane_decor.h"
#include "ui/view_state.h"

namespace attnscope {

void MapPane::setLinked(bool linked)
{
    m_chain->setChecked(linked);
    if (linked == isLinked())
        return;
    if (!linked && !m_own) {
        m_own = new ViewState(this);
        connect(m_own, &ViewState::changed, this, [this] {
            if (!isLinked())
                updateView();
        });
    }
    if (!linked) {
        m_own->setMatrix(m_shared->rows(), m_shared->cols());
        m_own->zoomTo(m_shared->rect());
    }
    m_view = linked ? m_shared : m_own;
    m_interaction->setView(m_view);
    updateView();
    Q_EMIT linkChanged(linked);
}

void MapPane::setDragMode(DragMode mode)
{
    m_interaction->mode = mode;
    if (mode == DragMode::Box)
        setCursor(Qt::CrossCursor);
    else
        unsetCursor();
}

void MapPane::setCompare(CompareMode mode, const MapPane* other)
{
    const bool on = mode != CompareMode::None && other && other->m_pyramid && m_pyramid;
    const auto pyramid = on ? other->m_pyramid : nullptr;
    if (on)
        m_second->setScale(other->scale());
    if (pyramid != m_second->pyramid())
        m_second->setPyramid(pyramid, m_second->pyramid() != nullptr);
    m_compare->secondTitle = !on                         ? QString()
                             : other->scale() == scale() ? other->m_content.title
                                                         : tr("%1 (%2)").arg(other->m_content.title, other->m_decor->badge);
    m_compare->setMode(on ? mode : CompareMode::None);
    m_decor->title = on ? tr("%1 | %2").arg(m_content.title, other->m_content.title) : m_content.title;
    m_plot->replot(QCustomPlot::rpQueuedReplot);
}

} // namespace attnscope
