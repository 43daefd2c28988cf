// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/compute_button.h"

#include <QAction>
#include <QActionGroup>
#include <QMenu>

#include <algorithm>

namespace attnscope {

namespace {

QString formatText(Dtype dtype)
{
    switch (dtype) {
    case Dtype::F32:
        return QObject::tr("f32: float32 accuracy");
    case Dtype::TF32:
        return QObject::tr("tf32: float32 numbers, products of 11 significant bits");
    case Dtype::F16:
        return QObject::tr("f16: float16 numbers");
    case Dtype::BF16:
        break;
    }
    return QObject::tr("bf16: bfloat16 numbers");
}

QString idOf(const QActionGroup& devices) { return devices.checkedAction() ? devices.checkedAction()->data().toString() : QString(); }

} // namespace

ComputeButton::ComputeButton(const std::vector<const Backend*>& backends, const std::string& cudaNote, QWidget* parent)
    : QToolButton(parent),
      m_backends(backends),
      m_menu(new QMenu(tr("Compute &on"), this)),
      m_devices(new QActionGroup(this)),
      m_formats(new QActionGroup(this))
{
    addDevices(cudaNote);
    addFormats();
    setMenu(m_menu);
    setPopupMode(QToolButton::InstantPopup);
    setAutoRaise(true);
    setFocusPolicy(Qt::NoFocus);
    setChoice({}, {});
    for (auto* group : {m_devices, m_formats})
        connect(group, &QActionGroup::triggered, this, &ComputeButton::choose);
}

void ComputeButton::addDevices(const std::string& cudaNote)
{
    m_menu->addSection(tr("Device"));
    for (const auto* backend : m_backends) {
        auto* action = m_menu->addAction(QString::fromStdString(backend->id() + ": " + backend->device()));
        action->setCheckable(true);
        action->setData(QString::fromStdString(backend->id()));
        m_devices->addAction(action);
    }
    if (!cudaNote.empty())
        m_menu->addAction(QString::fromStdString(cudaNote))->setEnabled(false);
}

void ComputeButton::addFormats()
{
    m_menu->addSection(tr("Number format"));
    for (std::size_t i = 0; i < kDtypeNames.size(); ++i) {
        auto* action = m_menu->addAction(formatText(static_cast<Dtype>(i)));
        action->setCheckable(true);
        action->setData(static_cast<int>(i));
        m_formats->addAction(action);
    }
}

void ComputeButton::setChoice(const ComputeChoice& choice, const QString& note)
{
    const auto id = QString::fromStdString(choice.backend);
    const auto found = std::find_if(m_backends.begin(), m_backends.end(), [&](const Backend* b) { return b->id() == choice.backend; });
    const Backend& backend = found == m_backends.end() ? cpuBackend() : **found;
    for (auto* action : m_devices->actions())
        action->setChecked(action->data().toString() == QString::fromStdString(backend.id()));
    for (auto* action : m_formats->actions()) {
        const auto dtype = static_cast<Dtype>(action->data().toInt());
        action->setEnabled(backend.in(dtype).ok());
        action->setChecked(dtype == choice.dtype);
    }
    const auto asked = QStringLiteral("%1 · %2").arg(QString::fromUtf8(toString(choice.dtype).data()), id);
    setText(note.isEmpty() ? asked : QStringLiteral("⚠ ") + asked);
    setToolTip(note.isEmpty() ? tr("Where maps and outputs are computed: %1").arg(QString::fromStdString(backend.device())) : note);
}

void ComputeButton::choose()
{
    ComputeChoice choice{idOf(*m_devices).toStdString(), Dtype::F32};
    const auto* format = m_formats->checkedAction();
    const auto found = std::find_if(m_backends.begin(), m_backends.end(), [&](const Backend* b) { return b->id() == choice.backend; });
    // Another device may lack the format: then it begins in float32.
    if (format != nullptr && found != m_backends.end() && (*found)->in(static_cast<Dtype>(format->data().toInt())))
        choice.dtype = static_cast<Dtype>(format->data().toInt());
    Q_EMIT chosen(choice);
}

} // namespace attnscope
