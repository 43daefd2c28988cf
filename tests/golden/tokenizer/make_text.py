# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the lines that the tokenizer tests read: phrases in many languages, code, odd characters and seeded mixtures of them.
import random

PHRASES = [
    "The heron stood in the shallow river and waited for the evening.", "I'm sure we'll see what they've done; it's hers, isn't it? SHE'D SAY: IT'S!",
    "Über den Dächern fällt leise Schnee, größer als gestern.", "L'été dernier, nous avons mangé des crêpes à la plage.",
    "El niño pequeño añadió un año más: ¿verdad? ¡Sí!", "Não há pão na mesa, só o café da manhã.", "Ogni mattina il gatto dorme sotto la finestra.",
    "Zażółć gęślą jaźń i wróć do domu.", "Příliš žluťoučký kůň běžel k řece.", "Kaks väikest lindu laulavad õues.",
    "Yıldızlar İstanbul'un üstünde ışıldıyor; ılık ırmak.", "Đêm nay trăng sáng trên dòng sông Hương, người ơi.", "Þetta er lítið hús við ána.",
    "Снег тихо падает на старый город, ёлка стоит.", "Їжак іде додому через ліс.", "Η γάτα κοιμάται δίπλα στη θάλασσα, ὁ ἄνθρωπος.",
    "السماء زرقاء والبحر هادئ اليوم، مَرْحَبًا.", "امروز هوا خیلی خوب است؛ می‌خواهم بروم.", "הילד קורא ספר ליד החלון, שָׁלוֹם.",
    "बारिश के बाद बगीचे में फूल खिले हैं, क्षत्रिय ज्ञान।", "আজ আকাশে মেঘ নেই, নদী শান্ত।", "இன்று வானம் நீலமாக உள்ளது.", "ఈ రోజు చాలా బాగుంది.",
    "ฝนตกหนักเมื่อคืนนี้และแม่น้ำก็สูงขึ้น", "ຝົນຕົກ ໃນຕອນເຊົ້າ", "မိုးရွာသည် မြစ်ရေတက်သည်", "ព្រះអាទិត្យរះនៅពេលព្រឹក", "მზე ამოდის მთის უკან.", "Արևը ծագում է լեռան հետևից։",
    "今天早上河边的鸟叫得很早，我们去散步吧。", "昨日の夜、猫が屋根の上で歌っていた。ｶﾀｶﾅとカタカナ！", "오늘 아침에 강가에서 새가 노래했다. 한국어", "雪が降る町で、犬は走る…「はい」",
    "ሰማዩ ዛሬ ሰማያዊ ነው።", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ", "𝒯𝒽ℯ 𝔮𝔲𝔦𝔠𝔨 ｆｕｌｌｗｉｄｔｈ ①②③ ﬁﬂ ½ ㎏ ™", "e\u0301te\u0301 a\u030A o\u0308\u0323 n\u0303 Z\u0335a\u034Fl\u0489go",
    "각 ᄒ\u1161\u11ab글 \u1100\u1161", "１２３ ٣٤٥ १२३ ๑๒๓ Ⅻ ⅷ 12345678901234567890", "3.14159 -1e-9 0xFF 1,000,000.00 50% $9.99 €5 £3 ¥100 ₹7",
]

CODE = [
    "def softmax(x, axis=-1):\n    e = np.exp(x - x.max(axis, keepdims=True))\n\treturn e / e.sum(axis, keepdims=True)",
    "for (std::size_t i = 0; i < n; ++i) { sum += a[i] * b[i]; } // O(n)", "if (x != NULL && y->next) { *p++ = ~x ^ (y << 3); }",
    "SELECT id, COUNT(*) FROM t WHERE name LIKE '%x_%' GROUP BY 1;", "<div class=\"a b\" data-x='1'>&nbsp;text</div><!-- c -->",
    "{\"key\": [1, 2.5, null, true], \"π\": \"\\u03c0\\n\"}", "git commit -m \"fix\" && ls -la | grep '^d' > /dev/null 2>&1", "\\frac{a}{b} + \\sum_{i=1}^{n} x_i^2",
    "let s: &'static str = \"l'été\"; fn f<'a>(x: &'a u8) -> u8 { *x }", "http://example.org/a/b?c=d&e=%20f#g  user.name+tag@example.co.uk",
    "#include <vector>\r\n\r\nint main()\r\n{\r\n\treturn 0;\r\n}", "snake_case camelCase PascalCase kebab-case SCREAMING_CASE x1y2z3",
]

