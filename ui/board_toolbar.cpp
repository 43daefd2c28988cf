// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/board_toolbar.h"

#include "core/color/color_map.h"
#include "ui/actions.h"

#include <QAction>
#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>

namespace attnscope {

namespace {

template <class Enum>
Enum chosen(const QComboBox& box)
{
    return static_cast<Enum>(box.currentData().toInt());
}

template <class Enum>
void addItem(QComboBox& box, const QString& text, Enum value)
{
    box.addItem(text, static_cast<int>(value));
}

template <class Enum>
void select(QComboBox& box, Enum value)
{
    const QSignalBlocker quiet(box);
    box.setCurrentIndex(box.findData(static_cast<int>(value)));
}

} // namespace

QComboBox* BoardToolbar::addChoice(const QString& label, const QString& tip)
{
    addWidget(new QLabel(QStringLiteral("  ") + label + QLatin1Char(' '), this));
    auto* box = new QComboBox(this);
    box->setToolTip(tip);
    box->setSizeAdjustPolicy(QComboBox::AdjustToContents);
    box->setFocusPolicy(Qt::ClickFocus);
    addWidget(box);
    return box;
}

BoardToolbar::BoardToolbar(const Actions& actions, QWidget* parent)
    : QToolBar(tr("Board"), parent), m_head(new QSpinBox(this)), m_batch(new QSpinBox(this)), m_causal(new QCheckBox(tr("causal"), this))
{
    setObjectName(QStringLiteral("boardToolbar"));
    setMovable(false);
    addAction(actions[Command::Open]);
    m_layer = addChoice(tr("Layer"), tr("Layer of the model or of the file (up and down keys)"));
    addWidget(new QLabel(tr("  Head "), this));
    addWidget(m_head);
    m_batchAction = addWidget(m_batch);
    m_batchAction->setVisible(false);
    m_batch->setPrefix(tr("batch "));
    m_head->setToolTip(tr("Attention head (left and right keys)"));
    m_head->setFocusPolicy(Qt::ClickFocus);
    addSeparator();
    addWidget(m_causal);
    m_causal->setToolTip(actions[Command::ToggleCausal]->toolTip());
    m_causal->setFocusPolicy(Qt::ClickFocus);
    m_pool = addChoice(tr("Pool"), tr("How many cells become one pixel: the largest keeps single spikes visible, the mean shows mass"));
    addItem(*m_pool, tr("max"), Pool::Max);
    addItem(*m_pool, tr("mean"), Pool::Mean);
    addItem(*m_pool, tr("min"), Pool::Min);
    m_scale = addChoice(tr("Scale"), tr("How a weight becomes a colour; errors are always centred on zero"));
    addItem(*m_scale, tr("log"), Normalisation::Log);
    addItem(*m_scale, tr("linear"), Normalisation::Linear);
    addItem(*m_scale, tr("sqrt"), Normalisation::Sqrt);
    addItem(*m_scale, tr("symlog"), Normalisation::Symlog);
    addAction(actions[Command::ColorRange]);
    m_colors = addChoice(tr("Colours"), tr("Colour map of exact and approximation"));
    for (const auto& map : colorMaps())
        if (!map.diverging)
            m_colors->addItem(QString::fromUtf8(map.title.data(), static_cast<qsizetype>(map.title.size())),
                              QString::fromUtf8(map.name.data(), static_cast<qsizetype>(map.name.size())));
    m_metric = addChoice(tr("Error"), tr("What the error pane shows"));
    addItem(*m_metric, tr("signed"), DifferenceMetric::Error);
    addItem(*m_metric, tr("absolute"), DifferenceMetric::Abs);
    addItem(*m_metric, tr("squared"), DifferenceMetric::Squared);
    addItem(*m_metric, tr("relative"), DifferenceMetric::Relative);
    addSeparator();
    addCommands(actions);
    connectControls();
}

void BoardToolbar::addCommands(const Actions& actions)
{
    for (const auto& [command, text] :
         {std::pair(Command::ShowAll, tr("All")), std::pair(Command::ShowExact, tr("Exact")),
          std::pair(Command::ShowApproximation, tr("Approx.")), std::pair(Command::ShowDifference, tr("Difference")),
          std::pair(Command::CurtainVertical, tr("Curtain")), std::pair(Command::Blink, tr("Blink")),
          std::pair(Command::PanMode, tr("Pan")), std::pair(Command::BoxMode, tr("Box")),
          std::pair(Command::ExportFigure, tr("Export…"))}) {
        actions[command]->setIconText(text); // the menu's words are too long for one line
        addAction(actions[command]);
    }

    if (auto* more = findChild<QToolButton*>(QStringLiteral("qt_toolbar_ext_button"))) {
        more->setIcon({}); // the style's is black on dark windows too
        more->setText(QStringLiteral("»"));
    }
}

void BoardToolbar::connectControls()
{
    connect(m_layer, &QComboBox::activated, this, [this](int layer) { Q_EMIT edited([layer](Session& s) { s.layer = layer; }); });
    connect(m_head, &QSpinBox::valueChanged, this, [this](int head) { Q_EMIT edited([head](Session& s) { s.head.head = head; }); });
    connect(m_batch, &QSpinBox::valueChanged, this, [this](int batch) { Q_EMIT edited([batch](Session& s) { s.head.batch = batch; }); });
    connect(m_causal, &QCheckBox::clicked, this, [this](bool on) { Q_EMIT edited([on](Session& s) { s.causal = on; }); });
    connect(m_pool, &QComboBox::activated, this,
            [this] { Q_EMIT edited([pool = chosen<Pool>(*m_pool)](Session& s) { s.view.pool = pool; }); });
    connect(m_scale, &QComboBox::activated, this,
            [this] { Q_EMIT edited([scale = chosen<Normalisation>(*m_scale)](Session& s) { s.view.normalisation = scale; }); });
    connect(m_colors, &QComboBox::activated, this,
            [this] { Q_EMIT edited([name = m_colors->currentData().toString().toStdString()](Session& s) { s.view.colorMap = name; }); });
    connect(m_metric, &QComboBox::activated, this,
            [this] { Q_EMIT edited([metric = chosen<DifferenceMetric>(*m_metric)](Session& s) { s.view.metric = metric; }); });
}

void BoardToolbar::setSession(const Session& session, const DocumentInfo* info)
{
    const QSignalBlocker quietHead(m_head);
    const QSignalBlocker quietBatch(m_batch);
    if (info) {
        QStringList names;
        for (const auto& name : info->layerNames)
            names += QString::fromStdString(name);
        m_layer->clear();
        m_layer->addItems(names);
        m_head->setRange(0, static_cast<int>(info->heads) - 1);
        m_batch->setRange(0, static_cast<int>(info->batch) - 1);
        m_batchAction->setVisible(info->batch > 1);
    }
    m_layer->setCurrentIndex(static_cast<int>(session.layer));
    m_head->setValue(static_cast<int>(session.head.head));
    m_batch->setValue(static_cast<int>(session.head.batch));
    m_causal->setChecked(session.causal.value_or(info && info->causal));
    select(*m_pool, session.view.pool);
    select(*m_scale, session.view.normalisation);
    select(*m_metric, session.view.metric);
    m_colors->setCurrentIndex(m_colors->findData(QString::fromStdString(session.view.colorMap)));
}

} // namespace attnscope
