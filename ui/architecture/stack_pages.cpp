// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_pages.h"

#include "ui/architecture/stack_series.h"
#include "ui/architecture/stack_text.h"

#include <QObject>
#include <QStringList>

#include <algorithm>
#include <cmath>

namespace attnscope {

namespace {

QString escaped(const std::string& text) { return QString::fromStdString(text).toHtmlEscaped(); }

QString cell(const QString& text, const char* tag = "td")
{
    return QStringLiteral("<%1 style='padding:1px 9px'>%2</%1>").arg(QLatin1String(tag), text);
}

QString pointText(const PublishedPoint& point, const std::string& unit)
{
    QString text = QStringLiteral("%1 %2").arg(QString::number(point.value, 'g', 6), escaped(unit));
    if (point.n > 0.0)
        text = QObject::tr("%1 at %2").arg(text, tokensText(point.n));
    return point.conditions.empty() ? text : text + QStringLiteral(" (%1)").arg(escaped(point.conditions));
}

QString studyHtml(const PublishedStudy& study)
{
    QString html = QStringLiteral("<h4 style='margin-bottom:2px'>%1</h4><p style='margin-top:0'>%2; %3")
                       .arg(escaped(study.title), escaped(study.hardware), escaped(study.conditions));
    if (study.batch > 0.0)
        html += QObject::tr("; batch %1").arg(study.batch);
    html += QStringLiteral(".<br><b>%1</b> %2</p><table>").arg(QObject::tr("What differs besides the mixer:"), escaped(study.differs));
    for (const auto& series : study.series) {
        QStringList points;
        for (const auto& point : series.points)
            points += pointText(point, study.unit);
        html += QStringLiteral("<tr>%1%2</tr>").arg(cell(escaped(series.name)), cell(points.join(QStringLiteral(", "))));
    }
    html += QObject::tr("</table><p>Source: %1 (%2).").arg(escaped(study.source), escaped(study.certainty));
    if (!architecturesOf(study).empty())
        html += QStringLiteral(" <a href='study:%1'>%2</a>").arg(escaped(study.id), QObject::tr("Show beside what is predicted"));
    return html + QStringLiteral("</p>");
}

/// One item an architecture, and one each of what is said of all.
QString reasonsHtml(const std::vector<DecisionLine>& reasons)
{
    QString html;
    for (std::size_t i = 0; i < reasons.size(); ++i) {
        const std::string& name = reasons[i].architecture;
        html += name.empty() ? QStringLiteral("<li>") : QStringLiteral("<li><b>%1:</b> ").arg(escaped(name));
        html += escaped(reasons[i].sentence);
        while (!name.empty() && i + 1 < reasons.size() && reasons[i + 1].architecture == name)
            html += QLatin1Char(' ') + escaped(reasons[++i].sentence);
        html += QStringLiteral("</li>");
    }
    return html;
}

bool isPowerOfTwo(Index n) { return (n & (n - 1)) == 0; }

} // namespace

QString decisionPage(const StackAnswer& answer)
{
    QString html;
    for (const auto& decision : answer.decisions) {
        html += QStringLiteral("<h4 style='margin-bottom:2px'>%1</h4><p style='margin-top:0'><b>%2</b><br>%3</p><ul>")
                    .arg(escaped(decision.title), escaped(decision.sentence), escaped(decision.assumes));
        html += reasonsHtml(decision.reasons) + QStringLiteral("</ul>");
    }
    return html.isEmpty() ? QObject::tr("Add an architecture first.") : html;
}

std::vector<std::string> architecturesOf(const PublishedStudy& study)
{
    std::vector<std::string> names;
    for (const auto& series : study.series)
        if (!series.architecture.empty() && std::find(names.begin(), names.end(), series.architecture) == names.end())
            names.push_back(series.architecture);
    return names;
}

QString publishedPage(const std::vector<PublishedStudy>& studies)
{
    QString html =
        QObject::tr("<p>Measurements that others published. They are stars on the plots where the same is asked: the same batch, "
                    "hardware and scenario.</p>");
    for (const auto& study : studies)
        html += studyHtml(study);
    return html;
}

QString numbersPage(const StackAnswer& answer)
{
    QString html;
    for (std::size_t i = 0; i < answer.curves.size(); ++i) {
        html += QStringLiteral("<h4 style='margin-bottom:2px'>%1</h4><table><tr>").arg(escaped(answer.architectures[i].name));
        for (const QString& head : {QObject::tr("n"), QObject::tr("prefill"), QObject::tr("decoding, a step"), QObject::tr("KV cache"),
                                    QObject::tr("state"), QObject::tr("weights"), QObject::tr("label")})
            html += cell(head, "th");
        html += QStringLiteral("</tr>");
        for (const auto& p : answer.curves[i]) {
            if (!isPowerOfTwo(p.n))
                continue;
            html += QStringLiteral("<tr>") + cell(groupedText(static_cast<double>(p.n)));
            for (const QString& text : {timeText(p.prefillMs), timeText(p.decodeMs), bytesText(p.kvBytes), bytesText(p.stateBytes),
                                        bytesText(p.weightBytes), escaped(p.label)})
                html += cell(text);
            html += QStringLiteral("</tr>");
        }
        html += QStringLiteral("</table>");
    }
    if (!answer.crossovers.empty())
        html += QStringLiteral("<h4 style='margin-bottom:2px'>%1</h4>").arg(QObject::tr("Where they cross"));
    for (const QString& sentence : crossoverSentences(answer))
        html += QStringLiteral("<p style='margin:1px'>%1</p>").arg(sentence.toHtmlEscaped());
    return html;
}

} // namespace attnscope
