// SPDX-License-Identifier: GPL-3.0-or-later
// The input: a text to edit and send through the model, or what a tensor file holds and how it is read.
#pragma once

#include "core/inputs/document.h"
#include "core/session/session.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QPlainTextEdit;
class QPushButton;

namespace attnscope {

class InputPanel : public QWidget {
    Q_OBJECT

public:
    explicit InputPanel(QWidget* parent = nullptr);

    void setDocument(const InputChoice& input, const DocumentInfo& info, const QString& text);

Q_SIGNALS:
    void textSubmitted(const QString& text);
    void sampleChosen(const QString& path);
    void layoutChosen(const QString& layout); ///< "HND", ...; empty: guess
    void modelRequested();

private:
    void fillSamples();

    QComboBox* m_samples;
    QPlainTextEdit* m_text;
    QPushButton* m_submit;
    QLabel* m_detail;
    QComboBox* m_layout;
    QLabel* m_layoutLabel;
};

} // namespace attnscope
