// SPDX-License-Identifier: GPL-3.0-or-later
// The two ways in which the program runs: the window, and a session rendered to files.
#pragma once

#include "core/backend.h"

#include <QStringList>

#include <string>
#include <vector>

namespace attnscope {

/// Opens the window on `files` (the first one), or on the bundled session; returns the event loop's exit code.
int runExplorer(std::vector<const Backend*> backends, const std::string& cudaNote, const QStringList& files);

/// Renders a session's board, or architectures (a config.json, or saved ones), to `folder`: PNG, SVG, PDF, CSV. Needs no display. Returns
/// the process' exit code: 0, or as the command line's: 3 bad input, 4 unsupported or does not fit, 1 anything else, with one sentence and
/// a hint on stderr.
int exportSession(std::vector<const Backend*> backends, const QString& sessionFile, const QString& folder);

} // namespace attnscope
