// SPDX-License-Identifier: GPL-3.0-or-later
// A session's board as files, without a window: figures as PNG, SVG and PDF, maps and metrics as CSV.
#pragma once

#include "core/backend.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace attnscope {

/// Paths of what was written below `folder` (made where it is missing). The same numbers and pictures as in the window.
Result<QStringList> renderSession(const QString& sessionFile, const QString& folder,
                                  std::vector<const Backend*> backends = {&cpuBackend()});

} // namespace attnscope