EMOJI = ["😀", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇪🇪🇯🇵", "❤️", "☃", "🧑🏿‍🚀", "1️⃣", "🫠", "✈️", "🕵🏻‍♀️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
CONTROLS = ["\u0001", "\u0007", "\b", "\u001b[0m", "\u007f", "\u0085", "\u200b", "\u200d", "\u200e", "\u202e", "\u2028", "\u2029", "\ufeff", "\ufffd", "\u00ad", "\u2060", "\ue000", "\v", "\f",
            "\r", "\r\r", "\t", "\t\t\t", "\u00a0", "\u3000", "\u2009", "\u1680", "\u180e", "\u2581", "\u2581\u2581", "\u0120"]
SPECIALS = ["<|endoftext|>", "<s>", "</s>", "[CLS]", "[MASK]", "[SEP]", "<unk>", " <mask> ", "<|im_start|>", "<|im_end|>", "Attnscope", "attnscopes", "<0x0A>", "[UNK]", "##ing", "<pad>"]
# (first, last, weight): letters, marks and symbols that Unicode has had since version 8.
RANGES = [(0x21, 0x7E, 6), (0xA1, 0x17F, 3), (0x250, 0x2AF, 1), (0x300, 0x36F, 2), (0x391, 0x3A1, 1), (0x3B1, 0x3C9, 1), (0x400, 0x45F, 2), (0x531, 0x556, 1), (0x591, 0x5BD, 1), (0x5D0, 0x5EA, 1),
          (0x621, 0x652, 2), (0x904, 0x94D, 2), (0x985, 0x98C, 1), (0xE01, 0xE3A, 2), (0xF40, 0xF47, 1), (0x10D0, 0x10F0, 1), (0x1100, 0x1112, 1), (0x1161, 0x1175, 1), (0x11A8, 0x11C2, 1),
          (0x1E00, 0x1EFF, 2), (0x1F00, 0x1F15, 1), (0x2010, 0x2027, 2), (0x2030, 0x205E, 1), (0x2070, 0x2071, 1), (0x20A0, 0x20BA, 1), (0x2100, 0x2188, 1), (0x2190, 0x21FF, 1), (0x2200, 0x22FF, 1),
          (0x2460, 0x24FF, 1), (0x2500, 0x257F, 1), (0x3001, 0x3003, 1), (0x3041, 0x3096, 2), (0x30A1, 0x30FE, 2), (0x3400, 0x34FF, 1), (0x4E00, 0x9FA5, 4), (0xAC00, 0xD7A3, 2), (0xF900, 0xFA0D, 1),
          (0xFB00, 0xFB06, 1), (0xFE30, 0xFE44, 1), (0xFF01, 0xFF9F, 2), (0x1D400, 0x1D454, 1), (0x1F300, 0x1F5FF, 2), (0x1F600, 0x1F64F, 1), (0x20000, 0x200FF, 1), (0x2F800, 0x2F81F, 1)]


def random_word(rng):
    first, last, _ = rng.choices(RANGES, [w for _, _, w in RANGES])[0]
    return "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 8)))


def random_piece(rng):
    kind = rng.randrange(12)
    if kind < 3:
        return rng.choice(rng.choice(PHRASES).split())
    if kind < 5:
        return random_word(rng)
    if kind == 5:
        return rng.choice(EMOJI) * rng.randint(1, 2)
    if kind == 6:
        return rng.choice(CONTROLS)
    if kind == 7:
        return rng.choice([" ", "\t", "\u00a0", " \t", "\r"]) * rng.randint(1, 12)
    if kind == 8:
        return rng.choice(SPECIALS)
    if kind == 9:
        return str(rng.randrange(10 ** rng.randint(1, 9)))
    if kind == 10:
        return rng.choice(["...", "--", "!?", "''", "'s", "'LL", "¿", "«»", "///", "==", "(", ")", "_", "__x__", "ß", "ſ", "İ", "ﬀ"])
    return rng.choice(rng.choice(CODE).replace("\n", " ").split(" "))


def mixture(rng):
    joiner = rng.choice(["", " ", " ", "  "])
    return joiner.join(random_piece(rng) for _ in range(rng.randint(2, 14)))


def make_lines(count, seed):
    """Lines without "\\n"; the first ones are the phrases and code as they are."""
    rng = random.Random(seed)
    lines = list(PHRASES)
    lines += [line for snippet in CODE for line in snippet.split("\n")]
    lines += [" " * n + "x" + " " * (40 - n) + "y" for n in (1, 2, 3, 7, 39)] + ["", " ", "\t", "   ", "\r", "a", "é", "字", "😀", "x" * 150, "ab" * 90]
    lines += [" ".join(rng.sample(PHRASES, 2)) for _ in range(40)]
    while len(lines) < count:
        lines.append(mixture(rng).replace("\n", "\r"))
    return lines[:count]
