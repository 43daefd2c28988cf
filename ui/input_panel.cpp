// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/input_panel.h"

#include "ui/resources.h"

#include <QComboBox>
#include <QDir>
#include <QFormLayout>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QShortcut>
#include <QVBoxLayout>

namespace attnscope {

InputPanel::InputPanel(QWidget* parent)
    : QWidget(parent),
      m_samples(new QComboBox(this)),
      m_text(new QPlainTextEdit(this)),
      m_submit(new QPushButton(tr("Show its attention"), this)),
      m_detail(new QLabel(this)),
      m_layout(new QComboBox(this)),
      m_layoutLabel(new QLabel(tr("Layout"), this))
{
    m_text->setPlaceholderText(tr("Type or paste a text, or drop a file anywhere on the window."));
    m_text->setTabChangesFocus(true);
    m_samples->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon); // a sample's name is long
    m_samples->setMinimumContentsLength(12);
    m_submit->setToolTip(tr("Send the text through the model (Ctrl+Enter)"));
    m_detail->setWordWrap(true);
    m_detail->setTextInteractionFlags(Qt::TextSelectableByMouse);
    for (const auto& [label, layout] : {std::pair{tr("guess"), ""},
                                        {tr("H, N, D"), "HND"},
                                        {tr("N, H, D"), "NHD"},
                                        {tr("B, H, N, D"), "BHND"},
                                        {tr("B, N, H, D"), "BNHD"}})
        m_layout->addItem(label, QString::fromLatin1(layout));
    m_layout->setToolTip(tr("How the axes of q, k and v are read: batch, heads, positions, width"));
    auto* model = new QPushButton(tr("Model…"), this);
    model->setToolTip(tr("Choose the Hugging Face folder of the model that texts go through"));
    fillSamples();

    auto* buttons = new QHBoxLayout;
    buttons->addWidget(m_submit, 1);
    buttons->addWidget(model);
    auto* layoutRow = new QHBoxLayout;
    layoutRow->addWidget(m_layoutLabel);
    layoutRow->addWidget(m_layout, 1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(6, 4, 6, 4);
    layout->addWidget(m_samples);
    layout->addWidget(m_text, 1);
    layout->addLayout(buttons);
    layout->addLayout(layoutRow);
    layout->addWidget(m_detail);

    const auto submit = [this] {
        if (!m_text->toPlainText().isEmpty())
            Q_EMIT textSubmitted(m_text->toPlainText());
    };
    connect(m_submit, &QPushButton::clicked, this, submit);
    connect(new QShortcut(QKeySequence(Qt::CTRL | Qt::Key_Return), m_text), &QShortcut::activated, this, submit);
    connect(model, &QPushButton::clicked, this, &InputPanel::modelRequested);
    connect(m_layout, &QComboBox::activated, this, [this] { Q_EMIT layoutChosen(m_layout->currentData().toString()); });
    connect(m_samples, &QComboBox::activated, this, [this] {
        if (const QString path = m_samples->currentData().toString(); !path.isEmpty())
            Q_EMIT sampleChosen(path);
    });
}

void InputPanel::fillSamples()
{
    m_samples->addItem(tr("Samples…"));
    const QDir folder(resourcePath(QStringLiteral("samples")));
    for (const auto& file :
         folder.entryInfoList({QStringLiteral("*.txt"), QStringLiteral("*.safetensors"), QStringLiteral("*.npz")}, QDir::Files, QDir::Name))
        m_samples->addItem(file.completeBaseName().replace(QLatin1Char('_'), QLatin1Char(' ')), file.absoluteFilePath());
}

void InputPanel::setDocument(const InputChoice& input, const DocumentInfo& info, const QString& text)
{
    const bool tensors = info.model.empty();
    m_text->setPlainText(text);
    m_text->setPlaceholderText(tensors ? tr("Tensors have no text. Type or paste one here to look at a model instead.")
                                       : m_text->placeholderText());
    m_layout->setVisible(tensors);
    m_layoutLabel->setVisible(tensors);
    m_layout->setCurrentIndex(std::max(0, m_layout->findData(QString::fromStdString(input.layout))));
    m_samples->setCurrentIndex(std::max(0, m_samples->findData(QString::fromStdString(input.path))));
    m_detail->setText(QString::fromStdString(info.title + "\n" + info.detail));
    m_detail->setToolTip(QString::fromStdString(info.origin));
}

} // namespace attnscope
