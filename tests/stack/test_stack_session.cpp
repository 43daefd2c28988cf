// SPDX-License-Identifier: GPL-3.0-or-later
// Saved architectures: what is written comes back, and damaged files name the key.
#include "core/stack/stack_design.h"
#include "core/stack/stack_session.h"
#include "stack/architecture_data.h"
#include "support/register_test.h"

#include <QTest>

using namespace attnscope;
using attnscope::tests::architectureOf;

namespace {

Result<StackSession> readBack(const std::string& json) { return stackSessionFromJson(json, "\"saved.json\""); }

std::string replaced(std::string text, const std::string& from, const std::string& to)
{
    const auto at = text.find(from);
    return at == std::string::npos ? std::string() : text.replace(at, from.size(), to);
}

} // namespace

class TestStackSession : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void whatIsSavedComesBack()
    {
        StackSession session;
        for (const char* name : {"jamba-v0.1", "zamba2-1.2b", "kimi-linear-48b-a3b", "recurrentgemma-2b", "mamba3-1.5b-shape", "gpt2",
                                 "falcon-h1-0.5b-base", "minimax-text-01", "granite-4.0-h-small"}) {
            StackEntry entry{architectureOf(name), architectureOf(name), std::string("/models/") + name, name};
            session.entries.push_back(entry);
        }
        session.entries[0].shown = *moveLayer(session.entries[0].shown, 0, 3);
        session.choice.question.scenario = Scenario::Conversation;
        session.choice.question.batch = 12;
        session.choice.question.turns = 5;
        session.choice.question.turnTokens = 300;
        session.choice.card = "a100";
        session.choice.dtype = "f16";
        session.choice.longest = 1 << 20;
        const auto back = readBack(stackSessionToJson(session));
        QVERIFY2(back.ok(), back.ok() ? "" : back.error().what.c_str());
        QVERIFY(back->choice == session.choice);
        QCOMPARE(back->entries.size(), session.entries.size());
        for (std::size_t i = 0; i < session.entries.size(); ++i) {
            QVERIFY2(back->entries[i].file == session.entries[i].file, session.entries[i].bundled.c_str());
            QVERIFY(back->entries[i].shown == session.entries[i].shown);
            QCOMPARE(isChanged(back->entries[i]), i == 0);
        }
    }

    void damagedFilesNameTheKey()
    {
        const auto a = architectureOf("nemotron-h-8b");
        const std::string good = stackSessionToJson({{{a, a, {}, {}}}, {}});
        QVERIFY(readBack(good).ok());
        const auto says = [&](const std::string& from, const std::string& to, const std::string& key) {
            const std::string text = replaced(good, from, to);
            const auto read = readBack(text);
            return !text.empty() && !read.ok() && read.error().what.find(key) != std::string::npos;
        };
        QVERIFY(says("\"card\": \"h100\"", "\"card\": \"h9000\"", "card"));
        QVERIFY(says("\"scenario\": \"prompt\"", "\"scenario\": 7", "scenario"));
        QVERIFY(says("\"hidden_size\": 4096", "\"hidden_size\": -1", "hidden_size"));
        QVERIFY(says("\"kv_heads\": 8", "\"kv_heads\": 7", "kv_heads"));
        QVERIFY(says("\"layers\"", "\"lairs\"", "layers"));
        QVERIFY(says("\"stack\"", "\"stuck\"", "stack"));
        QVERIFY(says("\"file\"", "\"fail\"", "stack"));
        QVERIFY(!readBack("{}").ok() && !readBack("[1]").ok() && !readBack("{").ok());
        for (std::size_t cut = 0; cut + 3 < good.size(); cut += 97)
            QVERIFY(!readBack(good.substr(0, cut)).ok());
    }
};

static const attnscope::tests::RegisterTest<TestStackSession> registered("test_stack_session");

#include "test_stack_session.moc"
