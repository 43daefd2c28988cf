// SPDX-License-Identifier: GPL-3.0-or-later
// Every method has a float64 definition and equals it; a method that strays is caught.
#include "core/method/registry.h"
#include "core/metrics/verify.h"
#include "support/register_test.h"

#include <QTest>

#include <set>

using namespace attnscope;

namespace {

/// The CPU backend with one method's output spoilt by `error` in one place.
class SpoilingBackend final : public Backend {
public:
    SpoilingBackend(std::string method, float error, std::string notice = {})
        : m_method(std::move(method)), m_error(error), m_notice(std::move(notice))
    {
    }
    std::string id() const override { return "spoilt"; }
    std::string device() const override { return "none"; }
    Result<void> supports(const AttentionMethod& method, const Shape& shape, bool causal) const override
    {
        if (method.info().id != m_method)
            return Error{Errc::Unsupported, "not asked for", ""};
        return cpuBackend().supports(method, shape, causal);
    }
    Result<Tensor> run(const AttentionMethod& method, const Inputs& inputs, const Params& params, const RunContext& context) const override
    {
        auto out = method.run(inputs, params, context);
        if (!m_notice.empty())
            giveNotice(m_notice);
        if (out)
            out->values().back() += m_error;
        return out;
    }
    Result<RunTimes> time(const AttentionMethod&, const Inputs&, const Params&, int, double, const RunContext&) const override
    {
        return RunTimes{};
    }

private:
    std::string m_method;
    float m_error;
    std::string m_notice;
};

} // namespace

class TestVerify : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyMethodEqualsItsDefinition()
    {
        std::set<std::string> seen;
        const auto results = verifyMethods(cpuBackend(), 7, {}, [&](const VerifyResult& r) { seen.insert(r.method + " " + r.form); });
        QVERIFY(results.ok());
        QCOMPARE(seen.size(), results->size());
        for (const auto& r : *results) {
            QCOMPARE(r.backend, std::string("cpu"));
            const QByteArray line = QStringLiteral("%1 %2: %3 %4 (%5)")
                                        .arg(r.method.c_str(), r.form.c_str(), r.verdict.c_str(), r.note.c_str())
                                        .arg(r.residual)
                                        .toUtf8();
            if (r.verdict == "unsupported")
                QVERIFY2(!r.note.empty(), line.constData());
            else
                QVERIFY2(r.verdict == "pass" && std::isfinite(r.residual), line.constData());
            qInfo("%s", line.constData());
        }
        for (const auto& method : allMethods())
            QVERIFY(seen.count(method->info().id + " bidirectional") == 1 && seen.count(method->info().id + " causal") == 1);
    }

    void aWrongResultFails()
    {
        for (const float error : {0.0F, 3e-4F, std::nanf("")}) {
            const auto results = verifyMethods(SpoilingBackend("linear-elu", error), 7, {});
            QVERIFY(results.ok());
            int judged = 0;
            for (const auto& r : *results) {
                if (r.method != "linear-elu" || r.form.ends_with("map")) // its maps are the method's own
                    continue;
                ++judged;
                QCOMPARE(r.verdict, std::string(error == 0.0F ? "pass" : "fail"));
            }
            QCOMPARE(judged, 2);
        }
    }

    /// The right output, but from elsewhere: the backend says that it left the work to the CPU.
    void whatTheCpuComputedIsNotPassed()
    {
        const std::string notice = "It was computed on the CPU instead.";
        const auto results = verifyMethods(SpoilingBackend("linear-elu", 0.0F, notice), 7, {});
        QVERIFY(results.ok());
        int judged = 0;
        for (const auto& r : *results) {
            if (r.method != "linear-elu")
                continue;
            ++judged;
            QCOMPARE(r.verdict, std::string("fail"));
            QCOMPARE(r.note, notice);
        }
        QCOMPARE(judged, 2);
    }

    void stops()
    {
        std::stop_source stop;
        stop.request_stop();
        RunContext context;
        context.stop = stop.get_token();
        const auto results = verifyMethods(cpuBackend(), 7, context);
        QVERIFY(!results.ok());
        QCOMPARE(results.error().code, Errc::Cancelled);
    }
};

static const attnscope::tests::RegisterTest<TestVerify> registered("test_verify");

#include "test_verify.moc"
