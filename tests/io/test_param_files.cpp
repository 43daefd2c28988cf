// SPDX-License-Identifier: GPL-3.0-or-later
// Arrays of File parameters, and the hash of files.
#include "core/io/content_hash.h"
#include "core/io/npy.h"
#include "core/io/param_files.h"
#include "support/files.h"
#include "support/register_test.h"

#include <limits>

using namespace attnscope;
using namespace attnscope::tests;

namespace {

const std::vector<ParamSpec>& specs()
{
    static const std::vector<ParamSpec> all{{.key = "e", .kind = ParamKind::File}, {.key = "rank", .min = 1, .max = 9}};
    return all;
}

Result<void> load(Params& params, const std::filesystem::path& path)
{
    params = defaultParams(specs());
    params.texts["e"] = path.string();
    return loadParamFiles(specs(), params);
}

} // namespace

class TestParamFiles : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void matricesBecomeTensors()
    {
        const TempFolder folder;
        const std::vector<float> values{1, 2, 3, 4, 5, 6};
        Params params;
        QVERIFY(writeNpy(folder.file("e.npy"), std::vector<Index>{2, 3}, values).ok());
        QVERIFY(load(params, folder.file("e.npy")).ok());
        QVERIFY((params.tensor("e")->shape() == std::array<Index, 4>{1, 1, 2, 3}));
        QCOMPARE(params.tensor("e")->matrix()(1, 0), 4.0F);
        QVERIFY(writeNpy(folder.file("e.npy"), std::vector<Index>{3, 2, 1}, values).ok());
        QVERIFY(load(params, folder.file("e.npy")).ok());
        QVERIFY((params.tensor("e")->shape() == std::array<Index, 4>{1, 3, 2, 1}));
    }

    void noFileIsNoTensor()
    {
        Params params;
        QVERIFY(load(params, "").ok());
        QVERIFY(params.tensor("e") == nullptr);
    }

    void ofSeveralArraysTheOneNamedLikeTheKeyIsTaken()
    {
        const TempFolder folder;
        const std::vector<float> one(4, 1.0F);
        const std::vector<float> two(4, 2.0F);
        Params params;
        QVERIFY(writeSafetensors(folder.file("a.safetensors"), {{"f", {2, 2}, one}, {"e", {2, 2}, two}}).ok());
        QVERIFY(load(params, folder.file("a.safetensors")).ok());
        QCOMPARE(params.tensor("e")->matrix()(0, 0), 2.0F);
        QVERIFY(writeSafetensors(folder.file("b.safetensors"), {{"f", {2, 2}, one}, {"g", {2, 2}, two}}).ok());
        QVERIFY(refused(load(params, folder.file("b.safetensors")), Errc::Parse, "none named \"e\""));
    }

    void unusableArraysAreRefused()
    {
        const TempFolder folder;
        Params params;
        QVERIFY(refused(load(params, folder.file("none.npy")), Errc::Io, "There is no file"));
        QVERIFY(refused(load(params, goldenIo("vector.npy")), Errc::InvalidShape, "[7]"));
        QVERIFY(refused(load(params, goldenIo("object.npy")), Errc::InvalidShape, "[2]"));
        QVERIFY(refused(load(params, goldenIo("int64.npy")), Errc::Unsupported, "int64"));
        const std::vector<float> bad(4, std::numeric_limits<float>::quiet_NaN());
        QVERIFY(writeNpy(folder.file("nan.npy"), std::vector<Index>{2, 2}, bad).ok());
        QVERIFY(refused(load(params, folder.file("nan.npy")), Errc::InvalidParam, "NaN"));
    }

    void hashesNameContent()
    {
        const TempFolder folder;
        // The known XXH3 (128 bits) of no bytes.
        QCOMPARE(*contentHash(folder.write("empty", "")), std::string("xxh3-99aa06d3014798d86001c324468d497f"));
        const auto a = contentHash(folder.write("a", "hello"));
        QCOMPARE(*a, *contentHash(folder.write("b", "hello")));
        QVERIFY(*a != *contentHash(folder.write("c", "hellp")));
        QVERIFY(refused(contentHash(folder.file("none")), Errc::Io, "There is no file"));
    }
};

static const attnscope::tests::RegisterTest<TestParamFiles> registered("test_param_files");

#include "test_param_files.moc"
