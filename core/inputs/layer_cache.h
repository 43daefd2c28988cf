// SPDX-License-Identifier: GPL-3.0-or-later
// Layers of a document by number: shared while somebody uses them, and the latest kept up to a budget of bytes.
#pragma once

#include "core/inputs/document.h"

#include <list>
#include <map>
#include <mutex>

namespace attnscope {

/// Thread-safe.
class LayerCache {
public:
    explicit LayerCache(std::uint64_t budgetBytes = std::uint64_t{1} << 30) : m_budget(budgetBytes) {}

    std::shared_ptr<const LayerInputs> find(Index layer); ///< null where it isn't there
    void insert(Index layer, std::shared_ptr<const LayerInputs> inputs);

private:
    struct Kept {
        Index layer;
        std::shared_ptr<const LayerInputs> inputs;
    };

    std::mutex m_mutex;
    std::uint64_t m_budget;
    std::uint64_t m_bytes = 0;
    std::list<Kept> m_kept;                                    // the latest first
    std::map<Index, std::weak_ptr<const LayerInputs>> m_alive; // also those that only others keep
};

} // namespace attnscope
