// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/text_document.h"

#include "core/model/model_folder.h"
#include "core/model/text_layers.h"
#include "core/model/tokenizer.h"
#include "core/model/transformer.h"

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
    info.text = text;
    info.tokenBytes = encoding.offsets;
    for (Index i = 0; i < config.layers; ++i)
        info.layerNames.push_back("layer " + std::to_string(i));
    return info;
}

class TextDocument final : public Document {
public:
    TextDocument(Transformer model, std::vector<std::int32_t> ids, DocumentInfo info, std::uint64_t cacheBytes)
        : m_info(std::move(info)), m_layers(std::move(model), std::move(ids), cacheBytes)
    {
    }

    const DocumentInfo& info() const override { return m_info; }
    Result<void> open(const RunContext& context) const { return m_layers.open(context); }

    Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext& context) const override
    {
        return m_layers.layer(index, context);
    }

    Result<std::shared_ptr<const LayerInputs>> head(Index index, HeadRef head, const RunContext& context) const override
    {
        return m_layers.head(index, head.head, context);
    }

    Result<std::shared_ptr<const LayerInputs>> start(Index index, Index length, const RunContext& context) const override
    {
        return m_layers.start(index, length, context);
    }

    LayerCost costOf(Index index, HeadRef head) const override { return m_layers.costOf(index, head.head); }

private:
    DocumentInfo m_info;
    mutable TextLayers m_layers;
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
