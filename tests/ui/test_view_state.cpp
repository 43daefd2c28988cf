// SPDX-License-Identifier: GPL-3.0-or-later
// Zooming, panning, limits and the history of views.
#include "support/register_test.h"
#include "ui/view_state.h"

#include <QSignalSpy>
#include <QTest>

#include <cmath>

using namespace attnscope;

class TestViewState : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void zoomKeepsThePointUnderTheCursor()
    {
        ViewState view;
        view.setMatrix(1000, 1000);
        QVERIFY(view.isFitted());
        const QPointF at(250.5, 800.25);
        for (int i = 0; i < 8; ++i) {
            const QRectF before = view.rect();
            view.zoomAt(at, 1.5, 1.5);
            const QRectF after = view.rect();
            const QPointF was((at.x() - before.left()) / before.width(), (at.y() - before.top()) / before.height());
            const QPointF is((at.x() - after.left()) / after.width(), (at.y() - after.top()) / after.height());
            QVERIFY(std::hypot(was.x() - is.x(), was.y() - is.y()) < 1e-9);
        }
    }

    void staysInside()
    {
        ViewState view;
        view.setMatrix(100, 300);
        view.zoomAt({0, 0}, 4.0, 4.0);
        view.panTo({-500, 9000}, true);
        QVERIFY(view.fullRect().contains(view.rect()));
        QCOMPARE(view.rect().left(), 0.0);
        QCOMPARE(view.rect().bottom(), 100.0);
        view.zoomAt({10, 10}, 1e9, 1e9);
        QVERIFY(view.rect().width() >= 2.0);
        view.zoomAt({10, 10}, 1e-9, 1e-9);
        QVERIFY(view.isFitted());
    }

    void oneAxisAlone()
    {
        ViewState view;
        view.setMatrix(100, 100);
        view.zoomAt({50, 50}, 2.0, 1.0);
        QCOMPARE(view.rect().width(), 50.0);
        QCOMPARE(view.rect().height(), 100.0);
    }

    void backAndForward()
    {
        ViewState view;
        view.setMatrix(100, 100);
        view.zoomTo({10, 10, 50, 50});
        view.zoomTo({20, 20, 10, 10});
        QVERIFY(view.canGoBack() && !view.canGoForward());
        view.back();
        QCOMPARE(view.rect(), QRectF(10, 10, 50, 50));
        view.back();
        QVERIFY(view.isFitted() && !view.canGoBack());
        view.forward();
        QCOMPARE(view.rect(), QRectF(10, 10, 50, 50));
        view.fit();
        QVERIFY(!view.canGoForward());
        view.back();
        QCOMPARE(view.rect(), QRectF(10, 10, 50, 50));
    }

    void aPanIsOneStep()
    {
        ViewState view;
        view.setMatrix(100, 100);
        view.zoomTo({10, 10, 50, 50});
        for (int i = 0; i < 10; ++i)
            view.panTo({10.0 + i, 10.0}, false);
        view.panTo({20.0, 10.0}, true);
        view.back();
        QCOMPARE(view.rect(), QRectF(10, 10, 50, 50));
    }

    void sameSizeKeepsTheView()
    {
        ViewState view;
        view.setMatrix(64, 64);
        view.zoomTo({10, 10, 20, 20});
        QSignalSpy changed(&view, &ViewState::changed);
        view.setMatrix(64, 64);
        QCOMPARE(view.rect(), QRectF(10, 10, 20, 20));
        QCOMPARE(changed.size(), 0);
        view.setMatrix(65, 65);
        QVERIFY(view.isFitted());
        QVERIFY(!view.canGoBack());
    }

    void tinyMaps()
    {
        ViewState view;
        view.setMatrix(1, 1);
        view.zoomAt({0.5, 0.5}, 2.0, 2.0);
        QCOMPARE(view.rect(), QRectF(0, 0, 1, 1));
    }
};

static const attnscope::tests::RegisterTest<TestViewState> registered("test_view_state");

#include "test_view_state.moc"
