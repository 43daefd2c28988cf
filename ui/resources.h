// SPDX-License-Identifier: GPL-3.0-or-later
// Where samples, models and sessions lie that come with the program.
#pragma once

#include <QString>

namespace attnscope {

/// A file or folder below resources/ (see core/base/resources.h); empty where it is missing.
QString resourcePath(const QString& name);

} // namespace attnscope
