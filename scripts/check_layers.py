#!/usr/bin/env python3
"""Holds the layer table of ARCHITECTURE.md and fails on any include or link that breaks it. No exception list.

Checks, over every C++ file of the tree:
  1. an include of one of our folders is of the same row or of a row the table allows;
  2. a third-party header is included only in its home rows;
  3. nlohmann-json is in no header;
  4. each row's CMake LINKS equal what the table allows or fewer, and cover what its files include;
  5. no source file is over 500 lines, and half of them are under 150;
  6. sources are ASCII.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

STORAGE_LEAVES = ["storage/base", "storage/format", "storage/media", "storage/kv"]
STORAGE = STORAGE_LEAVES + ["storage/samples", "storage/sources", "storage/versions"]
SERVING_FREE = ["serving/monitor", "serving/http"]
SERVING = STORAGE + ["updater"] + SERVING_FREE + ["serving/model", "serving"]
ALL_ROWS = STORAGE + ["replay", "updater"] + SERVING_FREE + ["serving/model", "serving", "serving/edge", "trainer", "api"]

# row -> rows it may include, besides itself.
TABLE = {
    "storage/base": [],
    "storage/format": ["storage/base"],
    "storage/media": ["storage/base"],
    "storage/kv": ["storage/base"],
    "storage/samples": STORAGE_LEAVES,
    "storage/sources": STORAGE_LEAVES,
    "storage/versions": STORAGE_LEAVES,
    "replay": STORAGE,
    "updater": STORAGE,
    "serving/monitor": STORAGE + ["updater"],
    "serving/http": STORAGE,
    "serving/model": STORAGE,
    "serving": STORAGE + ["updater"] + SERVING_FREE + ["serving/model"],
    "serving/edge": SERVING,
    "trainer": STORAGE + ["replay", "updater"] + SERVING_FREE + ["serving/model"],
    "api": STORAGE + ["replay", "updater"] + SERVING_FREE,
    "api/cli": STORAGE + ["updater"] + SERVING_FREE + ["api/process"],
    "api/process": ["storage/base"],
    "api/quickstart": STORAGE + ["updater"] + SERVING_FREE + ["api/process"],
    "api/hub": STORAGE + ["replay", "updater", "trainer", "serving/model", "api"] + SERVING_FREE,
    "api/bench": ALL_ROWS + ["api/hub", "api/process"],
}

# header pattern -> rows that may include it ("mains" are named one by one).
HOMES = {
    r"spdlog/|fmt/": ["storage/base"],
    r"toml\+\+/": ["storage/base"],
    r"openssl/": ["storage/base"],
    r"jpeglib\.h|png\.h|turbojpeg\.h": ["storage/media"],
    r"rocksdb/": ["storage/kv", "tests"],
    r"archive(_entry)?\.h": ["storage/sources"],
    r"zstd\.h|zstd_errors\.h": ["storage/format"],
    r"sodium\.h|sodium/": ["updater"],
    r"zmq(_addon)?\.hpp|zmq\.h": ["updater"],
    r"torch/|ATen/|c10/": ["serving/model", "serving", "serving/edge", "trainer", "api/hub", "api/bench"],
    r"prometheus/|simdjson\.h": ["serving"],
    r"httplib\.h": ["serving/http"],
    r"oneapi/": ["serving/model"],
    r"CLI/": ["serving/edge", "api/cli", "api/hub", "api/bench", "api/quickstart"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
MAX_LINES = 500


def row_of(path: pathlib.PurePath) -> str | None:
    """The longest row that is a prefix of the file's folder; None for tests, scripts and build files."""
    folder = path.parent.as_posix()
    best = None
    for row in TABLE:
        if (folder == row or folder.startswith(row + "/")) and (best is None or len(row) > len(best)):
            best = row
    return best


def sources():
    for top in ["storage", "replay", "updater", "serving", "trainer", "api", "tests"]:
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix in {".h", ".cc", ".cu"}:
                yield path


def cmake_links(row: str) -> set[str] | None:
    """Rows named under LINKS in the row's own perennial_library call."""
    file = ROOT / row / "CMakeLists.txt"
    target = row.replace("/", "_")
    if not file.exists():
        return None
    match = re.search(r"perennial_library\(\s*" + target + r"\b(.*?)\n\s*\)|perennial_library\(\s*" + target + r"\b([^)]*)\)",
                      file.read_text(), re.S)
    if match is None:
        return None
    body = match.group(1) or match.group(2) or ""
    links = re.search(r"(?<!PRIVATE_)\bLINKS\s+([^)]*?)(?=PRIVATE_LINKS|SOURCES|HEADERS|TORCH|\)|$)", body, re.S)
    names = links.group(1).split() if links else []
    known = {name.replace("/", "_"): name for name in TABLE}
    return {known[name] for name in names if name in known}


def main() -> int:
    problems = []
    used: dict[str, set[str]] = {row: set() for row in TABLE}
    lengths = []
    for path in sources():
        relative = path.relative_to(ROOT)
        raw = path.read_bytes()
        lines = raw.count(b"\n")
        lengths.append((lines, relative))
        if lines > MAX_LINES:
            problems.append(f"{relative}: {lines} lines, the limit is {MAX_LINES}")
        if not raw.isascii():
            problems.append(f"{relative}: not ASCII; text in other scripts lives in resource files")
        row = row_of(relative)
        for match in INCLUDE.finditer(raw.decode("utf-8", "replace")):
            header = match.group(1) or match.group(2)
            place = f"{relative}: includes {header}"
            if path.suffix == ".h" and header.startswith("nlohmann/") and row is not None:
                problems.append(f"{place}: nlohmann-json may not be in a header")
            for pattern, homes in HOMES.items():
                if re.match(pattern, header) and row is not None and row not in homes:
                    problems.append(f"{place}: its home is {', '.join(homes)}")
            target = row_of(pathlib.PurePath(header)) if match.group(1) else None
            if row is None or target is None or target == row:
                if row is not None and header.startswith("tests/"):
                    problems.append(f"{place}: nothing includes tests")
                continue
            if target not in TABLE[row]:
                problems.append(f"{place}: {row} may not include {target}")
            used[row].add(target)
    for row, targets in used.items():
        links = cmake_links(row)
        if links is None:
            continue
        for extra in sorted(links - set(TABLE[row])):
            problems.append(f"{row}/CMakeLists.txt: links {extra}, which the table does not allow")
        for missing in sorted(targets - links):
            problems.append(f"{row}/CMakeLists.txt: includes {missing} but does not link it")
    short = sum(1 for lines, _ in lengths if lines < 150)
    if lengths and 2 * short < len(lengths):
        problems.append(f"only {short} of {len(lengths)} source files are under 150 lines; at least half must be")
    for problem in problems:
        print(problem)
    longest = max(lengths, default=(0, "-"))
    print(f"{len(lengths)} source files, {short} under 150 lines, longest {longest[0]} ({longest[1]}); {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
