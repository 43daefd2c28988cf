// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/command_palette.h"

#include "ui/actions.h"

#include <QAction>
#include <QCoreApplication>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>

namespace attnscope {

CommandPalette::CommandPalette(const Actions& actions, QWidget* parent)
    : QDialog(parent), m_actions(actions), m_filter(new QLineEdit(this)), m_list(new QListWidget(this))
{
    setWindowTitle(tr("Commands"));
    setAttribute(Qt::WA_DeleteOnClose);
    resize(520, 420);
    m_filter->setPlaceholderText(tr("Type a part of a command, for example “export” or “head”"));
    m_filter->setAccessibleName(tr("Filter"));
    m_filter->installEventFilter(this);
    m_list->setFocusPolicy(Qt::NoFocus);
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(m_filter);
    layout->addWidget(m_list);
    fill();
    apply({});
    connect(m_filter, &QLineEdit::textChanged, this, &CommandPalette::apply);
    connect(m_filter, &QLineEdit::returnPressed, this, [this] { run(m_list->currentItem()); });
    connect(m_list, &QListWidget::itemClicked, this, &CommandPalette::run);
}

void CommandPalette::fill()
{
    for (const auto& spec : commandTable()) {
        QAction* action = m_actions[spec.command];
        if (spec.command == Command::Palette || !action->isEnabled())
            continue;
        QString text = action->text().remove(QLatin1Char('&'));
        QStringList keys;
        for (const auto& sequence : action->shortcuts())
            keys += sequence.toString(QKeySequence::NativeText);
        auto* item = new QListWidgetItem(m_list);
        item->setText(keys.isEmpty() ? text : text + QStringLiteral("    ") + keys.join(QStringLiteral(", ")));
        item->setToolTip(action->toolTip());
        item->setData(Qt::UserRole, QVariant::fromValue(action));
    }
}

// Every word must occur in the command's text or in its tip.
void CommandPalette::apply(const QString& words)
{
    const auto parts = words.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    const QListWidgetItem* first = nullptr;
    for (int row = 0; row < m_list->count(); ++row) {
        auto* item = m_list->item(row);
        const QString all = item->text() + QLatin1Char(' ') + item->toolTip();
        const bool fits =
            std::all_of(parts.begin(), parts.end(), [&](const QString& part) { return all.contains(part, Qt::CaseInsensitive); });
        item->setHidden(!fits);
        if (fits && !first) {
            first = item;
            m_list->setCurrentItem(item);
        }
    }
    if (!first)
        m_list->setCurrentItem(nullptr);
}

QStringList CommandPalette::shown() const
{
    QStringList texts;
    for (int row = 0; row < m_list->count(); ++row)
        if (!m_list->item(row)->isHidden())
            texts += m_list->item(row)->text();
    return texts;
}

void CommandPalette::run(const QListWidgetItem* item)
{
    if (!item || item->isHidden())
        return;
    auto* action = item->data(Qt::UserRole).value<QAction*>();
    accept(); // first: the command may open a dialog of its own
    QMetaObject::invokeMethod(action, &QAction::trigger, Qt::QueuedConnection);
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event)
{
    if (event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Down || key == Qt::Key_Up || key == Qt::Key_PageDown || key == Qt::Key_PageUp) {
            QCoreApplication::sendEvent(m_list, event);
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

} // namespace attnscope
