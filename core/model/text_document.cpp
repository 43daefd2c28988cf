// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/text_document.h"

#include "core/inputs/layer_cache.h"
#include "core/model/model_folder.h"
#include "core/model/tokenizer.h"
#include "core/model/transformer.h"

#include <chrono>
#include <mutex>
#include <thread>

namespace attnscope {

namespace {

constexpr std::size_t TitleBytes = 48;

/// The first words of a text on one line, cut between characters.
std::string firstWords(const std::string& text)
{
    std::string words;
    for (const char c : text) {
        const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
        const bool startsCharacter = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        if (words.size() >= TitleBytes && startsCharacter)
            return words + "…";
        if (!space)
            words += c;
        else if (!words.empty() && words.back() != ' ')
            words += ' ';
    }
    while (!words.empty() && words.back() == ' ')
        words.pop_back();
    return words;
}

std::string describe(const ModelConfig& config, Index length, const std::string& notice)
{
    std::string text = config.title + ", " + std::to_string(config.layers) + " layers x " + std::to_string(config.heads) + " heads";
    if (config.kvHeads != config.heads)
        text += " (" + std::to_string(config.kvHeads) + " KV heads)";
    text += ", " + std::to_string(length) + (length == 1 ? " token" : " tokens");
    return notice.empty() ? text : text + "; " + notice;
}

DocumentInfo describeDocument(const Transformer& model, const Tokenizer& tokenizer, const Encoding& encoding, const std::string& text,
                              const std::string& origin)
{
    const auto& config = model.config();
    DocumentInfo info;
    info.title = origin.empty() ? firstWords(text) : std::filesystem::path(origin).filename().string();
    info.origin = origin;
    info.length = static_cast<Index>(encoding.ids.size());
    info.detail = describe(config, info.length, model.notice(info.length));
    info.heads = config.heads;
    info.kvHeads = config.kvHeads;
    info.causal = config.causal;
    for (const auto id : encoding.ids)
        info.tokens.push_back(tokenizer.label(id));
    for (Index i = 0; i < config.layers; ++i)
        info.layerNames.push_back("layer " + std::to_string(i));
    return info;
}

class TextDocument final : public Document {
public:
    TextDocument(Transformer model, std::vector<std::int32_t> ids, DocumentInfo info, std::uint64_t cacheBytes)
        : m_model(std::move(model)), m_ids(std::move(ids)), m_info(std::move(info)), m_cache(cacheBytes)
    {
    }

    const DocumentInfo& info() const override { return m_info; }

    Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext& context) const override
    {
        if (index < 0 || index >= m_model.config().layers)
            return Error{Errc::InvalidParam, "There is no layer " + std::to_string(index) + " in this model.",
                         "Choose a layer from 0 to " + std::to_string(m_model.config().layers - 1) + "."};
        if (auto found = m_cache.find(index))
            return found;
        // One run at a time: a second one would double the memory, and may find its layer in the cache afterwards.
        std::unique_lock lock(m_running, std::defer_lock);
        while (!lock.try_lock()) { // not std::timed_mutex: ThreadSanitizer of GCC 12 misses locks by the steady clock
            if (context.cancelled())
                return cancelledError();
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        if (auto found = m_cache.find(index))
            return found;
        if (const auto run = capture({std::vector<Index>{index}}, context); !run)
            return run.error();
        return m_cache.find(index);
    }

    /// All layers at once where they fit, else the first one, so that a text that can't be run is refused when it is opened.
    Result<void> open(const RunContext& context) const
    {
        const std::lock_guard lock(m_running);
        const bool allFit = m_model.forwardBytes(m_info.length, {}) <= static_cast<double>(context.memoryBudget);
        return capture(allFit ? ForwardOptions{} : ForwardOptions{std::vector<Index>{0}}, context);
    }

private:
    Result<void> capture(const ForwardOptions& options, const RunContext& context) const
    {
        const auto result = m_model.forward(m_ids, options, context);
        if (!result)
            return result.error();
        for (std::size_t i = 0; i < result->layers.size(); ++i) {
            if (!result->layers[i])
                continue;
            if (context.cancelled())
                return cancelledError();
            if (!checkFinite(inputsOf(result->layers[i])))
                return Error{Errc::InvalidParam, "Layer " + std::to_string(i) + " of the model gives values that are not finite.",
                             "The weights are damaged or overflow; get the model's files again."};
            m_cache.insert(static_cast<Index>(i), result->layers[i]);
        }
        return {};
    }

    Transformer m_model;
    std::vector<std::int32_t> m_ids;
    DocumentInfo m_info;
    mutable LayerCache m_cache;
    mutable std::mutex m_running;
};

} // namespace

Result<std::shared_ptr<const Document>> openText(const std::string& text, const std::string& origin,
                                                 const std::filesystem::path& modelFolder, const RunContext& context)
{
    const auto folder = resolveModelFolder(modelFolder);
    if (!folder)
        return folder.error();
    auto model = Transformer::load(*folder);
    if (!model)
        return model.error();
    const auto tokenizer = Tokenizer::load(*folder / "tokenizer.json");
    if (!tokenizer)
        return tokenizer.error();
    if (text.empty())
        return Error{Errc::InvalidParam, "The text is empty.", "Enter or open a text with at least one character."};
    auto encoding = tokenizer->encode(text, true);
    if (!encoding)
        return encoding.error();
    auto info = describeDocument(*model, *tokenizer, *encoding, text, origin);
    info.model = folder->string();
    auto document =
        std::make_shared<const TextDocument>(*std::move(model), std::move(encoding->ids), std::move(info), context.memoryBudget);
    if (const auto opened = document->open(context); !opened)
        return opened.error();
    return std::shared_ptr<const Document>(std::move(document));
}

} // namespace attnscope
