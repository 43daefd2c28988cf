// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/latency_panel.h"

#include "core/bench/machine.h"
#include "core/method/registry.h"
#include "ui/latency_plot.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>

namespace attnscope {

namespace {

constexpr Index kShortest = 64;
constexpr Index kLongest = 131072;
constexpr int kWideControls = 290;
constexpr int kNarrowReport = 150;
constexpr int kWideReport = 340;

QComboBox* lengthBox(QWidget* parent)
{
    auto* box = new QComboBox(parent);
    for (const Index n : doublingLengths(kShortest, kLongest))
        box->addItem(QString::number(n), QVariant::fromValue<qlonglong>(n));
    return box;
}

Index lengthOf(const QComboBox& box) { return box.currentData().toLongLong(); }

/// One after the other; the curves of later ones follow those of the first.
Result<std::vector<SweepSample>> runSweeps(const SweepSpec& spec, const std::vector<const Backend*>& backends, const RunContext& given,
                                           const std::function<void(const SweepSample&)>& onSample)
{
    std::vector<SweepSample> all;
    const auto count = static_cast<double>(backends.size());
    for (std::size_t b = 0; b < backends.size(); ++b) {
        RunContext context = given;
        context.progress = [&](double done) { given.report((static_cast<double>(b) + done) / count); };
        const auto samples = runSweep(spec, *backends[b], context, [&](SweepSample sample) {
            sample.index += b * spec.methods.size();
            all.push_back(sample);
            onSample(sample);
        });
        if (!samples)
            return samples.error();
    }
    return all;
}

void selectLength(QComboBox& box, Index n) { box.setCurrentIndex(std::max(0, box.findData(QVariant::fromValue<qlonglong>(n)))); }

} // namespace

LatencyPanel::LatencyPanel(JobQueue& jobs, std::vector<const Backend*> backends, QWidget* parent)
    : QWidget(parent),
      m_jobs(jobs),
      m_backends(std::move(backends)),
      m_methods(new QListWidget(this)),
      m_backend(new QComboBox(this)),
      m_from(lengthBox(this)),
      m_to(lengthBox(this)),
      m_dim(new QSpinBox(this)),
      m_heads(new QSpinBox(this)),
      m_causal(new QCheckBox(tr("causal"), this)),
      m_cap(new QDoubleSpinBox(this)),
      m_start(new QPushButton(tr("Measure"), this)),
      m_header(new QLabel(this)),
      m_report(new QLabel(this)),
      m_plot(new LatencyPlot(this))
{
    for (const auto* backend : m_backends)
        m_backend->addItem(QString::fromStdString(backend->id() + "  " + backend->device()));
    m_backend->setObjectName(QStringLiteral("device"));
    if (m_backends.size() > 1)
        m_backend->addItem(tr("all of them, on one plot"));
    m_backend->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon); // a card's name is long
    m_backend->setMinimumContentsLength(12);
    m_methods->setMinimumHeight(48);
    m_dim->setRange(1, 512);
    m_heads->setRange(1, 128);
    m_cap->setRange(0.1, 600.0);
    m_cap->setSuffix(tr(" s"));
    for (auto* label : {m_header, m_report}) {
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 4, 6, 4);
    layout->addWidget(makeControls(), 2);
    layout->addWidget(m_plot, 4);
    layout->addWidget(makeReport(), 2);
    m_report->setAlignment(Qt::AlignTop | Qt::AlignLeft);
    m_report->setText(tr("Measures every ticked method live on this machine.\nFitted exponents and crossovers appear here."));
    connect(m_start, &QPushButton::clicked, this, [this] { m_running ? cancel() : start(); });
    setChoice({});
}

// What was measured where, and what came out, in one column: the plot needs the height.
QWidget* LatencyPanel::makeReport()
{
    auto* text = new QWidget;
    auto* lines = new QVBoxLayout(text);
    lines->setContentsMargins(4, 0, 0, 0);
    lines->addWidget(m_header);
    lines->addWidget(m_report, 1);
    auto* area = new QScrollArea(this);
    area->setWidget(text);
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->setMinimumWidth(kNarrowReport);
    area->setMaximumWidth(kWideReport);
    return area;
}

QWidget* LatencyPanel::makeControls()
{
    for (const auto& method : allMethods()) {
        const auto& info = method->info();
        auto* item = new QListWidgetItem(QString::fromStdString(info.id), m_methods);
        item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsUserCheckable);
        item->setCheckState(Qt::Unchecked);
        item->setToolTip(QString::fromStdString(info.title + ": time " + info.timeGrowth + ", memory " + info.memoryGrowth));
    }
    auto* lengths = new QHBoxLayout;
    lengths->addWidget(m_from);
    lengths->addWidget(new QLabel(tr("to"), this));
    lengths->addWidget(m_to);
    auto* shape = new QHBoxLayout;
    shape->addWidget(m_heads);
    shape->addWidget(new QLabel(QStringLiteral("×"), this));
    shape->addWidget(m_dim);
    shape->addWidget(m_causal);
    auto* form = new QFormLayout;
    form->setContentsMargins(0, 0, 0, 0);
    form->addRow(tr("Lengths"), lengths);
    form->addRow(tr("Heads × width"), shape);
    if (m_backends.size() > 1)
        form->addRow(tr("Device"), m_backend);
    else
        m_backend->hide();
    form->addRow(tr("Time cap"), m_cap);
    auto* box = new QWidget(this);
    box->setMaximumWidth(kWideControls);
    auto* layout = new QVBoxLayout(box);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(m_methods, 1);
    layout->addLayout(form);
    layout->addWidget(m_start);
    return box;
}

