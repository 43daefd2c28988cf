// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/method_page.h"

#include "core/method/method_help.h"
#include "core/method/registry.h"

#include <QObject>

namespace attnscope {

namespace {

QString escaped(const std::string& text) { return QString::fromStdString(text).toHtmlEscaped(); }

} // namespace

QString methodPage(const AttentionMethod& method)
{
    const MethodHelp help = helpOf(method);
    QString page = QStringLiteral("<p>%1</p><table cellpadding='3'>").arg(escaped(help.summary));
    for (const auto& section : help.sections)
        page += QStringLiteral("<tr><td><b>%1</b></td><td>%2</td></tr>").arg(escaped(section.heading), escaped(section.text));
    page += QStringLiteral("</table>");
    if (!help.params.empty()) {
        page += QStringLiteral("<h4>%1</h4><table border='1' cellspacing='0' cellpadding='4' width='100%' "
                               "style='border-collapse:collapse'><tr><th align='left'>%2</th><th align='left'>%3</th>"
                               "<th align='left'>%4</th></tr>")
                    .arg(QObject::tr("Parameters"), QObject::tr("Key"), QObject::tr("Values"), QObject::tr("What it does"));
        for (const auto& param : help.params)
            page += QStringLiteral("<tr><td><b>%1</b></td><td>%2</td><td>%3</td></tr>")
                        .arg(escaped(param.key), escaped(param.range), escaped(param.help));
        page += QStringLiteral("</table>");
    }
    page += QStringLiteral("<p>%1 <code>%2</code> · <a href='methods:'>%3</a></p>")
                .arg(QObject::tr("Id on the command line and in sessions:"), escaped(method.info().id), QObject::tr("All methods"));
    return page;
}

QString methodListPage()
{
    QString page;
    std::string family;
    for (const auto& method : allMethods()) {
        const MethodInfo& info = method->info();
        if (info.family != family) {
            family = info.family;
            page += QStringLiteral("<h4>%1</h4>").arg(escaped(familyTitle(family)));
        }
        page += QStringLiteral("<p style='margin:2px 0'><a href='method:%1'>%2</a> – %3</p>")
                    .arg(escaped(info.id), escaped(info.title), escaped(info.summary));
    }
    return page;
}

} // namespace attnscope
