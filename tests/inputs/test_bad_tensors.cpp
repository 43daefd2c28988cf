// SPDX-License-Identifier: GPL-3.0-or-later
// Tensor files that can't be attended to: one sentence each, and what to do.
#include "core/inputs/tensor_document.h"
#include "core/io/npy.h"
#include "support/files.h"
#include "support/register_test.h"

#include <limits>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

using Extents = std::vector<Index>;

/// Opens a file of q, k, v of these shapes, all ones but for `odd` at q[0].
Result<std::shared_ptr<const TensorDocument>> open(const Extents& q, const Extents& k, const Extents& v, float odd = 1.0F,
                                                   const std::map<std::string, std::string>& metadata = {},
                                                   const TensorOptions& options = {})
{
    static const TempFolder folder;
    const auto size = [](const Extents& shape) { return static_cast<std::size_t>(ArrayInfo{"", shape, DType::F32, ""}.size()); };
    std::vector<float> values(std::max({size(q), size(k), size(v), std::size_t{1}}), 1.0F);
    std::vector<float> queries(size(q), 1.0F);
    if (!queries.empty())
        queries.back() = odd;
    const auto path = folder.file("qkv.safetensors");
    const std::span<const float> all(values);
    const auto written = writeSafetensors(path, {{"q", q, queries}, {"k", k, all.first(size(k))}, {"v", v, all.first(size(v))}}, metadata);
    return written.ok() ? openTensors(path, options) : Result<std::shared_ptr<const TensorDocument>>(written.error());
}

} // namespace

class TestBadTensors : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void widthsThatDiffer() { QVERIFY(refused(open({5, 4}, {5, 3}, {5, 4}), Errc::InvalidShape, "q has width 4 but k has width 3")); }

    void valuesShorterThanKeys()
    {
        QVERIFY(refused(open({5, 4}, {5, 4}, {4, 4}), Errc::InvalidShape, "k has 5 rows but v has 4"));
        QVERIFY(refused(open({2, 5, 4}, {2, 5, 4}, {2, 4, 4}), Errc::InvalidShape, "k has 5 rows but v has 4"));
    }

    void headsThatDoNotDivide()
    {
        TensorOptions options;
        options.layout = Layout::HND;
        QVERIFY(refused(open({3, 5, 4}, {2, 5, 4}, {2, 5, 4}, 1.0F, {}, options), Errc::InvalidShape, "heads don't match"));
        QVERIFY(refused(open({1, 3, 5, 4}, {1, 2, 6, 4}, {1, 2, 6, 4}), Errc::InvalidShape, "heads don't match")); // in no reading
    }

    void nonFiniteValuesAreCountedAndLocated()
    {
        const auto nan = open({5, 4}, {5, 4}, {5, 4}, std::numeric_limits<float>::quiet_NaN());
        QVERIFY(refused(nan, Errc::InvalidParam, "q holds 1 value"));
        QVERIFY(nan.error().what.find("[0, 0, 4, 3]") != std::string::npos);
        QVERIFY(refused(open({5, 4}, {5, 4}, {5, 4}, std::numeric_limits<float>::infinity()), Errc::InvalidParam, "NaN or infinite"));
    }

    void noTokensAtAll()
    {
        QVERIFY(refused(open({0, 4}, {0, 4}, {0, 4}), Errc::InvalidShape, "nothing to attend to"));
        QVERIFY(refused(open({2, 0, 4}, {2, 0, 4}, {2, 0, 4}), Errc::InvalidShape, "nothing to attend to"));
        QVERIFY(refused(open({5, 0}, {5, 0}, {5, 4}), Errc::InvalidShape, "nothing to attend to"));
    }

    void oneTokenIsFine()
    {
        const auto document = open({1, 4}, {1, 4}, {1, 4});
        QVERIFY2(document.ok(), why(document));
        QCOMPARE((*document)->info().length, Index(1));
        QVERIFY(open({8, 1, 4}, {8, 1, 4}, {8, 1, 4}).ok());
    }

    void causalWithMoreQueriesThanKeys()
    {
        QVERIFY(refused(open({5, 4}, {3, 4}, {3, 4}, 1.0F, {{"causal", "true"}}), Errc::InvalidShape, "Causal attention"));
    }

    void metadataThatLie()
    {
        QVERIFY(refused(open({5, 4}, {5, 4}, {5, 4}, 1.0F, {{"causal", "maybe"}}), Errc::Parse, "causal = \"maybe\""));
        QVERIFY(refused(open({5, 4}, {5, 4}, {5, 4}, 1.0F, {{"scale", "nan"}}), Errc::Parse, "scale = \"nan\""));
        QVERIFY(refused(open({5, 4}, {5, 4}, {5, 4}, 1.0F, {{"tokens", "[1]"}}), Errc::Parse, "tokens"));
        const auto others = open({5, 4}, {5, 4}, {5, 4}, 1.0F, {{"tokens", "[\"a\"]"}});
        QVERIFY2(others.ok(), why(others));
        QVERIFY((*others)->info().tokens.empty());
        QVERIFY((*others)->info().detail.find("token labels don't fit") != std::string::npos);
    }

    void layersThatDiffer()
    {
        const TempFolder folder;
        const std::vector<float> values(20, 1.0F);
        std::vector<NamedArray> arrays;
        for (const Index n : {5, 4})
            for (const char* part : {"q", "k", "v"})
                arrays.push_back(
                    {"layers." + std::to_string(n) + "." + part, {n, 4}, std::span(values).first(static_cast<std::size_t>(n * 4))});
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), arrays).ok());
        QVERIFY(refused(openTensors(folder.file("a.safetensors")), Errc::InvalidShape, "layers differ"));
        arrays.pop_back();
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), arrays).ok());
        QVERIFY(refused(openTensors(folder.file("a.safetensors")), Errc::Parse, "no layers.4.v beside layers.4.q"));
    }

    void moreThanTheBudget()
    {
        RunContext context;
        context.memoryBudget = 100;
        QVERIFY(refused(openTensors(goldenIo("stored_hnd.npz"), {}, context), Errc::OutOfMemory, "doesn't fit into memory"));
    }

    void pickles()
    {
        QVERIFY(refused(openTensors(goldenIo("object.npy")), Errc::Unsupported, "Python pickle"));
        QVERIFY(refused(openTensors(goldenIo("pickled.npz")), Errc::Unsupported, "Python pickle"));
        QVERIFY(refused(openTensors(goldenIo("pickle.pt")), Errc::Unsupported, "Python pickle"));
    }

    void layoutThatDoesNotSuit()
    {
        TensorOptions options;
        options.layout = Layout::BNHD;
        QVERIFY(refused(open({2, 5, 4}, {2, 5, 4}, {2, 5, 4}, 1.0F, {}, options), Errc::InvalidShape, "BNHD"));
    }
};

static const attnscope::tests::RegisterTest<TestBadTensors> registered("test_bad_tensors");

#include "test_bad_tensors.moc"
