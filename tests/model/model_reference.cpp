// SPDX-License-Identifier: GPL-3.0-or-later
#include "model/model_reference.h"

#include "core/io/safetensors.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace attnscope::tests {

namespace {

/// Collects the largest difference per kind of tensor; the kind is what comes before the dot.
class Worst {
public:
    explicit Worst(const ModelReference& reference) : m_reference(reference) {}

    template <class T>
    void compare(const std::string& name, const T* ours, std::size_t count)
    {
        if (!m_reference.contains(name))
            return;
        const auto& theirs = m_reference.tensor(name);
        double worst = theirs.size() == count ? 0.0 : std::numeric_limits<double>::infinity();
        double magnitude = 0.0;
        for (std::size_t i = 0; i < std::min(count, theirs.size()); ++i) {
            magnitude = std::max<double>(magnitude, std::abs(theirs[i]));
            const double difference = std::abs(static_cast<double>(ours[i]) - theirs[i]);
            worst = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(worst, difference);
        }
        auto& kind = byKind[name.substr(0, name.find('.'))];
        kind.absolute = std::max(kind.absolute, worst);
        kind.relative = std::max(kind.relative, magnitude > 0.0 ? worst / magnitude : worst);
    }

    void compare(const std::string& name, const Tensor& ours) { compare(name, ours.data(), ours.values().size()); }

    std::map<std::string, LargestDifference> byKind;

private:
    const ModelReference& m_reference;
};

} // namespace

Result<ModelReference> ModelReference::open(const std::filesystem::path& path)
{
    const auto file = SafetensorsFile::open(path);
    if (!file)
        return file.error();
    ModelReference made;
    for (const auto& array : (*file)->arrays()) {
        const auto raw = (*file)->raw(array.name);
        if (!raw)
            return raw.error();
        auto& values = made.m_tensors[array.name];
        values.resize(static_cast<std::size_t>(raw->size()));
        convertToFloat32(raw->dtype, raw->data, values.size(), values.data());
    }
    return made;
}

std::vector<std::int32_t> ModelReference::ids() const
{
    const auto& values = tensor("ids");
    return {values.begin(), values.end()};
}

std::vector<double> attentionOf(const LayerInputs& layer, Index head, Index window)
{
    const Index n = layer.q.rows();
    const auto q = layer.q.matrix({0, head});
    const auto k = layer.k.matrix({0, head / (layer.q.heads() / layer.k.heads())});
    std::vector<double> map(static_cast<std::size_t>(n * n), 0.0);
    for (Index i = 0; i < n; ++i) {
        double* row = map.data() + i * n;
        const Index first = window > 0 ? std::max<Index>(0, i - window + 1) : 0;
        const Index last = layer.causal ? i + 1 : n;
        double largest = -std::numeric_limits<double>::infinity();
        for (Index j = first; j < last; ++j) {
            for (Index c = 0; c < q.cols; ++c)
                row[j] += static_cast<double>(q(i, c)) * k(j, c) * layer.scale;
            largest = std::max(largest, row[j]);
        }
        double sum = 0.0;
        for (Index j = first; j < last; ++j)
            sum += row[j] = std::exp(row[j] - largest);
        for (Index j = first; j < last; ++j)
            row[j] /= sum;
    }
    return map;
}

Result<std::map<std::string, LargestDifference>> compareWithReference(const std::filesystem::path& folder, const ModelReference& reference)
{
    const auto model = Transformer::load(folder);
    if (!model)
        return model.error();
    const auto ids = reference.ids();
    const auto result = model->forward(ids, {{}, true, reference.contains("logits")}, {});
    if (!result)
        return result.error();
    Worst worst(reference);
    for (std::size_t i = 0; i < result->hidden.size(); ++i)
        worst.compare("hidden." + std::to_string(i), result->hidden[i]);
    worst.compare("last", result->last);
    if (reference.contains("logits"))
        worst.compare("logits", result->logits);
    for (std::size_t i = 0; i < result->layers.size(); ++i) {
        const auto& layer = *result->layers[i];
        std::string suffix(1, '.');
        suffix += std::to_string(i);
        worst.compare("q" + suffix, layer.q);
        worst.compare("k" + suffix, layer.k);
        worst.compare("v" + suffix, layer.v);
        worst.compare("scale" + suffix, &layer.scale, 1);
        std::vector<double> maps;
        for (Index head = 0; head < layer.q.heads(); ++head)
            std::ranges::copy(attentionOf(layer, head, model->config().windows[i]), std::back_inserter(maps));
        worst.compare("attention" + suffix, maps.data(), maps.size());
    }
    return worst.byKind;
}

} // namespace attnscope::tests
