// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_designer.h"

#include "core/stack/ffn_design.h"
#include "ui/architecture/stack_text.h"

#include <QComboBox>
#include <QFormLayout>
#include <QGroupBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace attnscope {

namespace {

constexpr int kMostLayers = 4096;
constexpr int kMostWidth = 1 << 17;

QString designTitle(const std::string& mixer)
{
    return mixer == "full"      ? QObject::tr("full attention")
           : mixer == "sliding" ? QObject::tr("sliding window")
           : mixer == "none"    ? QObject::tr("no mixer")
                                : recurrentTitle(mixer);
}

/// As designMixers() names it; else what the layer has, in its own words.
std::string designName(const StackLayer& layer)
{
    if (layer.attention.kind == AttentionKind::Sliding && !layer.recurrent)
        return "sliding";
    return mixerName(layer);
}

QComboBox* mixerBox(QWidget* parent, bool attention, bool others)
{
    auto* box = new QComboBox(parent);
    for (const auto& mixer : designMixers()) {
        const bool attends = mixer == "full" || mixer == "sliding";
        if ((attends && attention) || (!attends && others))
            box->addItem(designTitle(mixer), QString::fromStdString(mixer));
    }
    return box;
}

void select(QComboBox& box, const QString& title, const QVariant& data)
{
    const QSignalBlocker quiet(box);
    if (box.findData(data) < 0)
        box.addItem(title, data);
    box.setCurrentIndex(box.findData(data));
}

std::string chosen(const QComboBox& box) { return box.currentData().toString().toStdString(); }

} // namespace

StackDesigner::StackDesigner(ArchitectureSet& set, QWidget* parent) : QScrollArea(parent), m_set(set), m_which(new QComboBox(this))
{
    constexpr int kWidth = 300;
    auto* content = new QWidget(this);
    auto* layout = new QVBoxLayout(content);
    layout->setContentsMargins(4, 4, 4, 4);
    m_which->setToolTip(tr("The architecture that is changed; nothing is written to its file"));
    layout->addWidget(m_which);
    layout->addWidget(makeLayerBox());
    layout->addWidget(makePatternBox());
    layout->addWidget(makeSizeBox());
    auto* reset = new QPushButton(tr("Reset to the file"), content);
    layout->addWidget(reset);
    layout->addStretch(1);
    setWidget(content);
    setWidgetResizable(true);
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setFixedWidth(kWidth);
    connect(reset, &QPushButton::clicked, this, [this] { m_set.reset(m_index); });
    connect(m_which, &QComboBox::activated, this, [this](int index) { choose(static_cast<std::size_t>(index), {}); });
    connect(&set, &ArchitectureSet::entriesChanged, this, &StackDesigner::follow);
    follow();
}

QWidget* StackDesigner::makeLayerBox()
{
    auto* box = new QGroupBox(tr("Layer"), this);
    auto* form = new QFormLayout(box);
    m_layerTitle = new QLabel(box);
    m_layerTitle->setWordWrap(true);
    form->addRow(m_layerTitle);
    m_layerBox = new QWidget(box);
    auto* inner = new QFormLayout(m_layerBox);
    inner->setContentsMargins(0, 0, 0, 0);
    m_mixer = mixerBox(box, true, true);
    m_ffn = new QComboBox(box);
    m_ffn->addItem(tr("none"), static_cast<int>(FfnKind::None));
    m_ffn->addItem(tr("dense"), static_cast<int>(FfnKind::Dense));
    m_ffn->addItem(tr("experts"), static_cast<int>(FfnKind::Moe));
    inner->addRow(tr("Mixer"), m_mixer);
    inner->addRow(tr("Feed-forward"), m_ffn);
    auto* buttons = new QHBoxLayout;
    auto* repeat = new QPushButton(tr("Repeat"), box);
    auto* remove = new QPushButton(tr("Remove"), box);
    repeat->setToolTip(tr("The same layer once more behind it, with weights of its own"));
    buttons->addWidget(repeat);
    buttons->addWidget(remove);
    inner->addRow(buttons);
    form->addRow(m_layerBox);
    connect(m_mixer, &QComboBox::activated, this,
            [this] { apply([this](const Architecture& a) { return setMixer(a, *m_layer, chosen(*m_mixer)); }); });
    connect(m_ffn, &QComboBox::activated, this, [this] {
        apply([this](const Architecture& a) { return setFfn(a, *m_layer, static_cast<FfnKind>(m_ffn->currentData().toInt())); });
    });
    connect(repeat, &QPushButton::clicked, this, [this] { apply([this](const Architecture& a) { return duplicateLayer(a, *m_layer); }); });
    connect(remove, &QPushButton::clicked, this, [this] { apply([this](const Architecture& a) { return removeLayer(a, *m_layer); }); });
    return box;
}

QWidget* StackDesigner::makePatternBox()
{
    const StackPattern usual;
    auto* box = new QGroupBox(tr("Pattern"), this);
    auto* form = new QFormLayout(box);
    m_attending = mixerBox(box, true, false);
    form->addRow(tr("Attention"), m_attending);
    m_period = addSize(*form, tr("every"), tr("Of the layers that have a mixer, each so manyth one attends; 0: none"));
    m_period->setRange(0, kMostLayers);
    m_period->setSuffix(tr(" layers"));
    m_offset = addSize(*form, tr("first at"), tr("Counted from 0"));
    m_offset->setRange(0, kMostLayers);
    m_other = mixerBox(box, false, true);
    form->addRow(tr("the others"), m_other);
    m_period->setValue(static_cast<int>(usual.every));
    m_offset->setValue(static_cast<int>(usual.offset));
    m_other->setCurrentIndex(m_other->findData(QString::fromStdString(usual.other)));
    auto* button = new QPushButton(tr("Apply to all layers"), box);
    form->addRow(button);
    connect(button, &QPushButton::clicked, this, &StackDesigner::applyPattern);
    return box;
}

