// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/layer_weights.h"

#include "core/io/file_error.h"

namespace attnscope {

namespace {

/// Binds layers of one configuration; problems stay in the binder.
class Binding {
public:
    Binding(const ModelConfig& config, WeightBinder& binder) : m_config(config), m_binder(binder) {}

    ModelWeights bind()
    {
        switch (m_config.family) {
        case ModelFamily::Gpt2:
            return gpt2();
        case ModelFamily::Bert:
            return bert();
        case ModelFamily::Llama:
            break;
        }
        return llama();
    }

private:
    Norm rmsNorm(const std::string& name, Index width)
    {
        return {m_binder.vector(name + ".weight", width), {}, m_config.normEpsilon, false};
    }

    Norm layerNorm(const std::string& name)
    {
        const bool old = m_binder.contains(name + ".gamma"); // BERT checkpoints converted from TensorFlow
        return {m_binder.vector(name + (old ? ".gamma" : ".weight"), m_config.hidden),
                m_binder.vector(name + (old ? ".beta" : ".bias"), m_config.hidden), m_config.normEpsilon, true};
    }

    Linear linear(const std::string& name, Index out, Index in, bool bias, bool transposed = false)
    {
        Linear made{m_binder.matrix(name + ".weight", out, in, transposed), {}};
        if (bias)
            made.bias = m_binder.vector(name + ".bias", out);
        return made;
    }

    static Linear rowsOf(const Linear& all, Index first, Index count)
    {
        const auto begin = all.bias.begin() + first;
        return {all.weight.slice(first, count), {begin, begin + count}};
    }

    template <class MakeLayer>
    void layers(ModelWeights& made, MakeLayer makeLayer)
    {
        for (Index i = 0; i < m_config.layers && !m_binder.error(); ++i)
            made.layers.push_back(makeLayer(std::to_string(i)));
    }

    LayerWeights gpt2Layer(const std::string& name)
    {
        const Index hidden = m_config.hidden;
        LayerWeights layer;
        layer.attentionNorm = layerNorm(name + "ln_1");
        const Linear all = linear(name + "attn.c_attn", 3 * hidden, hidden, true, true);
        layer.o = linear(name + "attn.c_proj", hidden, hidden, true, true);
        layer.mlpNorm = layerNorm(name + "ln_2");
        layer.up = linear(name + "mlp.c_fc", m_config.intermediate, hidden, true, true);
        layer.down = linear(name + "mlp.c_proj", hidden, m_config.intermediate, true, true);
        if (m_binder.error())
            return layer;
        layer.q = rowsOf(all, 0, hidden);
        layer.k = rowsOf(all, hidden, hidden);
        layer.v = rowsOf(all, 2 * hidden, hidden);
        return layer;
    }

    ModelWeights gpt2()
    {
        ModelWeights made;
        m_binder.setPrefix(m_binder.contains("transformer.wte.weight") ? "transformer." : "");
        made.tokens = m_binder.matrix("wte.weight", m_config.vocabulary, m_config.hidden);
        made.positions = m_binder.matrix("wpe.weight", m_config.maxPositions, m_config.hidden);
        layers(made, [&](const std::string& i) { return gpt2Layer("h." + i + "."); });
        made.finalNorm = layerNorm("ln_f");
        bindLogits(made);
        return made;
    }

    LayerWeights llamaLayer(const std::string& name)
    {
        const ModelConfig& c = m_config;
        LayerWeights layer;
        layer.attentionNorm = rmsNorm(name + "input_layernorm", c.hidden);
        layer.q = linear(name + "self_attn.q_proj", c.heads * c.headDim, c.hidden, c.queryBias);
        layer.k = linear(name + "self_attn.k_proj", c.kvHeads * c.headDim, c.hidden, c.queryBias);
        layer.v = linear(name + "self_attn.v_proj", c.kvHeads * c.headDim, c.hidden, c.queryBias);
        layer.o = linear(name + "self_attn.o_proj", c.hidden, c.heads * c.headDim, c.outputBias);
        if (c.headNorm) {
            layer.qNorm = rmsNorm(name + "self_attn.q_norm", c.headDim);
            layer.kNorm = rmsNorm(name + "self_attn.k_norm", c.headDim);
        }
        layer.mlpNorm = rmsNorm(name + "post_attention_layernorm", c.hidden);
        layer.gate = linear(name + "mlp.gate_proj", c.intermediate, c.hidden, c.mlpBias);
        layer.up = linear(name + "mlp.up_proj", c.intermediate, c.hidden, c.mlpBias);
        layer.down = linear(name + "mlp.down_proj", c.hidden, c.intermediate, c.mlpBias);
        return layer;
    }

    ModelWeights llama()
    {
        ModelWeights made;
        m_binder.setPrefix(m_binder.contains("embed_tokens.weight") ? "" : "model.");
        made.tokens = m_binder.matrix("embed_tokens.weight", m_config.vocabulary, m_config.hidden);
        layers(made, [&](const std::string& i) { return llamaLayer("layers." + i + "."); });
        made.finalNorm = rmsNorm("norm", m_config.hidden);
        bindLogits(made);
        return made;
    }

    LayerWeights bertLayer(const std::string& name)
    {
        const Index hidden = m_config.hidden;
        LayerWeights layer;
        layer.q = linear(name + "attention.self.query", hidden, hidden, true);
        layer.k = linear(name + "attention.self.key", hidden, hidden, true);
        layer.v = linear(name + "attention.self.value", hidden, hidden, true);
        layer.o = linear(name + "attention.output.dense", hidden, hidden, true);
        layer.attentionNorm = layerNorm(name + "attention.output.LayerNorm");
        layer.up = linear(name + "intermediate.dense", m_config.intermediate, hidden, true);
        layer.down = linear(name + "output.dense", hidden, m_config.intermediate, true);
        layer.mlpNorm = layerNorm(name + "output.LayerNorm");
        return layer;
    }

    ModelWeights bert()
    {
        ModelWeights made;
        m_binder.setPrefix(m_binder.contains("bert.embeddings.word_embeddings.weight") ? "bert." : "");
        made.tokens = m_binder.matrix("embeddings.word_embeddings.weight", m_config.vocabulary, m_config.hidden);
        made.positions = m_binder.matrix("embeddings.position_embeddings.weight", m_config.maxPositions, m_config.hidden);
        made.tokenTypes = m_binder.matrix("embeddings.token_type_embeddings.weight", m_config.tokenTypes, m_config.hidden);
        made.embeddingNorm = layerNorm("embeddings.LayerNorm");
        layers(made, [&](const std::string& i) { return bertLayer("encoder.layer." + i + "."); });
        return made;
    }

    void bindLogits(ModelWeights& made)
    {
        m_binder.setPrefix("");
        if (m_config.tiedEmbeddings)
            made.logits = made.tokens;
        else if (m_binder.contains("lm_head.weight"))
            made.logits = m_binder.matrix("lm_head.weight", m_config.vocabulary, m_config.hidden);
    }

    const ModelConfig& m_config;
    WeightBinder& m_binder;
};

} // namespace

Result<ModelWeights> bindWeights(const ModelConfig& config, const std::filesystem::path& folder)
{
    auto files = WeightFiles::open(folder);
    if (!files)
        return files.error();
    WeightBinder binder(**files, quoted(folder));
    auto made = Binding(config, binder).bind();
    if (binder.error())
        return *binder.error();
    made.files = *files;
    return made;
}

} // namespace attnscope
