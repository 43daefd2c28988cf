// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/advice_panel.h"

#include "core/method/method_help.h"
#include "core/method/registry.h"

#include <QDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QTableWidget>
#include <QToolButton>

namespace attnscope {

namespace {

constexpr int kIdRole = Qt::UserRole;

QString number(double x) { return QString::number(x, 'g', 3); }

QString findingsText(const Advice& advice)
{
    QString text = QStringLiteral("<p><b>%1</b></p><ul>").arg(QString::fromStdString(advice.summary()).toHtmlEscaped());
    for (const auto& finding : advice.findings)
        text += QStringLiteral("<li>%1</li>").arg(QString::fromStdString(finding).toHtmlEscaped());
    return text + QObject::tr("</ul><p>Measured at default parameters on the first %1 tokens; uniform attention has an output error of %2. "
                              "Click a method to put it on the board (on a full board it takes the selected one's place).</p>")
                      .arg(advice.tokens)
                      .arg(number(advice.uniformOutputError));
}

QTableWidgetItem* cell(const QString& text, bool right)
{
    auto* item = new QTableWidgetItem(text);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable);
    if (right)
        item->setTextAlignment(Qt::AlignRight | Qt::AlignVCenter);
    return item;
}

} // namespace

AdvicePanel::AdvicePanel(QWidget* parent)
    : QWidget(parent),
      m_line(new QLabel(this)),
      m_more(new QToolButton(this)),
      m_details(new QDialog(this)),
      m_findings(new QLabel(m_details)),
      m_table(new QTableWidget(m_details))
{
    m_line->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_line->setTextFormat(Qt::PlainText);
    m_more->setText(tr("More…"));
    m_more->setToolTip(tr("What was found of this head, and the errors measured on it"));
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(6, 2, 6, 2);
    layout->addWidget(m_line, 1);
    layout->addWidget(m_more);
    makeDetails();
    connect(m_more, &QToolButton::clicked, this, &AdvicePanel::showDetails);
    setMessage({});
}

void AdvicePanel::makeDetails()
{
    m_details->setWindowTitle(tr("Which approximations suit this head"));
    m_details->resize(760, 560);
    m_findings->setWordWrap(true);
    m_findings->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_table->setColumnCount(6);
    m_table->setHorizontalHeaderLabels({tr("Method"), tr("Family"), tr("Output error"), tr("Map error"), tr("Row TV"), tr("Note")});
    m_table->verticalHeader()->hide();
    m_table->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->setSelectionBehavior(QAbstractItemView::SelectRows);
    m_table->setSelectionMode(QAbstractItemView::SingleSelection);
    m_table->setShowGrid(false);
    m_table->setAlternatingRowColors(true);
    auto* layout = new QVBoxLayout(m_details);
    layout->addWidget(m_findings);
    layout->addWidget(m_table, 1);
    const auto choose = [this](const QTableWidgetItem* item) {
        Q_EMIT methodChosen(m_table->item(item->row(), 0)->data(kIdRole).toString());
    };
    connect(m_table, &QTableWidget::itemClicked, this, choose);
}

void AdvicePanel::setAdvice(std::shared_ptr<const Advice> advice)
{
    setMessage(tr("Advice: %1").arg(QString::fromStdString(advice->summary())));
    m_advice = std::move(advice);
    m_findings->setText(findingsText(*m_advice));
    m_line->setToolTip(findingsText(*m_advice));
    m_more->setEnabled(true);
    fillTable();
}

void AdvicePanel::setMessage(const QString& text)
{
    m_text = text;
    m_advice.reset();
    m_more->setEnabled(false);
    m_line->setToolTip({});
    m_findings->setText(text);
    m_table->setRowCount(0);
    showLine();
}

void AdvicePanel::fillTable()
{
    m_table->setRowCount(static_cast<int>(m_advice->lines.size()));
    for (int row = 0; row < m_table->rowCount(); ++row) {
        const AdviceLine& line = m_advice->lines[static_cast<std::size_t>(row)];
        const auto* method = findMethod(line.method);
        auto* name = cell(QString::fromStdString(method ? method->info().title : line.method), false);
        name->setData(kIdRole, QString::fromStdString(line.method));
        m_table->setItem(row, 0, name);
        m_table->setItem(row, 1, cell(QString::fromStdString(familyTitle(line.family)), false));
        m_table->setItem(row, 2, cell(number(line.outputRelFrobenius), true));
        m_table->setItem(row, 3, cell(number(line.mapRelFrobenius), true));
        m_table->setItem(row, 4, cell(number(line.totalVariation), true));
        m_table->setItem(row, 5, cell(QString::fromStdString(line.label), false));
    }
}

void AdvicePanel::showDetails()
{
    m_details->show();
    m_details->raise();
}

void AdvicePanel::showLine() { m_line->setText(m_line->fontMetrics().elidedText(m_text, Qt::ElideRight, m_line->width())); }

void AdvicePanel::resizeEvent(QResizeEvent* event)
{
    QWidget::resizeEvent(event);
    layout()->activate(); // the line has its new width only then
    showLine();
}

} // namespace attnscope
