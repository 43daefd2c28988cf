// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/inputs/memory_document.h"

#include "core/io/array_file.h"

namespace attnscope {

namespace {

class MemoryDocument : public Document {
public:
    MemoryDocument(DocumentInfo info, std::shared_ptr<const LayerInputs> layer) : m_info(std::move(info)), m_layer(std::move(layer)) {}

    const DocumentInfo& info() const override { return m_info; }

    Result<std::shared_ptr<const LayerInputs>> layer(Index index, const RunContext&) const override
    {
        if (index != 0)
            return Error{Errc::InvalidParam, "There is no layer " + std::to_string(index) + ".", "This input has one layer, number 0."};
        return m_layer;
    }

private:
    DocumentInfo m_info;
    std::shared_ptr<const LayerInputs> m_layer;
};

} // namespace

Result<std::shared_ptr<const Document>> makeDocument(std::shared_ptr<const LayerInputs> layer, std::string title,
                                                     std::vector<std::string> tokens)
{
    const Inputs inputs = inputsOf(layer);
    if (auto valid = validate(inputs); !valid)
        return valid.error();
    if (auto finite = checkFinite(inputs); !finite)
        return finite.error();
    DocumentInfo info;
    info.title = std::move(title);
    info.detail = "q " + shapeText(layer->q.shape()) + " as B, H, N, D";
    if (static_cast<Index>(tokens.size()) == layer->q.rows())
        info.tokens = std::move(tokens);
    info.layerNames = {"layer 0"};
    for (const auto& [name, tensor] : layer->arrays)
        info.arrays.push_back(name);
    info.batch = layer->q.batch();
    info.heads = layer->q.heads();
    info.kvHeads = layer->k.heads();
    info.length = layer->q.rows();
    info.causal = layer->causal;
    return std::shared_ptr<const Document>(std::make_shared<MemoryDocument>(std::move(info), std::move(layer)));
}

} // namespace attnscope
