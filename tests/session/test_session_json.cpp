// SPDX-License-Identifier: GPL-3.0-or-later
// Sessions survive a round trip; broken files name what is wrong.
#include "core/session/session.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestSessionJson : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void roundTrip()
    {
        Session session;
        session.input.path = "/data/runs/qkv.safetensors";
        session.input.q = "layers.3.q";
        session.layer = 3;
        session.head = {1, 2};
        session.causal = true;
        session.approximations = {{"performer", {{"features", "128"}, {"map", "trig"}}, 7}};
        session.compute = {"cuda:1", Dtype::BF16};
        session.view.pool = Pool::Mean;
        session.view.normalisation = Normalisation::Symlog;
        session.view.metric = DifferenceMetric::Relative;
        session.view.range = {1e-5, 0.25};
        session.view.lockRange = true;
        session.view.hideSink = true;
        session.view.pinnedQuery = 814;
        session.view.morePins = {{3, 2}, {90, 0}};
        session.board.mode = BoardMode::CurtainVertical;
        session.board.window = {3.25, 0.0, 128.1, 0.1};
        session.board.panes = {{1, false, MapWindow{1, 2, 3, 4}, std::nullopt}, {2, true, std::nullopt, std::array{-5, 40, 640, 480}}};
        session.layout = {LayoutKind::Measure, "AAEC"};
        session.text = {"river “bank”", true, true, 12};
        session.seen = {std::array{0.0, 0.5, 1e-30}, std::nullopt};
        session.sweep.methods = {"softmax", "window"};
        session.sweep.to = 65536;
        const auto json = sessionToJson(session, "/data/sessions");
        QVERIFY(json.find("../runs/qkv.safetensors") != std::string::npos);
        const auto back = sessionFromJson(json, "/data/sessions");
        QVERIFY(back.ok());
        QVERIFY(*back == session);
    }

    void olderVersionsOpenWithDefaults()
    {
        const auto session = sessionFromJson(R"({"attnscopeSession": 1, "layer": 2, "view": {"pool": "min"}})");
        QVERIFY(session.ok());
        QCOMPARE(session->layer, Index(2));
        QVERIFY(session->view.pool == Pool::Min);
        QVERIFY(session->board == BoardChoice());
        QVERIFY(!session->layout.kind);
        QVERIFY(session->compute == ComputeChoice());
    }

    void hashesSayNothingAboutWhatIsOpened()
    {
        InputChoice one;
        one.path = "/a.npy";
        InputChoice other = one;
        other.hash = "xxh3-1";
        QVERIFY(one.opensTheSame(other));
        other.path = "/b.npy";
        QVERIFY(!one.opensTheSame(other));
    }

    void brokenFilesNameTheKey_data()
    {
        QTest::addColumn<QString>("json");
        QTest::addColumn<QString>("named");
        QTest::newRow("no JSON") << "{"
                                 << "not an Attnscope session";
        QTest::newRow("other JSON") << "{\"a\": 1}"
                                    << "not an Attnscope session";
        QTest::newRow("number format") << R"({"attnscopeSession": 2, "compute": {"backend": "cuda:0", "dtype": "f8"}})"
                                       << "compute.dtype";
        QTest::newRow("device") << R"({"attnscopeSession": 2, "compute": {"backend": 0}})"
                                << "compute.backend";
        QTest::newRow("newer") << R"({"attnscopeSession": 99})"
                               << "newer";
        QTest::newRow("type") << R"({"attnscopeSession": 1, "layer": "x"})"
                              << "layer";
        QTest::newRow("negative") << R"({"attnscopeSession": 1, "layer": -1})"
                                  << "layer";
        QTest::newRow("enum") << R"({"attnscopeSession": 1, "view": {"pool": "median"}})"
                              << "view.pool";
        QTest::newRow("range reversed") << R"({"attnscopeSession": 1, "view": {"range": [0.5, 0.1]}})"
                                        << "view.range";
        QTest::newRow("range of one") << R"({"attnscopeSession": 1, "view": {"range": [0.5]}})"
                                      << "view.range";
        QTest::newRow("pin of one") << R"({"attnscopeSession": 1, "view": {"morePins": [[3]]}})"
                                    << "view.morePins";
        QTest::newRow("negative pin") << R"({"attnscopeSession": 1, "view": {"morePins": [[3, -1]]}})"
                                      << "view.morePins";
        QTest::newRow("section") << R"({"attnscopeSession": 2, "view": 3})"
                                 << "view";
        QTest::newRow("window of three") << R"({"attnscopeSession": 2, "board": {"window": [1, 2, 3]}})"
                                         << "board.window";
        QTest::newRow("empty window") << R"({"attnscopeSession": 2, "board": {"window": [1, 2, 0, 3]}})"
                                      << "board.window";
        QTest::newRow("mode") << R"({"attnscopeSession": 2, "board": {"mode": "sideways"}})"
                              << "board.mode";
        QTest::newRow("pane of words") << R"({"attnscopeSession": 2, "board": {"panes": [{"pane": "one"}]}})"
                                       << "board.panes.pane";
        QTest::newRow("pane far away") << R"({"attnscopeSession": 2, "board": {"panes": [{"pane": 1, "ownWindow": [1e99, 0, 1, 1]}]}})"
                                       << "board.panes.ownWindow";
        QTest::newRow("panes") << R"({"attnscopeSession": 2, "board": {"panes": 4}})"
                               << "board.panes";
        QTest::newRow("seen of two") << R"({"attnscopeSession": 2, "seen": [[1, 2]]})"
                                     << "seen";
        QTest::newRow("layout") << R"({"attnscopeSession": 2, "layout": {"kind": "dance"}})"
                                << "layout.kind";
        QTest::newRow("negative seed") << R"({"attnscopeSession": 2, "approximations": [{"id": "performer", "seed": -1}]})"
                                       << "approximations.seed";
        QTest::newRow("negative selection") << R"({"attnscopeSession": 2, "selected": -1})"
                                            << "selected";
        QTest::newRow("methods") << R"({"attnscopeSession": 1, "approximations": 3})"
                                 << "approximations";
        QTest::newRow("method without id") << R"({"attnscopeSession": 1, "approximations": [{}]})"
                                           << "approximations.id";
    }

    void brokenFilesNameTheKey()
    {
        QFETCH(QString, json);
        QFETCH(QString, named);
        const auto result = sessionFromJson(json.toStdString());
        QVERIFY(!result.ok());
        QVERIFY2(QString::fromStdString(result.error().what).contains(named), result.error().what.c_str());
        QVERIFY(!result.error().hint.empty());
    }
};

static const attnscope::tests::RegisterTest<TestSessionJson> registered("test_session_json");

#include "test_session_json.moc"