void LatencyPanel::setChoice(const SweepChoice& choice)
{
    for (int row = 0; row < m_methods->count(); ++row) {
        auto* item = m_methods->item(row);
        const bool wanted = std::find(choice.methods.begin(), choice.methods.end(), item->text().toStdString()) != choice.methods.end();
        item->setCheckState(wanted ? Qt::Checked : Qt::Unchecked);
    }
    selectLength(*m_from, choice.from);
    selectLength(*m_to, choice.to);
    m_dim->setValue(static_cast<int>(choice.dim));
    m_heads->setValue(static_cast<int>(choice.heads));
    m_cap->setValue(choice.timeCapSeconds);
    m_header->setText(header());
}

SweepChoice LatencyPanel::choice() const
{
    SweepChoice choice;
    choice.methods.clear();
    for (int row = 0; row < m_methods->count(); ++row)
        if (m_methods->item(row)->checkState() == Qt::Checked)
            choice.methods.push_back(m_methods->item(row)->text().toStdString());
    choice.from = lengthOf(*m_from);
    choice.to = std::max(choice.from, lengthOf(*m_to));
    choice.dim = m_dim->value();
    choice.heads = m_heads->value();
    choice.timeCapSeconds = m_cap->value();
    return choice;
}

QString LatencyPanel::header() const
{
    const auto& machine = machineInfo();
    QStringList devices;
    for (const auto* backend : chosenBackends())
        devices += backend->id() == cpuBackend().id()
                       ? tr("%1 · %2 · %3 threads · f32")
                             .arg(QString::fromStdString(backend->device()), QString::fromStdString(machine.instructionSet))
                             .arg(machine.hardwareThreads)
                       : QStringLiteral("%1 · %2").arg(QString::fromStdString(backend->device()),
                                                       QString::fromUtf8(toString(backend->dtype()).data()));
    return tr("%1 · %2 heads × width %3 · %4 · median, bars from first to third quartile")
        .arg(devices.join(tr(" and ")))
        .arg(m_heads->value())
        .arg(m_dim->value())
        .arg(m_causal->isChecked() ? tr("causal") : tr("bidirectional"));
}

void LatencyPanel::setCompute(const ComputeChoice& compute)
{
    if (compute == m_compute)
        return;
    m_compute = compute;
    for (std::size_t i = 0; i < m_backends.size(); ++i)
        if (m_backends[i]->id() == compute.backend)
            m_backend->setCurrentIndex(static_cast<int>(i));
    if (!m_running && m_samples.empty())
        m_header->setText(header());
}

std::vector<const Backend*> LatencyPanel::chosenBackends() const
{
    std::vector<const Backend*> chosen = m_backends;
    if (const auto at = static_cast<std::size_t>(std::max(0, m_backend->currentIndex())); at < m_backends.size())
        chosen = {m_backends[at]};
    for (auto& backend : chosen)
        if (backend->id() != cpuBackend().id()) // whose other formats few methods have
            if (const auto inFormat = backend->in(m_compute.dtype))
                backend = *inFormat;
    return chosen;
}

QString LatencyPanel::report() const { return sweepReport(m_samples); }

Result<SweepSpec> LatencyPanel::spec() const
{
    const auto chosen = choice();
    SweepSpec spec;
    for (const auto& id : chosen.methods) {
        auto method = parseMethod(id);
        if (!method)
            return method.error();
        spec.methods.push_back(*std::move(method));
    }
    spec.lengths = doublingLengths(chosen.from, chosen.to);
    spec.dim = chosen.dim;
    spec.heads = chosen.heads;
    spec.causal = m_causal->isChecked();
    spec.timeCapSeconds = chosen.timeCapSeconds;
    return spec;
}

void LatencyPanel::start()
{
    const auto wanted = spec();
    if (!wanted)
        return m_report->setText(QString::fromStdString(wanted.error().what + " " + wanted.error().hint));
    if (wanted->methods.empty())
        return m_report->setText(tr("Tick at least one method to measure."));
    m_samples.clear();
    m_plot->setSamples(m_samples, wanted->timeCapSeconds);
    m_header->setText(header());
    m_report->setText(tr("Measuring…"));
    m_running = true;
    m_start->setText(tr("Cancel"));
    m_job = m_jobs.replace(
        "sweep", "Latency sweep", Lane::Background,
        [this, spec = *wanted, backends = chosenBackends()](const RunContext& context) {
            return runSweeps(spec, backends, context, [this](const SweepSample& sample) {
                QMetaObject::invokeMethod(
                    this, [this, sample] { addSample(sample); }, Qt::QueuedConnection);
            });
        },
        [this](const Result<std::vector<SweepSample>>& samples) { end(samples); });
}

void LatencyPanel::cancel() { m_jobs.cancel(m_job); }

void LatencyPanel::addSample(const SweepSample& sample)
{
    m_samples.push_back(sample);
    m_plot->setSamples(m_samples, m_cap->value());
    if (m_running)
        m_report->setText(tr("Measuring… last: %1 at n = %2").arg(QString::fromStdString(sample.method)).arg(sample.n) +
                          QStringLiteral("\n") + report());
}

void LatencyPanel::end(const Result<std::vector<SweepSample>>& samples)
{
    m_running = false;
    m_start->setText(tr("Measure"));
    QString text = report();
    if (!samples)
        text.prepend(QString::fromStdString(samples.error().what) + QStringLiteral("\n"));
    for (const auto& sample : m_samples)
        if (sample.status != SweepStatus::Ok)
            text += tr("\n%1 at n = %2: %3")
                        .arg(QString::fromStdString(sample.method))
                        .arg(sample.n)
                        .arg(QString::fromStdString(sample.message));
    m_report->setText(text.trimmed());
    Q_EMIT finished();
}

} // namespace attnscope
