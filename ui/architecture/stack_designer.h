// SPDX-License-Identifier: GPL-3.0-or-later
// The designer beside the curves: one architecture's chosen layer, its pattern and its sizes, changed as they are typed.
#pragma once

#include "core/stack/stack_design.h"
#include "ui/architecture/architecture_set.h"

#include <QScrollArea>

#include <optional>

class QComboBox;
class QFormLayout;
class QLabel;
class QSpinBox;

namespace attnscope {

class StackDesigner : public QScrollArea {
    Q_OBJECT

public:
    explicit StackDesigner(ArchitectureSet& set, QWidget* parent = nullptr);

    std::size_t architecture() const { return m_index; }
    std::optional<Index> layer() const { return m_layer; }
    void choose(std::size_t architecture, std::optional<Index> layer);
    /// Moves the layer and keeps it chosen.
    void move(std::size_t architecture, Index from, Index to);

Q_SIGNALS:
    void layerChosen(); ///< or another architecture
    void refused(const QString& message);

private:
    using Change = std::function<Result<Architecture>(const Architecture&)>;

    QWidget* makeLayerBox();
    QWidget* makePatternBox();
    QWidget* makeSizeBox();
    QSpinBox* addSize(QFormLayout& form, const QString& label, const QString& tip, Index StackDims::*size = nullptr);
    const Architecture* current() const;
    void follow();
    void followLayer(const Architecture& architecture);
    void followSizes(const Architecture& architecture);
    void apply(const Change& change);
    void applyPattern();
    void applySizes(Index StackDims::*changed);

    struct SizeBox {
        QSpinBox* box;
        Index StackDims::*size;
    };

    ArchitectureSet& m_set;
    std::size_t m_index = 0;
    std::optional<Index> m_layer;

    QComboBox* m_which;
    QWidget* m_layerBox = nullptr;
    QLabel* m_layerTitle = nullptr;
    QComboBox* m_mixer = nullptr;
    QComboBox* m_ffn = nullptr;
    QSpinBox* m_period = nullptr;
    QSpinBox* m_offset = nullptr;
    QComboBox* m_attending = nullptr;
    QComboBox* m_other = nullptr;
    std::vector<SizeBox> m_sizes;
};

} // namespace attnscope
