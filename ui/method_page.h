// SPDX-License-Identifier: GPL-3.0-or-later
// The help page of a method as HTML, and the list of all pages; what they say is helpOf()'s.
#pragma once

#include <QString>

namespace attnscope {

class AttentionMethod;

/// Summary, sections and parameters; title and formula stand above it in the window.
QString methodPage(const AttentionMethod& method);

/// All methods under their families' headings, each a link "method:ID".
QString methodListPage();

} // namespace attnscope
