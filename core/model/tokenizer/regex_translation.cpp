// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/tokenizer/regex_translation.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <cctype>
#include <optional>
#include <vector>

namespace attnscope::tokenizer {

namespace {

constexpr std::string_view spaceItems = "\\t-\\r\\x{85}\\p{Z}";
constexpr std::string_view wordItems = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
constexpr int deepestClass = 20;

// Oniguruma's \w counts these Latin-1 numerals when it stands alone, and not inside brackets.
constexpr std::string_view bareWordItems = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}";

struct PosixClass {
    std::string_view name;
    std::string_view items;
};
constexpr PosixClass posixClasses[] = {
    {"alpha", "\\p{Alphabetic}"}, {"alnum", "\\p{Alphabetic}\\p{Nd}"},
    {"digit", "\\p{Nd}"},         {"punct", "\\p{P}\\p{S}"},
    {"space", spaceItems},        {"upper", "\\p{Uppercase}"},
    {"lower", "\\p{Lowercase}"},  {"word", wordItems},
    {"cntrl", "\\p{Cc}"},         {"xdigit", "0-9a-fA-F"},
};

/// Properties that PCRE2 has by another name.
struct PropertyName {
    std::string_view oniguruma;
    std::string_view pcre2;
};
constexpr PropertyName propertyNames[] = {
    {"Alpha", "Alphabetic"}, {"Digit", "Nd"}, {"Upper", "Uppercase"}, {"Lower", "Lowercase"},
    {"Letter", "L"},         {"Number", "N"}, {"Mark", "M"},
};

std::string bracket(std::string_view items, bool negated) { return (negated ? "[^" : "[") + std::string(items) + "]"; }

bool compiles(const std::string& pattern)
{
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF, &error, &offset, nullptr);
    pcre2_code_free(code);
    return code != nullptr;
}

/// A cursor over the pattern that writes the translation.
class Translator {
public:
    explicit Translator(std::string_view pattern) : m_pattern(pattern) {}

    Result<std::string> run()
    {
        while (!done() && !m_problem)
            step();
        if (m_problem)
            return Error{Errc::Unsupported, *m_problem, ""};
        return std::move(m_out);
    }

private:
    bool done() const { return m_at >= m_pattern.size(); }
    char peek(std::size_t ahead = 0) const { return m_at + ahead < m_pattern.size() ? m_pattern[m_at + ahead] : '\0'; }
    bool startsWith(std::string_view text) const { return m_pattern.substr(m_at, text.size()) == text; }
    void fail(std::string why)
    {
        if (!m_problem)
            m_problem = std::move(why);
        m_at = m_pattern.size();
    }
    void beginAtom() { m_atom = m_out.size(); }

    void step();
    void group();
    void quantifierBraces();
    void escape();
    std::string property();
    std::string hexEscape();
    std::string characterClass(int depth);
    std::string classPart(int depth);
    const PosixClass* posixHere() const;
    void classEscape(std::string& items, std::vector<std::string>& nested);

    std::string_view m_pattern;
    std::size_t m_at = 0;
    std::string m_out;
    std::size_t m_atom = 0;            // where the last atom begins in m_out
    std::vector<std::size_t> m_groups; // where the open groups begin in m_out
    std::optional<std::string> m_problem;
};

void Translator::step()
{
    const char c = peek();
    if (c == '\\') {
        beginAtom();
        escape();
    } else if (c == '[') {
        const std::size_t begin = m_out.size();
        m_out += characterClass(0);
        m_atom = begin;
    } else if (c == '(') {
        group();
    } else if (c == ')') {
        m_atom = m_groups.empty() ? m_out.size() : m_groups.back();
        if (!m_groups.empty())
            m_groups.pop_back();
        m_out += c;
        ++m_at;
    } else if (c == '{') {
        quantifierBraces();
    } else if (c == '*' || c == '+' || c == '?' || c == '|') {
        m_out += c;
        ++m_at;
    } else {
        beginAtom();
        do // a whole character, so that a quantifier's group never begins inside one
            m_out += m_pattern[m_at++];
        while (!done() && (static_cast<unsigned char>(peek()) & 0xC0) == 0x80);
    }
}

void Translator::group()
{
    m_groups.push_back(m_out.size());
    m_out += '(';
    ++m_at;
    if (peek() != '?' || !(std::islower(static_cast<unsigned char>(peek(1))) != 0 || peek(1) == '-'))
        return;
    while (!done() && peek() != ':' && peek() != ')') { // option letters
        m_out += peek() == 'm' ? 's' : peek();
        ++m_at;
    }
}

void Translator::quantifierBraces()
{
    std::size_t end = m_at + 1;
    while (end < m_pattern.size() && (std::isdigit(static_cast<unsigned char>(m_pattern[end])) != 0 || m_pattern[end] == ','))
        ++end;
    if (end >= m_pattern.size() || m_pattern[end] != '}' || end == m_at + 1) {
        beginAtom();
        m_out += "\\{";
        ++m_at;
        return;
    }
    std::string braces(m_pattern.substr(m_at, end + 1 - m_at));
    if (braces[1] == ',')
        braces.insert(1, "0");
    m_at = end + 1;
    if (peek() == '+') {
        m_out.insert(m_atom, "(?:");
        m_out += braces + ")+";
        ++m_at;
        return;
    }
    m_out += braces;
}

std::string Translator::hexEscape()
{
    // At "u": four hexadecimal digits follow.
    std::string digits(m_pattern.substr(m_at + 1, 4));
    m_at += 1 + digits.size();
    return "\\x{" + digits + "}";
}

