// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/machine_panel.h"

#include "core/bench/machine.h"

#include <QObject>
#include <QSysInfo>

namespace attnscope {

namespace {

QString row(const QString& name, const QString& value)
{
    return QStringLiteral("<tr><td style='padding-right:16px'><b>%1</b></td><td>%2</td></tr>")
        .arg(name.toHtmlEscaped(), value.toHtmlEscaped());
}

/// " (f32, tf32, f16, bf16)"
QString formats(const Backend& backend)
{
    QStringList names;
    for (std::size_t i = 0; i < kDtypeNames.size(); ++i)
        if (backend.in(static_cast<Dtype>(i)))
            names += QString::fromUtf8(kDtypeNames[i].data());
    return QStringLiteral(" (%1)").arg(names.join(QStringLiteral(", ")));
}

QString row(const QString& name, const std::string& value) { return row(name, QString::fromStdString(value)); }

} // namespace

QString machineText(const std::vector<const Backend*>& backends, const std::string& cudaNote)
{
    const auto& machine = machineInfo();
    QString rows =
        row(QObject::tr("Processor"), machine.processor) + row(QObject::tr("Instructions"), machine.instructionSet) +
        row(QObject::tr("Threads"), QString::number(machine.hardwareThreads)) +
        row(QObject::tr("Memory"), QObject::tr("%1 GiB").arg(static_cast<double>(machine.memoryBytes) / 1073741824.0, 0, 'f', 1)) +
        row(QObject::tr("System"), QSysInfo::prettyProductName() + QStringLiteral(", ") + QString::fromStdString(machine.system)) +
        row(QObject::tr("Built with"),
            QString::fromStdString(machine.compiler) + QStringLiteral(", Qt ") + QString::fromLatin1(qVersion()));
    for (const auto* backend : backends)
        rows += row(QString::fromStdString(backend->id()), QString::fromStdString(backend->device()) + formats(*backend));
    if (!cudaNote.empty())
        rows += row(QObject::tr("GPU"), cudaNote);
    return QStringLiteral("<table>%1</table><p>%2</p>")
        .arg(rows,
             QObject::tr(
                 "Attention is not explanation: a weight says where a head looks, not why the model answers. "
                 "Approximations are applied to the captured q, k, v of a model that was trained with softmax; nothing was retrained."));
}

} // namespace attnscope
