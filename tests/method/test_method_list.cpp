// SPDX-License-Identifier: GPL-3.0-or-later
// Lists of methods as text: read, written, refused.
#include "core/method/method_list.h"
#include "core/method/registry.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;

class TestMethodList : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneMethodWithoutParameters()
    {
        const auto choice = parseMethod(" softmax-reference ");
        QVERIFY(choice.ok());
        QCOMPARE(choice->method->info().id, std::string("softmax-reference"));
        QCOMPARE(formatMethod(*choice), std::string("softmax-reference"));
    }

    void everyMethodSurvivesARoundTrip()
    {
        for (const auto& method : allMethods()) {
            MethodChoice choice{method.get(), defaultParams(method->info().params, 7)};
            for (const auto& spec : method->info().params) {
                if (spec.kind == ParamKind::Number)
                    choice.params.numbers[spec.key] = spec.integer ? spec.max : (spec.initial + spec.max) / 3.0;
                else if (spec.kind == ParamKind::Choice)
                    choice.params.texts[spec.key] = spec.choices.back();
                else
                    choice.params.texts[spec.key] = "some file.npy";
            }
            const auto text = formatMethod(choice);
            const auto again = parseMethod(text, 7);
            QVERIFY2(again.ok(), text.c_str());
            QCOMPARE(again->params.numbers, choice.params.numbers);
            QCOMPARE(again->params.texts, choice.params.texts);
            QCOMPARE(again->params.seed, std::uint64_t{7});
        }
    }

    void listsKeepTheirOrder()
    {
        const auto list = parseMethodList(" softmax-reference ; softmax-reference: ;");
        QVERIFY(list.ok());
        QCOMPARE(list->size(), std::size_t{2});
        QCOMPARE(formatMethodList(*list), std::string("softmax-reference;softmax-reference"));
    }

    void badTextIsRefused_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("named");
        QTest::newRow("empty") << ""
                               << "empty";
        QTest::newRow("only separators") << ";;"
                                         << "empty";
        QTest::newRow("unknown method") << "softmaxx"
                                        << "softmaxx";
        QTest::newRow("unknown parameter") << "softmax-reference:bogus=3"
                                           << "bogus";
        QTest::newRow("no value") << "softmax-reference:bogus"
                                  << "bogus";
        QTest::newRow("no key") << "softmax-reference:=3"
                                << "=3";
    }
    void badTextIsRefused()
    {
        QFETCH(QString, text);
        QFETCH(QString, named);
        const auto list = parseMethodList(text.toStdString());
        QVERIFY(!list.ok());
        QCOMPARE(list.error().code, Errc::InvalidParam);
        QVERIFY2(QString::fromStdString(list.error().what).contains(named), list.error().what.c_str());
        QVERIFY(!list.error().hint.empty());
    }

    void valuesMayHoldEquals() { QCOMPARE(parseParam("projection = a=b")->second, std::string("a=b")); }
};

static const attnscope::tests::RegisterTest<TestMethodList> registered("test_method_list");

#include "test_method_list.moc"