/// At "p{" or "P{": scripts mean the Script property, PCRE2's plain names mean Script_Extensions.
std::string Translator::property()
{
    const char kind = peek();
    const std::size_t close = m_pattern.find('}', m_at);
    if (peek(1) != '{' || close == std::string_view::npos) {
        fail("a property has no name");
        return {};
    }
    std::string name(m_pattern.substr(m_at + 2, close - m_at - 2));
    m_at = close + 1;
    const bool inverted = !name.empty() && name[0] == '^';
    if (inverted)
        name.erase(0, 1);
    const bool negative = (kind == 'P') != inverted;
    const std::string open = negative ? "\\P{" : "\\p{";
    for (const PropertyName& known : propertyNames)
        if (name == known.oniguruma)
            return open + std::string(known.pcre2) + "}";
    if (name.size() > 2 && compiles("\\p{sc:" + name + "}"))
        name.insert(0, "sc:");
    return open + name + "}";
}

void Translator::escape()
{
    ++m_at;
    const char c = peek();
    const std::string wordClass = bracket(bareWordItems, false);
    switch (c) {
    case 's':
    case 'S':
        m_out += bracket(spaceItems, c == 'S');
        break;
    case 'w':
    case 'W':
        m_out += bracket(bareWordItems, c == 'W');
        break;
    case 'h':
    case 'H':
        m_out += bracket("0-9a-fA-F", c == 'H');
        break;
    case 'v':
        m_out += "\\x0B";
        break;
    case 'b':
        m_out += "(?:(?<=" + wordClass + ")(?!" + wordClass + ")|(?<!" + wordClass + ")(?=" + wordClass + "))";
        break;
    case 'B':
        m_out += "(?:(?<=" + wordClass + ")(?=" + wordClass + ")|(?<!" + wordClass + ")(?!" + wordClass + "))";
        break;
    case 'p':
    case 'P':
        m_out += property();
        return;
    case 'u':
        m_out += hexEscape();
        return;
    case 'X':
        fail("it uses \\X, whose meaning changes between versions of Unicode");
        return;
    case '\0':
        fail("it ends in a backslash");
        return;
    default:
        m_out += '\\';
        m_out += c;
        break;
    }
    ++m_at;
}

void Translator::classEscape(std::string& items, std::vector<std::string>& nested)
{
    ++m_at;
    const char c = peek();
    switch (c) {
    case 's':
        items += spaceItems;
        break;
    case 'w':
        items += wordItems;
        break;
    case 'h':
        items += "0-9a-fA-F";
        break;
    case 'S':
        nested.push_back(bracket(spaceItems, true));
        break;
    case 'W':
        nested.push_back(bracket(wordItems, true));
        break;
    case 'H':
        nested.push_back(bracket("0-9a-fA-F", true));
        break;
    case 'v':
        items += "\\x0B";
        break;
    case 'p':
    case 'P':
        items += property();
        return;
    case 'u':
        items += hexEscape();
        return;
    case '\0':
        fail("it ends in a backslash");
        return;
    default:
        items += '\\';
        items += c;
        break;
    }
    ++m_at;
}

/// The class of "[:name:]" at the cursor, or null.
const PosixClass* Translator::posixHere() const
{
    for (const PosixClass& posix : posixClasses)
        if (startsWith("[:" + std::string(posix.name) + ":]"))
            return &posix;
    return nullptr;
}

/// What stands between "&&"s: a union of plain items and nested classes.
std::string Translator::classPart(int depth)
{
    std::string items;
    std::vector<std::string> nested;
    bool first = true;
    while (!done() && !startsWith("&&") && (peek() != ']' || first)) {
        if (peek() == '\\') {
            classEscape(items, nested);
        } else if (const PosixClass* posix = posixHere()) {
            items += posix->items;
            m_at += posix->name.size() + 4;
        } else if (peek() == '[') {
            nested.push_back(characterClass(depth + 1));
        } else {
            if (peek() == ']')
                items += '\\';
            items += m_pattern[m_at++];
        }
        first = false;
    }
    if (nested.empty())
        return items.empty() ? "(?!)" : "[" + items + "]";
    std::string all = items.empty() ? "(?:" : "(?:[" + items + "]|";
    for (std::size_t i = 0; i < nested.size(); ++i)
        all += (i > 0 ? "|" : "") + nested[i];
    return all + ")";
}

std::string Translator::characterClass(int depth)
{
    if (depth > deepestClass) {
        fail("its character classes are nested too deeply");
        return {};
    }
    ++m_at;
    const bool negated = peek() == '^';
    if (negated)
        ++m_at;
    std::vector<std::string> parts{classPart(depth)};
    while (startsWith("&&")) {
        m_at += 2;
        parts.push_back(classPart(depth));
    }
    if (done()) {
        fail("a character class is not closed");
        return {};
    }
    ++m_at;
    if (parts.size() == 1 && parts[0][0] == '[')
        return negated ? "[^" + parts[0].substr(1) : parts[0];
    std::string all;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i)
        all += "(?=" + parts[i] + ")";
    all = "(?:" + all + parts.back() + ")";
    return negated ? "(?:(?!" + all + ")[\\x{0}-\\x{10FFFF}])" : all;
}

} // namespace

Result<std::string> translateRegex(std::string_view pattern) { return Translator(pattern).run(); }

} // namespace attnscope::tokenizer
