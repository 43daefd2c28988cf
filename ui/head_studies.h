// SPDX-License-Identifier: GPL-3.0-or-later
// What is studied of the shown head once its maps are there: advice on approximations, and the selected one's theory.
#pragma once

namespace attnscope {

class AdvicePanel;
class HeadGrid;
class SessionController;
class TheoryPanel;

/// Measures advice while `panel` is seen; a method chosen there goes on the board. The panel owns what this makes.
void studyAdvice(SessionController& controller, AdvicePanel& panel);

/// Likewise the curves of the selected approximation.
void studyTheory(SessionController& controller, TheoryPanel& panel);

/// The selected approximation's error of every head, once the grid is ordered by it.
void studyHeadErrors(SessionController& controller, HeadGrid& grid);

} // namespace attnscope
