// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/head_studies.h"

#include "core/io/param_files.h"
#include "core/method/registry.h"
#include "core/session/evaluation.h"
#include "core/session/head_errors.h"
#include "ui/advice_panel.h"
#include "ui/head_grid.h"
#include "ui/idle_task.h"
#include "ui/methods_panel.h"
#include "ui/session_controller.h"
#include "ui/theory_panel.h"

namespace attnscope {

namespace {

using namespace std::chrono_literals;

// Stepping through heads doesn't start work for each. Theory is looked at in its own tab, so it doesn't wait for reference lines.
constexpr auto kAdviceRest = 1200ms;
constexpr auto kTheoryRest = 300ms;

QString textOf(const Error& error)
{
    return error.code == Errc::Cancelled ? QObject::tr("Cancelled; another head or F5 starts it again.")
                                         : QString::fromStdString(error.what + " " + error.hint);
}

Result<std::vector<TheoryCurve>> theoryOf(const MethodSetting& setting, const Inputs& inputs, const RunContext& context)
{
    const auto method = requireMethod(setting.id);
    if (!method)
        return method.error();
    auto params = makeParams((*method)->info().params, setting.params, setting.seed);
    if (!params)
        return params.error();
    if (auto loaded = loadParamFiles((*method)->info().params, *params); !loaded)
        return loaded.error();
    return theoryFor(**method, inputs, *params, context);
}

/// What heads' errors belong to.
struct ErrorSubject {
    std::shared_ptr<const Document> document;
    bool causal = false;
    Index batch = 0;
    MethodSetting method;

    bool operator==(const ErrorSubject&) const = default;
};

Result<int> errorsOf(const ErrorSubject& subject, const RunContext& context, const UseHeadError& use)
{
    const auto method = requireMethod(subject.method.id);
    if (!method)
        return method.error();
    auto params = makeParams((*method)->info().params, subject.method.params, subject.method.seed);
    if (!params)
        return params.error();
    if (auto loaded = loadParamFiles((*method)->info().params, *params); !loaded)
        return loaded.error();
    return forEachHeadError(*subject.document, subject.batch, subject.causal, **method, *params, context, use);
}

/// Adds a method, or puts it in the selected one's place on a full board; one that is there already is selected.
void putOnBoard(Session& session, const std::string& id)
{
    auto& list = session.approximations;
    const auto at = std::find_if(list.begin(), list.end(), [&](const MethodSetting& setting) { return setting.id == id; });
    if (at != list.end()) {
        session.selected = static_cast<std::size_t>(at - list.begin());
    } else if (list.size() < MethodsPanel::kMaxApproximations) {
        list.push_back({id, {}, 0});
        session.selected = list.size() - 1;
    } else {
        list.at(session.selected) = {id, {}, 0};
    }
}

} // namespace

void studyAdvice(SessionController& controller, AdvicePanel& panel)
{
    const std::string slot = "advice";
    auto* task = new IdleTask(controller, panel, slot, IdleRules{false, true, kAdviceRest});
    QObject::connect(task, &IdleTask::outdated, &panel, [&panel](bool something) {
        panel.setMessage(something ? QObject::tr("Advice: measured as soon as nothing else is computed…") : QString());
    });
    QObject::connect(task, &IdleTask::started, &panel, [&controller, &panel, task, slot] {
        panel.setMessage(QObject::tr("Advice: measuring…"));
        controller.jobs().replace(
            slot, "Advice: measuring the methods", Lane::Background,
            [inputs = controller.board().head](const RunContext& context) { return adviceFor(inputs, context); },
            [&panel, task](Result<Advice> advice) {
                if (task->isStale())
                    return;
                task->end();
                if (advice)
                    panel.setAdvice(std::make_shared<const Advice>(*std::move(advice)));
                else
                    panel.setMessage(QObject::tr("Advice: %1").arg(textOf(advice.error())));
            });
    });
    QObject::connect(&panel, &AdvicePanel::methodChosen, &controller,
                     [&controller](const QString& id) { controller.edit([&](Session& s) { putOnBoard(s, id.toStdString()); }); });
}

void studyTheory(SessionController& controller, TheoryPanel& panel)
{
    const std::string slot = "theory";
    auto* task = new IdleTask(controller, panel, slot, IdleRules{true, false, kTheoryRest});
    QObject::connect(task, &IdleTask::outdated, &panel,
                     [&panel](bool something) { panel.setMessage(something ? QObject::tr("Computing…") : QString()); });
    QObject::connect(task, &IdleTask::started, &panel, [&controller, &panel, task, slot] {
        const auto& session = controller.session();
        if (session.selected >= session.approximations.size())
            return task->end();
        const MethodSetting setting = session.approximations[session.selected];
        controller.jobs().replace(
            slot, "Theory of " + setting.id, Lane::Interactive,
            [setting, inputs = controller.board().head](const RunContext& context) { return theoryOf(setting, inputs, context); },
            [&panel, task, setting](Result<std::vector<TheoryCurve>> curves) {
                if (task->isStale())
                    return;
                task->end();
                if (curves)
                    panel.setCurves(QString::fromStdString(findMethod(setting.id)->info().title), *std::move(curves));
                else
                    panel.setMessage(textOf(curves.error()));
            });
    });
}

void studyHeadErrors(SessionController& controller, HeadGrid& grid)
{
    const auto shown = std::make_shared<ErrorSubject>();
    const auto follow = [&controller, &grid, shown] {
        const auto& session = controller.session();
        if (grid.order() != HeadOrder::ApproximationError || !controller.board().document ||
            session.selected >= session.approximations.size())
            return;
        const ErrorSubject now{controller.board().document, controller.causal(), session.head.batch,
                               session.approximations[session.selected]};
        if (now == *shown)
            return;
        *shown = now;
        grid.clearErrors();
        controller.jobs().replace(
            "headErrors", "Errors of " + now.method.id + " on all heads", Lane::Background,
            [&grid, shown, now](const RunContext& context) {
                return errorsOf(now, context, [&](int layer, int head, double error) {
                    QMetaObject::invokeMethod(&grid, [&grid, shown, now, layer, head, error] {
                        if (now == *shown)
                            grid.setError(layer, head, error);
                    });
                });
            },
            [shown, now](const Result<int>& done) {
                if (!done && now == *shown)
                    *shown = {}; // asked for again when anything changes
            });
    };
    QObject::connect(&grid, &HeadGrid::orderChanged, &grid, follow);
    QObject::connect(&controller, &SessionController::boardChanged, &grid, follow);
}

} // namespace attnscope
