// SPDX-License-Identifier: GPL-3.0-or-later
// Every head once, equal to its exact map; long inputs cut; errors and cancel end the loop.
#include "core/method/registry.h"
#include "core/session/head_maps.h"
#include "support/random_document.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestHeadMaps : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void eachHeadOnceAndExact()
    {
        const auto document = tests::randomDocument(33);
        const auto layer = *document->layer(0, {});
        std::vector<int> heads;
        const auto made =
            forEachHeadMap(*document, 0, true, {}, [&](int, int head, std::shared_ptr<const ScoreSource> map) -> Result<void> {
                Inputs in = inputsOf(layer, {0, head});
                in.causal = true;
                const auto reference = findMethod("softmax-reference")->scores(in, {}, defaultParams({}), {});
                if (std::abs(*map->cell(20, 7) - *(*reference)->cell(20, 7)) < 1e-5F)
                    heads.push_back(head);
                return {};
            });
        QVERIFY(made.ok());
        QCOMPARE(*made, 4);
        QVERIFY((heads == std::vector<int>{0, 1, 2, 3}));
    }

    void longInputsAreCut()
    {
        const auto document = tests::randomDocument(kHeadMapLength + 100);
        Index rows = 0;
        QVERIFY(forEachHeadMap(*document, 0, false, {}, [&](int, int, std::shared_ptr<const ScoreSource> map) -> Result<void> {
                    rows = map->rows();
                    return {};
                }).ok());
        QCOMPARE(rows, kHeadMapLength);
    }

    void theFirstErrorEndsIt()
    {
        int calls = 0;
        const auto made = forEachHeadMap(*tests::randomDocument(9), 0, false, {},
                                         [&](int, int, const std::shared_ptr<const ScoreSource>&) -> Result<void> {
                                             ++calls;
                                             return cancelledError();
                                         });
        QVERIFY(!made.ok());
        QVERIFY(made.error().code == Errc::Cancelled);
        QCOMPARE(calls, 1);
    }
};

static const attnscope::tests::RegisterTest<TestHeadMaps> registered("test_head_maps");

#include "test_head_maps.moc"