QSpinBox* StackDesigner::addSize(QFormLayout& form, const QString& label, const QString& tip, Index StackDims::*size)
{
    auto* box = new QSpinBox(this);
    box->setRange(0, kMostWidth);
    box->setToolTip(tip);
    box->setAccessibleName(label);
    box->setKeyboardTracking(false);
    box->setGroupSeparatorShown(true);
    form.addRow(label, box);
    if (!size)
        return box;
    box->setSpecialValueText(QStringLiteral("–")); // 0: there is none, or the layers differ
    m_sizes.push_back({box, size});
    connect(box, &QSpinBox::valueChanged, this, [this, size] { applySizes(size); });
    return box;
}

QWidget* StackDesigner::makeSizeBox()
{
    auto* box = new QGroupBox(tr("Sizes"), this);
    auto* form = new QFormLayout(box);
    addSize(*form, tr("Model width"), tr("hidden_size"), &StackDims::hidden);
    addSize(*form, tr("Query heads"), tr("Of all layers with attention"), &StackDims::heads);
    addSize(*form, tr("Key/value heads"), tr("They must divide the query heads"), &StackDims::kvHeads);
    addSize(*form, tr("Head width"), tr("Of all layers with attention"), &StackDims::headDim);
    addSize(*form, tr("Window"), tr("Of all layers with a window"), &StackDims::window);
    addSize(*form, tr("State heads"), tr("Of all recurrent layers; channels for Mamba and RG-LRU"), &StackDims::stateHeads);
    addSize(*form, tr("State keys"), tr("Of all recurrent layers: Mamba's N"), &StackDims::keyDim);
    addSize(*form, tr("State values"), tr("Of all recurrent layers: Mamba's P"), &StackDims::valueDim);
    addSize(*form, tr("Feed-forward"), tr("Width, of one expert where there are some"), &StackDims::ffnWidth);
    return box;
}

const Architecture* StackDesigner::current() const { return m_index < m_set.entries().size() ? &m_set.entries()[m_index].shown : nullptr; }

void StackDesigner::choose(std::size_t architecture, std::optional<Index> layer)
{
    m_index = architecture;
    m_layer = layer;
    follow();
    Q_EMIT layerChosen();
}

void StackDesigner::move(std::size_t architecture, Index from, Index to)
{
    m_index = architecture;
    m_layer = to;
    apply([from, to](const Architecture& a) { return moveLayer(a, from, to); });
    Q_EMIT layerChosen();
}

void StackDesigner::follow()
{
    const auto& entries = m_set.entries();
    m_index = std::min(m_index, entries.empty() ? std::size_t{0} : entries.size() - 1);
    {
        const QSignalBlocker quiet(m_which);
        m_which->clear();
        for (const auto& entry : entries)
            m_which->addItem(QString::fromStdString(entry.shown.name));
        m_which->setCurrentIndex(entries.empty() ? -1 : static_cast<int>(m_index));
    }
    widget()->setEnabled(!entries.empty());
    const auto* a = current();
    if (!a)
        return;
    if (m_layer && *m_layer >= static_cast<Index>(a->layers.size()))
        m_layer.reset();
    followLayer(*a);
    followSizes(*a);
}

void StackDesigner::followLayer(const Architecture& a)
{
    m_layerBox->setVisible(m_layer.has_value());
    m_layerTitle->setText(m_layer ? tr("Layer %1 of %2").arg(*m_layer).arg(a.layers.size())
                                  : tr("Click a layer to change it; drag it to move it."));
    if (!m_layer)
        return;
    const auto& layer = a.layers[static_cast<std::size_t>(*m_layer)];
    select(*m_mixer, mixerTitle(layer), QString::fromStdString(designName(layer)));
    select(*m_ffn, {}, static_cast<int>(layer.ffn.kind));
}

void StackDesigner::followSizes(const Architecture& a)
{
    const StackDims dims = dimsOf(a);
    for (const auto& [box, size] : m_sizes) {
        const QSignalBlocker quiet(*box);
        box->setValue(static_cast<int>(std::min<Index>(dims.*size, kMostWidth)));
    }
}

void StackDesigner::apply(const Change& change)
{
    const auto* before = current();
    if (!before)
        return;
    auto after = change(*before);
    Q_EMIT refused(after ? QString() : QString::fromStdString(after.error().what + " " + after.error().hint));
    if (after)
        m_set.edit(m_index, [&](Architecture& shown) { shown = std::move(after).value(); });
}

void StackDesigner::applyPattern()
{
    apply([this](const Architecture& a) {
        return setPattern(a, {m_period->value(), m_offset->value(), chosen(*m_attending), chosen(*m_other)});
    });
}

// Heads, key heads and head width together: after the one that doesn't divide comes the one that mends it.
void StackDesigner::applySizes(Index StackDims::*changed)
{
    const bool ofHeads = changed == &StackDims::heads || changed == &StackDims::kvHeads || changed == &StackDims::headDim;
    apply([&](const Architecture& a) {
        StackDims dims;
        for (const auto& [box, size] : m_sizes)
            if (size == changed || (ofHeads && (size == &StackDims::heads || size == &StackDims::kvHeads || size == &StackDims::headDim)))
                dims.*size = box->value();
        return setDims(a, dims);
    });
}

} // namespace attnscope
