// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/method_picker.h"

#include "core/method/method_help.h"
#include "core/method/registry.h"

#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QScreen>
#include <QVBoxLayout>

namespace attnscope {

namespace {

constexpr int kIdRole = Qt::UserRole;
constexpr int kSummaryRole = Qt::UserRole + 1;
constexpr int kFamilyRole = Qt::UserRole + 2;
constexpr QSize kWanted(440, 560);
constexpr int kSummaryLines = 4;

QString idOf(const QListWidgetItem* item) { return item ? item->data(kIdRole).toString() : QString(); }

QListWidgetItem* addHeading(QListWidget& list, const std::string& family)
{
    auto* heading = new QListWidgetItem(QString::fromStdString(familyTitle(family)), &list);
    heading->setFlags(Qt::ItemIsEnabled);
    heading->setForeground(list.palette().brush(QPalette::Link));
    QFont font = list.font();
    font.setBold(true);
    heading->setFont(font);
    return heading;
}

} // namespace

MethodPicker::MethodPicker(const QString& current, QWidget* parent)
    : QFrame(parent, Qt::Popup), m_filter(new QLineEdit(this)), m_list(new QListWidget(this)), m_summary(new QLabel(this))
{
    setAttribute(Qt::WA_DeleteOnClose);
    setFrameShape(QFrame::StyledPanel);
    resize(kWanted);
    m_filter->setPlaceholderText(tr("Search, for example “window” or “random features”"));
    m_filter->setAccessibleName(tr("Search the methods"));
    m_filter->setClearButtonEnabled(true);
    m_filter->installEventFilter(this);
    m_list->setFocusPolicy(Qt::NoFocus);
    m_list->setAccessibleName(tr("Methods"));
    m_summary->setWordWrap(true);
    m_summary->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_summary->setFixedHeight(kSummaryLines * m_summary->fontMetrics().lineSpacing());
    auto* keys = new QLabel(tr("↑ ↓ move · Return chooses · F1 formula and source · Esc closes"), this);
    keys->setForegroundRole(QPalette::PlaceholderText);
    auto* layout = new QVBoxLayout(this);
    for (QWidget* widget : std::initializer_list<QWidget*>{m_filter, m_list, m_summary, keys})
        layout->addWidget(widget);
    fill();
    connect(m_list, &QListWidget::currentItemChanged, this, [this](const QListWidgetItem* item) {
        m_summary->setText(item ? item->data(kSummaryRole).toString() : tr("No method fits these words."));
    });
    connect(m_filter, &QLineEdit::textChanged, this, &MethodPicker::apply);
    connect(m_list, &QListWidget::itemClicked, this, [this](const QListWidgetItem* item) {
        if (!idOf(item).isEmpty())
            choose();
    });
    apply({});
    mark(current);
    setFocusProxy(m_filter);
}

void MethodPicker::fill()
{
    std::string family;
    for (const auto& method : allMethods()) {
        const MethodInfo& info = method->info();
        if (info.exact)
            continue;
        if (info.family != family)
            addHeading(*m_list, family = info.family);
        auto* item = new QListWidgetItem(QStringLiteral("   ") + QString::fromStdString(info.title), m_list);
        item->setData(kIdRole, QString::fromStdString(info.id));
        item->setData(kSummaryRole, QString::fromStdString(info.summary));
        item->setData(kFamilyRole, QString::fromStdString(familyTitle(info.family)));
        item->setToolTip(QString::fromStdString(info.id));
    }
}

// Every word must occur in a method's id, title, summary or family; headings stand over what is left of their family.
void MethodPicker::apply(const QString& words)
{
    const auto parts = words.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    QListWidgetItem* heading = nullptr;
    QListWidgetItem* first = nullptr;
    for (int row = 0; row < m_list->count(); ++row) {
        auto* item = m_list->item(row);
        if (idOf(item).isEmpty()) {
            heading = item;
            heading->setHidden(true);
            continue;
        }
        const QString all = (QStringList{item->text(), idOf(item), item->data(kSummaryRole).toString(), item->data(kFamilyRole).toString()})
                                .join(QLatin1Char(' '));
        const bool fits =
            std::all_of(parts.begin(), parts.end(), [&](const QString& part) { return all.contains(part, Qt::CaseInsensitive); });
        item->setHidden(!fits);
        if (fits && heading)
            heading->setHidden(false);
        const bool named = !parts.isEmpty() && idOf(item).startsWith(parts.front(), Qt::CaseInsensitive);
        if (fits && (!first || (named && !idOf(first).startsWith(parts.front(), Qt::CaseInsensitive))))
            first = item; // a method of that name before those that only mention it
    }
    m_list->setCurrentItem(first);
    reveal();
    if (!first)
        m_summary->setText(tr("No method fits these words."));
}

void MethodPicker::mark(const QString& id)
{
    for (int row = 0; row < m_list->count(); ++row)
        if (!id.isEmpty() && idOf(m_list->item(row)) == id) {
            m_list->setCurrentRow(row);
            reveal();
        }
}

// The first method is seen with its heading.
void MethodPicker::reveal()
{
    const QStringList ids = shown();
    if (ids.isEmpty() || marked() == ids.front())
        m_list->scrollToTop();
    else
        m_list->scrollToItem(m_list->currentItem());
}

void MethodPicker::step(int by)
{
    std::vector<int> rows;
    for (int row = 0; row < m_list->count(); ++row)
        if (!m_list->item(row)->isHidden() && !idOf(m_list->item(row)).isEmpty())
            rows.push_back(row);
    if (rows.empty())
        return;
    const auto at = std::find(rows.begin(), rows.end(), m_list->currentRow()) - rows.begin();
    const auto to = std::clamp<std::ptrdiff_t>(at + by, 0, static_cast<std::ptrdiff_t>(rows.size()) - 1);
    m_list->setCurrentRow(rows[static_cast<std::size_t>(to)]);
    reveal();
}

QString MethodPicker::marked() const { return idOf(m_list->currentItem()); }

QStringList MethodPicker::shown() const
{
    QStringList ids;
    for (int row = 0; row < m_list->count(); ++row)
        if (const QString id = idOf(m_list->item(row)); !id.isEmpty() && !m_list->item(row)->isHidden())
            ids += id;
    return ids;
}

void MethodPicker::choose()
{
    const QString id = marked();
    if (id.isEmpty())
        return;
    Q_EMIT chosen(id);
    close();
}

void MethodPicker::explain()
{
    const QString id = marked();
    if (id.isEmpty())
        return;
    Q_EMIT helpRequested(id);
    close(); // a popup holds the mouse: the page could not be used beside it
}

void MethodPicker::popUpAt(const QWidget& anchor)
{
    const QRect screen = anchor.screen()->availableGeometry();
    QRect area(anchor.mapToGlobal(QPoint(0, anchor.height())), size().boundedTo(screen.size()));
    area.moveBottom(std::min(area.bottom(), screen.bottom()));
    area.moveRight(std::min(area.right(), screen.right()));
    area.moveLeft(std::max(area.left(), screen.left()));
    setGeometry(area);
    show();
    m_list->doItemsLayout();
    reveal();
    m_filter->setFocus();
}

bool MethodPicker::eventFilter(QObject* watched, QEvent* event)
{
    constexpr int kPage = 10;
    if (event->type() == QEvent::ShortcutOverride && static_cast<QKeyEvent*>(event)->key() == Qt::Key_F1) {
        event->accept(); // the window's own F1 waits until the list is closed
        return true;
    }
    if (event->type() != QEvent::KeyPress)
        return QFrame::eventFilter(watched, event);
    switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Down:
        step(1);
        return true;
    case Qt::Key_Up:
        step(-1);
        return true;
    case Qt::Key_PageDown:
        step(kPage);
        return true;
    case Qt::Key_PageUp:
        step(-kPage);
        return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
        choose();
        return true;
    case Qt::Key_F1:
        explain();
        return true;
    case Qt::Key_Escape:
        close();
        return true;
    default:
        return QFrame::eventFilter(watched, event);
    }
}

} // namespace attnscope
