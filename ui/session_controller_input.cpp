// SPDX-License-Identifier: GPL-3.0-or-later
// The controller's first jobs: open the input that the session names, check that it is the one it was, load the chosen layer.
#include "ui/session_controller.h"

#include "core/inputs/text_file.h"
#include "core/io/content_hash.h"
#include "core/session/open_session_input.h"

#include <QTimer>

#include <algorithm>
#include <utility>

namespace attnscope {

namespace {

constexpr int kMessageDelayMs = 300;

struct OpenedInput {
    std::shared_ptr<const Document> document;
    QString text; ///< empty for tensors
};

Result<OpenedInput> openWithText(const InputChoice& input, const RunContext& context)
{
    auto document = openSessionInput(input, context);
    if (!document)
        return document.error();
    OpenedInput opened{*document, {}};
    if (opened.document->info().model.empty())
        return opened;
    if (input.path.empty())
        opened.text = QString::fromStdString(input.text);
    else if (const auto text = readTextFile(input.path); text.ok())
        opened.text = QString::fromStdString(*text);
    return opened;
}

} // namespace

void SessionController::startOpenInput()
{
    if (!m_board.document)
        Q_EMIT boardChanged(); // says that it is being opened
    m_jobs->replace(
        "input", m_session.input.path.empty() ? "Reading the text through the model" : "Opening " + m_session.input.path, Lane::Interactive,
        [input = m_session.input](const RunContext& context) { return openWithText(input, context); },
        [this](Result<OpenedInput> opened) {
            if (!opened && opened.error().code == Errc::Cancelled)
                return; // another input took its place, or cancelAll() has said so
            if (!opened)
                return rejectInput(opened.error());
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

void SessionController::startLoadLayer()
{
    if (!m_board.document)
        return;
    m_jobs->cancelSlot("exact");
    m_jobs->replace(
        "layer", "Loading layer " + std::to_string(m_session.layer), Lane::Interactive,
        [document = m_board.document, layer = m_session.layer](const RunContext& context) { return document->layer(layer, context); },
        [this](Result<std::shared_ptr<const LayerInputs>> layer) {
            if (!layer)
                return fail(layer.error());
            m_board.layer = *layer;
            startExact();
        });
}

} // namespace attnscope
