// SPDX-License-Identifier: GPL-3.0-or-later
// The list of methods, their help pages and their formulas.
#include "core/method/method_help.h"
#include "core/method/registry.h"
#include "support/register_test.h"
#include "ui/formula_view.h"
#include "ui/help_window.h"
#include "ui/method_page.h"
#include "ui/method_picker.h"
#include "ui/methods_panel.h"

#include <QLineEdit>
#include <QListWidget>
#include <QPushButton>
#include <QSignalSpy>
#include <QTest>
#include <QTextBrowser>

using namespace attnscope;

namespace {

/// What the panel's list of methods is once a button opened it.
MethodPicker* openedPicker(const QWidget& parent)
{
    for (auto* picker : parent.findChildren<MethodPicker*>())
        if (picker->isVisible())
            return picker;
    return nullptr;
}

QString plain(const std::vector<FormulaWord>& words)
{
    QString text;
    for (const auto& word : words)
        for (const auto& piece : word)
            text += piece.text;
    return text;
}

} // namespace

class TestMethodList : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void listsAllApproximationsUnderTheirFamilies()
    {
        MethodPicker picker({}, nullptr);
        QStringList expected;
        QStringList headings;
        for (const auto& method : allMethods())
            if (!method->info().exact) {
                expected += QString::fromStdString(method->info().id);
                headings += QString::fromStdString(familyTitle(method->info().family));
            }
        headings.removeDuplicates();
        QCOMPARE(picker.shown(), expected);
        QVERIFY(picker.findChild<QListWidget*>()->count() == expected.size() + headings.size());
        QVERIFY(expected.contains(picker.marked()));
    }

    void searchMatchesIdTitleAndSummary()
    {
        MethodPicker picker(QStringLiteral("performer"), nullptr);
        QCOMPARE(picker.marked(), QStringLiteral("performer"));
        picker.filter().setText(QStringLiteral("reformer"));
        QCOMPARE(picker.marked(), QStringLiteral("reformer"));
        picker.filter().setText(QStringLiteral("favor+"));
        QVERIFY(picker.shown().contains(QStringLiteral("performer")));
        picker.filter().setText(QStringLiteral("random exp(q·k)"));
        QVERIFY(picker.shown().contains(QStringLiteral("performer")));
        QVERIFY(!picker.shown().contains(QStringLiteral("window")));
        picker.filter().setText(QStringLiteral("no such method at all"));
        QVERIFY(picker.shown().isEmpty());
        QVERIFY(picker.marked().isEmpty());
    }

    void arrowsSkipHeadingsAndReturnChooses()
    {
        auto* picker = new MethodPicker({}, nullptr);
        picker->show();
        QSignalSpy chosen(picker, &MethodPicker::chosen);
        const QStringList all = picker->shown();
        for (qsizetype i = 1; i < all.size(); ++i) {
            QTest::keyClick(&picker->filter(), Qt::Key_Down);
            QCOMPARE(picker->marked(), all[i]);
        }
        QTest::keyClick(&picker->filter(), Qt::Key_Down);
        QCOMPARE(picker->marked(), all.last());
        auto* list = picker->findChild<QListWidget*>();
        QVERIFY(!list->viewport()->rect().intersects(list->visualItemRect(list->item(0))));
        for (qsizetype i = 1; i < all.size(); ++i)
            QTest::keyClick(&picker->filter(), Qt::Key_Up);
        QCOMPARE(picker->marked(), all.front());
        QVERIFY(list->viewport()->rect().contains(list->visualItemRect(list->item(0)))); // with its heading
        QTest::keyClick(&picker->filter(), Qt::Key_Down);
        QTest::keyClick(&picker->filter(), Qt::Key_Return);
        QCOMPARE(chosen.size(), 1);
        QCOMPARE(chosen[0][0].toString(), all[1]);
    }

    void panelAddsAndChangesMethods()
    {
        MethodsPanel panel;
        panel.setApproximations({{"performer", {}, 7}}, 0);
        panel.show();
        QSignalSpy added(&panel, &MethodsPanel::added);
        QSignalSpy edited(&panel, &MethodsPanel::edited);
        QSignalSpy help(&panel, &MethodsPanel::helpRequested);
        panel.chooseAnother();
        QVERIFY(openedPicker(panel));
        openedPicker(panel)->filter().setText(QStringLiteral("nystrom"));
        QTest::keyClick(&openedPicker(panel)->filter(), Qt::Key_Return);
        QCOMPARE(added.size(), 1);
        QCOMPARE(added[0][0].value<MethodSetting>().id, std::string("nystromformer"));
        panel.chooseMethod(0);
        openedPicker(panel)->filter().setText(QStringLiteral("linformer"));
        QTest::keyClick(&openedPicker(panel)->filter(), Qt::Key_F1);
        QCOMPARE(help.size(), 1);
        QCOMPARE(help[0][0].toString(), QStringLiteral("linformer"));
        panel.chooseMethod(0);
        openedPicker(panel)->filter().setText(QStringLiteral("linformer"));
        QTest::keyClick(&openedPicker(panel)->filter(), Qt::Key_Return);
        QCOMPARE(edited.size(), 1);
        const auto setting = edited[0][1].value<MethodSetting>();
        QCOMPARE(setting.id, std::string("linformer"));
        QCOMPARE(setting.seed, std::uint64_t(7));
        QVERIFY(setting.params.empty());
        panel.setApproximations({{"performer", {}, 0}, {"window", {}, 0}, {"svd", {}, 0}}, 0);
        panel.chooseAnother();
        QVERIFY(!openedPicker(panel)); // the board is full
    }

    void everyMethodHasAPageWithAllThatHelpSays()
    {
        QWidget parent;
        auto& window = HelpWindow::of(parent);
        for (const auto& method : allMethods()) {
            const MethodHelp help = helpOf(*method);
            window.showMethod(QString::fromStdString(method->info().id));
            QCOMPARE(window.windowTitle(), QString::fromStdString(help.title));
            QCOMPARE(window.formula().formula(), QString::fromStdString(help.formula));
            const QString page = window.text().toPlainText().simplified();
            const auto says = [&page](const std::string& text) { return page.contains(QString::fromStdString(text).simplified()); };
            QVERIFY2(says(help.summary), help.title.c_str());
            for (const auto& section : help.sections)
                QVERIFY2(says(section.text), section.text.c_str());
            for (const auto& param : help.params)
                QVERIFY2(says(param.key) && says(param.range) && says(param.help), param.key.c_str());
        }
        QCOMPARE(&HelpWindow::of(parent), &window);
        window.showMethods();
        QVERIFY(!window.formula().isVisible());
        Q_EMIT window.text().anchorClicked(QUrl(QStringLiteral("method:linear-elu")));
        QCOMPARE(window.formula().formula(), QString::fromStdString(findMethod("linear-elu")->info().formula));
    }

    void formulasGetScripts()
    {
        const auto words = parseFormula(QStringLiteral("x_ij² = softmax(m^(-1/2 + t_i))"));
        QCOMPARE(words.size(), std::size_t(3));
        const auto& x = words[0];
        QCOMPARE(x.size(), std::size_t(3));
        QVERIFY(x[0].text == QLatin1String("x") && x[0].italic && x[0].rise == 0.0);
        QVERIFY(x[1].text == QLatin1String("ij") && x[1].rise < 0.0 && x[1].size < 1.0);
        QVERIFY(x[2].text == QLatin1String("2") && x[2].rise > 0.0);
        QVERIFY(words[2][0].text == QLatin1String("softmax") && !words[2][0].italic);
        const auto& index = *(words[2].end() - 2); // the i of t_i, in the exponent
        QCOMPARE(index.text, QStringLiteral("i"));
        QVERIFY(index.rise > 0.0 && index.rise < words[2][3].rise && index.size < words[2][3].size);
        const auto more = parseFormula(QStringLiteral("k̄_r′p 1e-8 13I top-k"));
        QVERIFY(more[0][0].italic && more[0][0].text == QStringLiteral("k̄"));
        QCOMPARE(plain({{more[0].begin() + 1, more[0].end()}}), QStringLiteral("r′p"));
        QVERIFY(more[0].back().rise < 0.0);
        QVERIFY(more[1].size() == 1 && !more[1][0].italic);
        QVERIFY(more[2].size() == 2 && more[2][1].italic);
        QCOMPARE(plain({more[3]}), QStringLiteral("top-k"));
    }

    void formulasOfAllMethodsKeepTheirCharacters()
    {
        for (const auto& method : allMethods()) {
            const QString text = QString::fromStdString(method->info().formula);
            const QString set = plain(parseFormula(text));
            QVERIFY2(!set.contains(QLatin1Char('_')) && !set.contains(QLatin1Char('^')), qPrintable(set));
            for (const QChar c : text)
                if (c.isLetter() && c.decompositionTag() == QChar::NoDecomposition)
                    QVERIFY2(set.contains(c), qPrintable(text));
            FormulaView view;
            view.setFormula(text);
            QVERIFY(view.heightForWidth(300) >= view.heightForWidth(1200));
        }
    }
};

static const attnscope::tests::RegisterTest<TestMethodList> registered("test_method_list");

#include "test_method_list.moc"
