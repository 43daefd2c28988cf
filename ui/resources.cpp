// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/resources.h"

#include "core/base/resources.h"

namespace attnscope {

QString resourcePath(const QString& name)
{
    const auto found = findResource(name.toStdString());
    return found ? QString::fromStdString(found->string()) : QString();
}

} // namespace attnscope
