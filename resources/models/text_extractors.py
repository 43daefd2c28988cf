# SPDX-License-Identifier: GPL-3.0-or-later
# Turns one packaged file (HTML, POD, dictionary, game script, ...) into a list of clean English paragraphs.

import gzip
import html
import json
import re
import unicodedata

from lxml import etree
from lxml import html as lxml_html

BLOCKS = {"p", "li", "dd", "h1", "h2", "h3", "h4", "pre", "para", "title", "item", "blockquote", "td"}
CHROME = ("//script|//style|//nav|//footer|//header|//head|//a[contains(@class,'headerlink')]"
          "|//*[contains(@class,'sphinxsidebar') or contains(@class,'related') or contains(@class,'toc')"
          " or contains(@class,'navigation') or contains(@class,'navheader') or contains(@class,'navfooter')"
          " or contains(@class,'lineno') or contains(@class,'copyright') or @role='navigation']")
COMMON = frozenset("the of to and a in is it that for be with as on are this you by or not if from an can will "
                   "was have has at which i he his they we my but all your me their her there when what do no".split())
WORD = re.compile(r"[A-Za-z']+")


def squeeze(text):
    """One paragraph on one line: NFC, single spaces, no soft hyphens or private-use characters."""
    text = unicodedata.normalize("NFC", text).replace("\u00ad", "").replace("\u200b", "").replace("¶", "")
    return " ".join(text.split())


def isProse(text):
    """True for an English sentence or heading; False for signatures, tables of numbers and other languages."""
    words = WORD.findall(text.lower())
    if len(words) < 2 or sum(map(len, words)) < 0.6 * len(text):
        return False
    return len(words) < 8 or sum(word in COMMON for word in words) >= 0.16 * len(words)


def fromHtml(data, code=False):
    """Paragraphs, headings and list items of a web page; <pre> blocks of moderate size when code is asked for."""
    tree = lxml_html.fromstring(data)
    for node in tree.xpath(CHROME):
        if node.getparent() is not None:
            node.drop_tree()
    return blocksOf(tree, code)


def fromXml(data, code=False):
    """The same for Mallard and DocBook pages."""
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True)
    tree = etree.fromstring(re.sub(rb"\sxmlns=\"[^\"]*\"", b"", data), parser)
    return [] if tree is None else blocksOf(tree, code)


def blocksOf(tree, code):
    found = []
    for div in tree.iter("div"):
        if div.get("class") == "para":  # DocBook books rendered by Publican
            div.tag = "p"
    for node in tree.iter(etree.Element):
        tag = node.tag if isinstance(node.tag, str) else ""
        if tag not in BLOCKS or any(child.tag in BLOCKS for child in node.iterdescendants()):
            continue
        text = "".join(node.itertext())
        if tag == "pre":
            text = "\n".join(line.rstrip() for line in text.strip("\n").split("\n"))
            if code and 40 < len(text) < 1200 and text.isascii():
                found.append(text)
            continue
        text = squeeze(text)
        heading = tag in ("h1", "h2", "h3", "h4", "title")
        if (heading and 3 < len(text) < 90 or len(text) >= 25) and isProse(text):
            found.append(text)
    return found


def paragraphsOf(text, least=40):
    """Plain text: blank lines separate paragraphs."""
    parts = (squeeze(part) for part in re.split(r"\n\s*\n", text))
    return [part for part in parts if len(part) >= least and isProse(part)]


def fromPlain(data, code=False):
    return paragraphsOf(data.decode("utf-8", "replace"))


def fromPod(data, code=False):
    """Perl's Plain Old Documentation: formatting codes removed, indented code kept when asked for."""
    text = data.decode("utf-8", "replace")
    for _ in range(3):
        text = re.sub(r"[BICFSLX]<([^<>]*)>", lambda m: m.group(1).split("|")[0], text)
    text = re.sub(r"E<lt>", "<", re.sub(r"E<gt>", ">", text))
    found = []
    for part in re.split(r"\n\s*\n", text):
        if part.startswith((" ", "\t")):
            if code and 40 < len(part) < 1200 and part.isascii():
                found.append(part.rstrip())
            continue
        part = squeeze(re.sub(r"^=\w+[ \t]*(\*|\d+\.?)?[ \t]*", "", part))
        if len(part) >= 12 and isProse(part):
            found.append(part)
    return found


def fromDict(data, code=False):
    """A dictd database: entries keep their head word; source tags, accents marks and braces go."""
    text = gzip.decompress(data).decode("utf-8", "replace")
    text = re.sub(r"\[(1913 Webster|WordNet[^\]]*|PJC|Webster[^\]]*|syn: [^\]]*)[^\]]*\]", "", text)
    text = re.sub(r"\\[^\\\n]*\\|\([^()\n]*[\[\]\"*`][^()\n]*\)|[{}]", "", text)
    text = re.sub(r"\[[^\]\n]{0,60}\]", "", text)
    return paragraphsOf(text, least=50)


def fromPlay(data, code=False):
    """A play or poem: the line breaks stay, because they are part of the text."""
    text = data.decode("utf-8", "replace").replace("\r", "")
    parts = (re.sub(r"[ \t]+", " ", part).strip() for part in re.split(r"\n\s*\n", text))
    return [part for part in parts if part]


def fromBible(data, code=False):
    """The reader's text inside a Python module; brackets that mark supplied words go."""
    text = data.decode("utf-8").split('"""')[1]
    return [squeeze(re.sub(r"[\[\]¶]", "", part)) for part in text.split("\n") if len(part) > 20]


def quoted(pattern, data):
    text = data.decode("utf-8", "replace")
    found = []
    for match in re.finditer(pattern, text, re.S):
        part = next(group for group in match.groups() if group is not None)
        part = part.replace('""', '"').replace('\\"', '"').replace("\\n", " ").replace("<first> <last>", "Captain")
        part = squeeze(html.unescape(re.sub(r"<[^>]{1,40}>", "", part)))
        if len(part) >= 30 and isProse(part):
            found.append(part)
    return found


def fromWesnoth(data, code=False):
    return quoted(r'_ ?"((?:[^"]|"")*)"', data)


def fromBackticks(data, code=False):
    return quoted(r"`([^`\n]*)`", data)


def fromLua(data, code=False):
    return quoted(r'_\(?\[\[(.*?)\]\]|_\(?"((?:[^"\\\n]|\\.)*)"', data)


def fromMapMessages(data, code=False):
    text = "\n\n".join(re.findall(r"\nmsg\n(.*?)\nendmsg", data.decode("utf-8", "replace"), re.S))
    return paragraphsOf(re.sub(r"^@\w+.*$|\[/?\w+\]", "", text, flags=re.M))


def fromGameJson(data, code=False):
    """Descriptions and dialogue lines anywhere inside a JSON document."""
    found = []

    def walk(value, key):
        if isinstance(value, dict):
            for name, inner in value.items():
                walk(inner, key if name in ("str", "str_sp") else name)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, key)
        elif isinstance(value, str) and key in ("description", "text", "dynamic_line", "message", "story", "info"):
            part = squeeze(re.sub(r"<[^>]{1,40}>", "", value))
            if len(part) >= 40 and isProse(part):
                found.append(part)

    walk(json.loads(data), "")
    return found


EXTRACTORS = {"html": fromHtml, "xml": fromXml, "plain": fromPlain, "pod": fromPod, "dict": fromDict,
              "play": fromPlay, "bible": fromBible, "wesnoth": fromWesnoth, "backticks": fromBackticks,
              "lua": fromLua, "map": fromMapMessages, "json": fromGameJson}
