// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer.h"

#include "core/model/tokenizer/label.h"
#include "core/model/tokenizer/pipeline.h"
#include "core/model/tokenizer/unicode.h"

#include <fstream>
#include <new>

namespace attnscope {

namespace {

constexpr std::uintmax_t largestFile = std::uintmax_t{256} << 20;
constexpr std::size_t largestText = std::size_t{1} << 30;

Result<std::string> readWhole(const std::filesystem::path& path)
{
    std::error_code error;
    const std::string name = path.string();
    if (!std::filesystem::is_regular_file(path, error))
        return Error{Errc::Io, "There is no tokenizer file at " + name + ".", "Choose a model folder that holds tokenizer.json."};
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error || size > largestFile)
        return Error{Errc::Parse, "The tokenizer file " + name + " is larger than 256 MiB.", "Check that it is a tokenizer.json."};
    std::ifstream file(path, std::ios::binary);
    std::string content(static_cast<std::size_t>(size), '\0');
    if (!file || (size > 0 && !file.read(content.data(), static_cast<std::streamsize>(size))))
        return Error{Errc::Io, "The tokenizer file " + name + " can't be read.", "Check its permissions."};
    return content;
}

Error noMemory()
{
    return {Errc::OutOfMemory, "There is not enough memory to tokenise the text.", "Use a shorter text, or close something."};
}

Error named(Error error, const std::filesystem::path& path)
{
    if (error.code == Errc::Parse)
        error.hint += " (" + path.string() + ")";
    return error;
}

} // namespace

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& tokenizerJson)
{
    auto content = readWhole(tokenizerJson);
    if (!content)
        return content.error();
    auto made = parse(*content);
    return made ? std::move(made) : Result<Tokenizer>(named(made.error(), tokenizerJson));
}

Result<Tokenizer> Tokenizer::parse(std::string_view json)
try {
    auto pipeline = tokenizer::Pipeline::read(json);
    if (!pipeline)
        return pipeline.error();
    return Tokenizer(std::move(*pipeline));
} catch (const std::bad_alloc&) {
    return noMemory();
}

Result<Encoding> Tokenizer::encode(std::string_view utf8, bool addSpecialTokens, const RunContext& context) const
try {
    if (utf8.size() > largestText)
        return Error{Errc::Unsupported, "The text is larger than 1 GiB.", "Use a part of it."};
    if (const auto bad = tokenizer::firstInvalidUtf8(utf8))
        return Error{Errc::Parse, "The text is not valid UTF-8: byte " + std::to_string(*bad) + " belongs to no character.",
                     "Save the text as UTF-8 and open it again."};
    auto placed = m_pipeline->encode(utf8, addSpecialTokens, context);
    if (!placed)
        return placed.error();
    Encoding encoding;
    encoding.ids.reserve(placed->size());
    encoding.tokens.reserve(placed->size());
    encoding.offsets.reserve(placed->size());
    for (const tokenizer::PlacedToken& one : *placed) {
        encoding.ids.push_back(one.id);
        encoding.tokens.push_back(token(one.id));
        encoding.offsets.emplace_back(one.first, one.last);
    }
    return encoding;
} catch (const std::bad_alloc&) {
    return noMemory();
}

std::string Tokenizer::label(Index id) const
{
    const std::string* spelled = m_pipeline->token(id);
    if (spelled == nullptr)
        return "#" + std::to_string(id);
    return tokenizer::readableLabel(*spelled, m_pipeline->byteLevel() && !m_pipeline->isAdded(id));
}

std::string Tokenizer::token(Index id) const
{
    const std::string* spelled = m_pipeline->token(id);
    return spelled == nullptr ? std::string() : *spelled;
}

std::optional<Index> Tokenizer::id(std::string_view token) const { return m_pipeline->id(token); }

Index Tokenizer::vocabularySize() const { return m_pipeline->limit(); }

} // namespace attnscope
