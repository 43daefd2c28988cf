// SPDX-License-Identifier: GPL-3.0-or-later
// .npz files: zip archives of .npy arrays, stored or deflated.
#pragma once

#include "core/io/npy_header.h"

namespace attnscope {

/// Lists the arrays by reading their headers. An entry whose header, declared size and content disagree, or that would inflate
/// beyond all proportion (a zip bomb), is refused; no more is ever inflated than the header promises.
Result<std::shared_ptr<const ArrayFile>> openNpz(const std::filesystem::path& path, const NpyReading& reading = {});

} // namespace attnscope
