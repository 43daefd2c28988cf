// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/normal_forms.h"

#include "core/model/tokenizer/reference_unicode.h"
#include "core/model/tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>

namespace attnscope::tokenizer {

namespace {

struct Item {
    char32_t c;
    std::int32_t change;
    int combiningClass;
};

int combiningClass(char32_t c) { return c < 0x300 ? 0 : utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class; }

/// A starter ends the run of marks that canonical ordering may move.
void sortMarks(std::vector<Item>& items, std::size_t from)
{
    std::stable_sort(items.begin() + static_cast<std::ptrdiff_t>(from), items.end(),
                     [](const Item& a, const Item& b) { return a.combiningClass < b.combiningClass; });
}

std::vector<Item> decompose(const std::string& text, bool compatibility)
{
    std::vector<Item> items;
    items.reserve(text.size());
    const auto options = static_cast<utf8proc_option_t>(compatibility ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE);
    std::size_t marks = 0; // where the run of marks at the end of items begins
    for (std::size_t at = 0; at < text.size();) {
        const Decoded d = decodeAt(text, at);
        at += d.length;
        utf8proc_int32_t parts[32] = {static_cast<utf8proc_int32_t>(d.c)};
        utf8proc_ssize_t count = 1;
        if (d.c >= 0xA0 && !isTooNewFor(ReferenceTable::Decomposition, d.c)) {
            int boundary = 0;
            count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(d.c), parts, 32, options, &boundary);
            if (count <= 0 || count > 32) {
                parts[0] = static_cast<utf8proc_int32_t>(d.c);
                count = 1;
            }
        }
        for (utf8proc_ssize_t i = 0; i < count; ++i) {
            const auto c = static_cast<char32_t>(parts[i]);
            const int order = combiningClass(c);
            if (order == 0 && marks < items.size())
                sortMarks(items, marks);
            items.push_back({c, i == 0 ? 0 : 1, order});
            if (order == 0)
                marks = items.size();
        }
    }
    sortMarks(items, marks);
    return items;
}

/// The primary composite of two characters, or 0.
char32_t composite(char32_t a, char32_t b)
{
    if (b < 0x300)
        return 0;
    utf8proc_int32_t pair[2] = {static_cast<utf8proc_int32_t>(a), static_cast<utf8proc_int32_t>(b)};
    const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return utf8proc_normalize_utf32(pair, 2, options) == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

/// Composes in place: each mark or starter joins the last starter unless something of its class or higher stands between.
std::vector<Change> recompose(const std::vector<Item>& items)
{
    std::vector<Change> out;
    out.reserve(items.size());
    std::size_t starter = items.size(); // index in out; none yet
    int lastClass = -1;                 // of what stands after the starter; -1: nothing
    for (const Item& item : items) {
        const bool blocked = lastClass >= item.combiningClass;
        if (starter < out.size() && !blocked) {
            if (const char32_t joined = composite(out[starter].c, item.c)) {
                out[starter] = {joined, out[starter].change + item.change - 1};
                continue;
            }
        }
        out.push_back({item.c, item.change});
        if (item.combiningClass == 0) {
            starter = out.size() - 1;
            lastClass = -1;
        } else {
            lastClass = item.combiningClass;
        }
    }
    return out;
}

} // namespace

void normalizeForm(AlignedText& text, bool compatibility, bool compose)
{
    // ASCII is its own normal form.
    if (std::all_of(text.text().begin(), text.text().end(), [](char byte) { return static_cast<unsigned char>(byte) < 0x80; }))
        return;
    const std::vector<Item> items = decompose(text.text(), compatibility);
    if (compose) {
        text.transform(recompose(items), 0);
        return;
    }
    std::vector<Change> changes;
    changes.reserve(items.size());
    for (const Item& item : items)
        changes.push_back({item.c, item.change});
    text.transform(changes, 0);
}

} // namespace attnscope::tokenizer
