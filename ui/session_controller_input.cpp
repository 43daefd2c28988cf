// SPDX-License-Identifier: GPL-3.0-or-later
// The controller's first jobs: open the input that the session names, check that it is the one it was, load the chosen layer.
#include "ui/session_controller.h"

#include "core/io/content_hash.h"
#include "core/session/open_session_input.h"
#include "core/session/time_estimate.h"

#include <QTimer>

#include <algorithm>
#include <utility>

namespace attnscope {

namespace {

constexpr int kMessageDelayMs = 300;
constexpr double kHoldFlops = 1e11; // a layer that takes longer than a blink: the maps of another one must not stand under its name

struct OpenedInput {
    std::shared_ptr<const Document> document;
    QString text; ///< empty for tensors
};

Result<OpenedInput> openWithText(const InputChoice& input, const RunContext& context)
{
    auto document = openSessionInput(input, context);
    if (!document)
        return document.error();
    return OpenedInput{*document, QString::fromStdString((*document)->info().text)};
}

/// A head's q, k, v, or how long they would take.
struct LoadedLayer {
    std::shared_ptr<const LayerInputs> layer;
    std::optional<Error> tooLong;
};

Result<LoadedLayer> loadLayer(const Document& document, Index layer, HeadRef head, bool evenIfLong, const RunContext& context)
{
    if (!evenIfLong)
        if (auto tooLong = longLayer(document, layer, head, context)) {
            tooLong->hint = "Ctrl+R starts it all the same. Lower layers take less time; a shorter part of the text takes far less.";
            return LoadedLayer{nullptr, std::move(tooLong)};
        }
    auto loaded = document.head(layer, head, context);
    if (!loaded)
        return loaded.error();
    return LoadedLayer{*std::move(loaded), std::nullopt};
}

} // namespace

void SessionController::startOpenInput()
{
    if (!m_board.document)
        Q_EMIT boardChanged(); // says that it is being opened
    start(
        "input", m_session.input.path.empty() ? "Reading the text through the model" : "Opening " + m_session.input.path, Lane::Interactive,
        [input = m_session.input](const RunContext& context) { return openWithText(input, context); },
        [this](Result<OpenedInput> opened) {
            if (!opened)
                return rejectInput(opened.error().code == Errc::Cancelled ? cancelledByHand() : opened.error());
            m_fallback.reset();
            m_shownInput = m_session.input;
            m_board = {};
            m_board.document = opened->document;
            m_inputText = opened->text;
            m_board.approximations.resize(m_session.approximations.size());
            clampToDocument();
            Q_EMIT documentChanged();
            Q_EMIT sessionChanged();
            startLoadLayer();
            startCheck();
            // Short inputs are there before a message could be read.
            QTimer::singleShot(kMessageDelayMs, this, [this] {
                if (!m_board.exact)
                    Q_EMIT boardChanged();
            });
        });
}

// What is still on the board stays as it was, and the methods that the refused session named go with it.
void SessionController::rejectInput(const Error& error)
{
    if (m_board.document && m_fallback) {
        Session refused = std::exchange(m_session, *std::exchange(m_fallback, std::nullopt));
        m_board.approximations.resize(m_session.approximations.size());
        refused.input = m_session.input;
        Q_EMIT sessionRestored();
        run(plan(&refused, m_session));
    } else if (!m_board.document) {
        m_board.failure = error;
    }
    Q_EMIT sessionChanged();
    Q_EMIT boardChanged();
    Q_EMIT inputRejected();
    fail(error);
}

// The panes needn't wait for it: a file of many gigabytes is seen at once, and told apart a little later.
void SessionController::startCheck()
{
    m_jobs->cancelSlot("check");
    if (m_session.input.path.empty() || m_session.input.hash.empty())
        return;
    m_jobs->replace(
        "check", "Checking that the input is as the session knew it", Lane::Background,
        [path = m_session.input.path](const RunContext& context) { return contentHash(path, context); },
        [this, input = m_session.input](const Result<std::string>& hash) {
            if (hash && *hash != input.hash && m_session.input == input)
                Q_EMIT inputChanged(QString::fromStdString(input.path));
        });
}

void SessionController::clampToDocument()
{
    const auto& info = m_board.document->info();
    m_session.layer = std::clamp<Index>(m_session.layer, 0, std::max<Index>(0, static_cast<Index>(info.layerNames.size()) - 1));
    m_session.head.head = std::clamp<Index>(m_session.head.head, 0, info.heads - 1);
    m_session.head.batch = std::clamp<Index>(m_session.head.batch, 0, info.batch - 1);
    for (auto* pin : {&m_session.view.pinnedQuery, &m_session.view.pinnedKey})
        if (*pin && **pin >= info.length)
            pin->reset();
    std::erase_if(m_session.view.morePins, [&](const auto& pin) {
        return std::min(pin.first, pin.second) < 0 || pin.first >= info.length || pin.second >= info.length;
    });
}

void SessionController::startLoadLayer(bool evenIfLong)
{
    if (!m_board.document)
        return;
    m_layerWaits = false;
    stop("exact");
    start(
        "layer", "Loading layer " + std::to_string(m_session.layer), Lane::Interactive,
        [document = m_board.document, layer = m_session.layer, head = m_session.head, evenIfLong](const RunContext& context) {
            return loadLayer(*document, layer, head, evenIfLong, context);
        },
        [this](const Result<LoadedLayer>& loaded) {
            if (!loaded && loaded.error().code != Errc::Cancelled)
                return fail(loaded.error());
            if (!loaded || loaded->tooLong) {
                holdLayer(loaded ? *loaded->tooLong : cancelledByHand());
                m_layerWaits = true;
                return;
            }
            m_board.layer = loaded->layer;
            startExact();
        });
    if (evenIfLong || m_board.document->costOf(m_session.layer, m_session.head).flops > kHoldFlops)
        holdLayer({Errc::Unsupported, layerCostText(*m_board.document, m_session.layer, m_session.head, {}), "Ctrl+. stops it."});
}

/// Another layer's maps would be taken for this one's while it is not there.
void SessionController::holdLayer(const Error& message)
{
    m_board.layer.reset();
    m_board.exact.reset();
    m_board.rows.reset();
    m_board.failure = message;
    for (auto& state : m_board.approximations)
        state = ApproximationState::failed(state.setting, {Errc::Unsupported, "The exact map comes first.", ""});
    m_board.references.clear();
    Q_EMIT boardChanged();
}

void SessionController::startAllLong()
{
    m_rests = false;
    if (m_layerWaits)
        return startLoadLayer(true);
    const bool cancelled = m_board.failure && m_board.failure->code == Errc::Cancelled;
    if (cancelled && !m_board.document)
        return reload();
    if (cancelled)
        return startExact();
    for (std::size_t i = 0; i < m_board.approximations.size(); ++i)
        startLong(i);
    for (std::size_t i = 0; i < m_board.references.size(); ++i)
        if (std::exchange(m_board.references[i].waits, false))
            startReference(i, m_board.references[i].setting);
    measureAgain(m_board.approximations, kMetricsSlot);
    measureAgain(m_board.references, kReferenceMetricsSlot);
    if (std::exchange(m_thumbnailsWait, false))
        startThumbnails();
    Q_EMIT metricsChanged();
    if (m_jobs->idle())
        Q_EMIT settled(); // what waits for that goes on
}

} // namespace attnscope
