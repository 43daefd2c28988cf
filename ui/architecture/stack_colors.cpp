// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/architecture/stack_colors.h"

#include "ui/plot_theme.h"

#include <iterator>
#include <map>

namespace attnscope {

namespace {

struct Shades {
    const char* onLight;
    const char* onDark;
};

bool isDark(const PlotTheme& theme) { return theme.background.lightnessF() < 0.5F; }

QColor shade(const Shades& shades, const PlotTheme& theme) { return QColor(QLatin1String(isDark(theme) ? shades.onDark : shades.onLight)); }

} // namespace

QColor attentionColor(const PlotTheme& theme) { return shade({"#d55e00", "#ef7d2c"}, theme); }

QColor recurrentColor(const std::string& method, const PlotTheme& theme)
{
    static const std::map<std::string, Shades> known{
        {"mamba1", {"#0b7a5c", "#2fc79b"}},    {"mamba2", {"#0072b2", "#56b4e9"}},   {"mamba3", {"#5a4fb8", "#9a90f0"}},
        {"kda", {"#a3327d", "#d878b6"}},       {"deltanet", {"#c2699c", "#e79ac6"}}, {"gated-deltanet", {"#b0478f", "#e08cc4"}},
        {"gla", {"#8a7000", "#d9c23a"}},       {"hgrn2", {"#6e5a00", "#c2ac2e"}},    {"retention", {"#a38600", "#f0e442"}},
        {"lightning", {"#a38600", "#f0e442"}}, {"linear", {"#7d7440", "#cfc68a"}},   {"log-linear", {"#8d6b1f", "#e0b85a"}},
        {"rg-lru", {"#00819c", "#5cd0e6"}},    {"rwkv4", {"#4d7c0f", "#a5d65c"}},    {"rwkv6", {"#4d7c0f", "#a5d65c"}},
        {"rwkv7", {"#3d6b00", "#b9f27c"}},     {"conv", {"#5b6675", "#9aa7b8"}}};
    const auto at = known.find(method);
    return shade(at == known.end() ? Shades{"#00819c", "#5cd0e6"} : at->second, theme);
}

QColor denseColor(const PlotTheme& theme) { return theme.muted; }

QColor expertsColor(const PlotTheme& theme) { return shade({"#9a5b00", "#ffc14d"}, theme); }

TermColors termColors(const PlotTheme& theme)
{
    return {shade({"#9aa3b0", "#6b7585"}, theme), attentionColor(theme), shade({"#0072b2", "#56b4e9"}, theme)};
}

QColor architectureColor(std::size_t at, const PlotTheme& theme)
{
    constexpr Shades shades[] = {{"#b5128a", "#ff8fd8"}, {"#1c2026", "#e4e7ec"}, {"#008a62", "#2fc79b"},
                                 {"#a38600", "#f0e442"}, {"#5a4fb8", "#9a90f0"}, {"#00819c", "#7ee0ff"}};
    return shade(shades[at % std::size(shades)], theme);
}

} // namespace attnscope
