// SPDX-License-Identifier: GPL-3.0-or-later
// Computes one pane's tiles on workers, the newest wish first; what is no longer wished for is cancelled.
#pragma once

#include "core/scores/tile_pyramid.h"
#include "ui/executor.h"

#include <QObject>
#include <QString>

#include <memory>
#include <vector>

namespace attnscope {

class TileLoader : public QObject {
    Q_OBJECT

public:
    explicit TileLoader(Executor executor, QObject* parent = nullptr);
    ~TileLoader() override; ///< cancels, doesn't wait

    /// What is to be computed, the most urgent first; replaces the former wish.
    void request(std::shared_ptr<TilePyramid> pyramid, std::vector<TileKey> keys);
    void cancel() { request(nullptr, {}); }
    bool isIdle() const;           ///< nothing waits or runs
    std::size_t remaining() const; ///< wishes that wait or run

Q_SIGNALS:
    void tileReady();
    void idle();
    void failed(const QString& what);

private:
    struct State;
    static void work(const std::shared_ptr<State>& state);

    std::shared_ptr<State> m_state;
};

} // namespace attnscope
