// SPDX-License-Identifier: GPL-3.0-or-later
// Weights of a model folder: read in blocks, sliced, transposed, and refused where they don't fit config.json.
#include "core/io/safetensors.h"
#include "core/model/transformer.h"
#include "core/model/weights.h"
#include "support/register_test.h"
#include "test_paths.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <nlohmann/json.hpp>

#include <fstream>
#include <numeric>

using namespace attnscope;
namespace fs = std::filesystem;

namespace {

/// A writable copy of a golden model folder.
class ModelCopy {
public:
    explicit ModelCopy(const char* model) : path(fs::path(m_root.path().toStdString()) / "model")
    {
        fs::copy(fs::path(ATTNSCOPE_SOURCE_DIR) / "tests/golden/model" / model, path);
    }

    void changeConfig(const char* patch) const
    {
        nlohmann::json json = nlohmann::json::parse(std::ifstream(path / "config.json"));
        json.merge_patch(nlohmann::json::parse(patch));
        std::ofstream(path / "config.json") << json;
    }

private:
    QTemporaryDir m_root;

public:
    fs::path path;
};

} // namespace

class TestWeights : public QObject {
    Q_OBJECT

    std::vector<float> m_values = std::vector<float>(15);
    RawTensor m_tensor;

private Q_SLOTS:
    void initTestCase()
    {
        std::iota(m_values.begin(), m_values.end(), 0.0F);
        m_tensor = {DType::F32, {3, 5}, reinterpret_cast<const std::byte*>(m_values.data()), 60};
    }

    void rowsAreBorrowedWhereTheyCanBe()
    {
        std::vector<float> buffer;
        const auto rows = WeightMatrix(m_tensor, false).read(1, 2, buffer);
        QCOMPARE(rows.data, m_values.data() + 5);
        QCOMPARE(rows(1, 4), 14.0F);
        QVERIFY(buffer.empty());
    }

    void transposedAndSliced()
    {
        const WeightMatrix matrix(m_tensor, true);
        QCOMPARE(matrix.rows(), Index{5});
        QCOMPARE(matrix.cols(), Index{3});
        std::vector<float> buffer;
        const auto rows = matrix.slice(1, 4).read(2, 2, buffer);
        QCOMPARE(rows.rows, Index{2});
        QCOMPARE(rows(0, 0), 3.0F);
        QCOMPARE(rows(1, 2), 14.0F);
        const auto plain = WeightMatrix(m_tensor, false).slice(1, 2).read(1, 1, buffer);
        QCOMPARE(plain(0, 3), 13.0F);
    }

    void unalignedValuesAreCopied()
    {
        std::vector<std::byte> bytes(61);
        std::memcpy(bytes.data() + 1, m_values.data(), 60);
        RawTensor shifted = m_tensor;
        shifted.data = bytes.data() + 1;
        std::vector<float> buffer;
        QCOMPARE(WeightMatrix(shifted, false).read(2, 1, buffer)(0, 4), 14.0F);
    }

    void namesTheTensorThatDoesNotFit()
    {
        const ModelCopy model("smollm2");
        model.changeConfig(R"({"intermediate_size": 48})");
        const auto loaded = Transformer::load(model.path);
        QVERIFY(!loaded.ok());
        QCOMPARE(loaded.error().code, Errc::InvalidShape);
        for (const char* part : {"layers.0.mlp.gate_proj.weight", "[40, 32]", "[48, 32]"})
            QVERIFY2(loaded.error().what.find(part) != std::string::npos, loaded.error().what.c_str());
    }

    void namesTheMissingTensor()
    {
        const ModelCopy model("gpt2");
        model.changeConfig(R"({"n_layer": 3})");
        const auto loaded = Transformer::load(model.path);
        QVERIFY(!loaded.ok());
        QVERIFY2(loaded.error().what.find("h.2.ln_1.weight") != std::string::npos, loaded.error().what.c_str());
    }

    void refusesMissingAndBrokenFiles()
    {
        const ModelCopy model("llama");
        fs::resize_file(model.path / "model-00002-of-00003.safetensors", 1000);
        QVERIFY(!Transformer::load(model.path).ok());
        fs::remove(model.path / "model-00002-of-00003.safetensors");
        const auto missing = Transformer::load(model.path);
        QVERIFY(!missing.ok());
        QVERIFY2(missing.error().what.find("model-00002") != std::string::npos, missing.error().what.c_str());
        fs::remove(model.path / "model.safetensors.index.json");
        const auto none = Transformer::load(model.path);
        QVERIFY(!none.ok());
        QCOMPARE(none.error().code, Errc::Io);
    }

    void headlessFolderHasNoLogits()
    {
        const ModelCopy model("smollm2");
        model.changeConfig(R"({"tie_word_embeddings": false})");
        const auto loaded = Transformer::load(model.path);
        QVERIFY(loaded.ok());
        const auto refused = loaded->forward(std::vector<std::int32_t>{1, 2}, {{}, false, true}, {});
        QVERIFY(!refused.ok());
        QCOMPARE(refused.error().code, Errc::Unsupported);
        QVERIFY(loaded->forward(std::vector<std::int32_t>{1, 2}, {}, {}).ok());
    }
};

static const attnscope::tests::RegisterTest<TestWeights> registered("test_weights");

#include "test_weights.moc"
