"""The Python package safetensors and our reader read the same mutated files, and must say the same of each.

Files are made of a header with its structure (tensors, types, shapes, offsets, notes), changed where it means something or
anywhere in its text, and of data that fit or do not. A file that both accept must have the same tensors, bytes and notes.
Files that only one of them accepts are counted by the reason that the other gives; each such reason is argued in
docs/reliability.md and listed below, and any other one is a find.
"""

import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

from common import drawn, options, report

# Reasons for which ours alone refuses: what is told of a file, as a pattern. A key that occurs twice comes first, since it
# may be the first of the two that is refused: see `has_a_key_twice`.
TWICE = "a key twice: the package takes the last"
ARGUED = {
    "a type that is no number to compute with here (FP8, FP6, FP4, complex)": r"unknown dtype '(F8_|F6_|F4'|C64')",
    "an unknown key of a tensor": r"unknown key '",
    "notes that are null": r"'__metadata__': found null, expected an object$",
    "white space before the header's first brace": r"the header is not JSON, expected it to begin with '\{'",
    "a dimension of 2^63 or more, beside one of 0": r"dimension \d+ is out of range$",
    "dimensions whose product is 2^63 bytes or more, beside one of 0": r"shape \[(.*, )?0(,.*)?\] of \w+ is too large$",
}

TYPES = {"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4,
         "F32": 4, "F64": 8, "I64": 8, "U64": 8}
ODD_TYPES = ["F4", "F8_E8M0", "F6_E2M3", "C64", "f32", "", "F32 ", "F128", None, 1, ["F32"]]
ODD_NUMBERS = [-1, 0, 1, 2, 3, 7, 8, 2**31, 2**32, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 1.0, 1.5, True, None, "1", [1], {}]
NAMES = ["a", "weight", "", "b\u00e9", "\U0001f600", "__metadata__", "a.b", "\\", "\"", "\n", "\u0000", "x" * 300]
WORDS = [b"{", b"}", b"[", b"]", b",", b":", b" ", b"\t", b"\n", b"\0", b"\"", b"null", b"true", b"-0", b"01", b"1.0", b"1e0", b"1E2",
         b"\\u0000", b"\\ud800", b"\\ud83d\\ude00", b"\xef\xbb\xbf", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\"dtype\":\"F32\",",
         b"\"shape\":[1],", b"\"data_offsets\":[0,4],", b"\"__metadata__\":{},", b"/**/", b"NaN", b"Infinity", b"'", b"\\/", b"\x7f", b"\x1f"]


def good_file(random):
    """Tensors that tile the data, and notes: a header as a list of pairs, and the data's size."""
    header, position = [], 0
    names = random.sample(NAMES[:5] + NAMES[6:], random.randint(0, 4))
    for name in names:
        kind = random.choice(list(TYPES))
        shape = [random.choice([0, 1, 1, 2, 3]) for _ in range(random.randint(0, 3))]
        size = TYPES[kind]
        for n in shape:
            size *= n
        header.append((name, [("dtype", kind), ("shape", shape), ("data_offsets", [position, position + size])]))
        position += size
    if random.random() < 0.4:
        notes = [(random.choice(NAMES), random.choice(["pt", "", "\u00e9", "{}"])) for _ in range(random.randint(0, 2))]
        header.insert(random.randint(0, len(header)), ("__metadata__", list(dict(notes).items())))
    random.shuffle(header)
    return header, position


def change_structure(random, header):
    """One change that means something."""
    if not header or random.random() < 0.1:
        header.append((random.choice(NAMES), random.choice([None, [], 1, "x", [("dtype", "F32")], [("k", 1)], [("k", "v")]])))
        return
    at = random.randrange(len(header))
    name, fields = header[at]
    what = random.randrange(12)
    if what == 0:
        header[at] = (random.choice(NAMES), fields)
    elif what == 1:
        header.append((name, fields))
    elif what == 2:
        del header[at]
    elif what == 3:
        header.insert(random.randint(0, len(header)), header.pop(at))
    elif isinstance(fields, list) and fields and isinstance(fields[0], tuple):
        fields = list(fields)
        spot = random.randrange(len(fields))
        key, value = fields[spot]
        if what == 4:
            del fields[spot]
        elif what == 5:
            fields.append((key, value))
        elif what == 6:
            fields.append((random.choice(["extra", "dtype", "shape", "data_offsets", ""]), random.choice(ODD_NUMBERS + ["F32"])))
        elif what == 7:
            random.shuffle(fields)
        elif key == "dtype":
            fields[spot] = (key, random.choice(list(TYPES) + ODD_TYPES))
        elif isinstance(value, list):
            value = list(value)
            if value and random.random() < 0.7:
                i = random.randrange(len(value))
                value[i] = random.choice(ODD_NUMBERS + [value[i] + d for d in (-4, -1, 1, 4, 8) if isinstance(value[i], int)])
            elif value and random.random() < 0.5:
                value.pop()
            else:
                value.append(random.choice(ODD_NUMBERS))
            fields[spot] = (key, value)
        else:
            fields[spot] = (key, random.choice(ODD_NUMBERS + NAMES))
        header[at] = (name, fields)


def text_of(random, value):
    """JSON of pairs as they stand, doubles included."""
    ascii_only, gap = random.random() < 0.5, random.choice(["", "", "", " "])

    def write(v):
        if isinstance(v, list) and (not v or isinstance(v[0], tuple)) and v is not None:
            if v or random.random() < 0.7:
                return "{" + ("," + gap).join(write(k) + ":" + gap + write(x) for k, x in v) + "}"
        return json.dumps(v, ensure_ascii=ascii_only)

    def pairs(v):
        return "{" + ("," + gap).join(
            json.dumps(k, ensure_ascii=ascii_only) + ":" + gap + (write(x) if not plain_list(k, x) else json.dumps(x)) for k, x in v) + "}"

    def plain_list(key, x):
        return isinstance(x, list) and not any(isinstance(i, tuple) for i in x) and key in ("shape", "data_offsets")

    def tensor(x):
        return pairs(x) if isinstance(x, list) and (not x or isinstance(x[0], tuple)) else json.dumps(x, ensure_ascii=ascii_only)

    return "{" + ("," + gap).join(json.dumps(k, ensure_ascii=ascii_only) + ":" + gap + tensor(x) for k, x in value) + "}"


def one_file(seed, number):
    random = drawn(seed, number)
    header, size = good_file(random)
    how = random.random()
    for _ in range(0 if how < 0.05 else 1 if how < 0.7 else random.randint(1, 3)):
        if random.random() < 0.6:
            change_structure(random, header)
    text = text_of(random, header).encode("utf-8", "surrogatepass")
    while random.random() < 0.35:
        at = random.randint(0, len(text))
        kind = random.randrange(4)
        if kind == 0:
            text = text[:at] + random.choice(WORDS) + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + random.randint(1, 4):]
        elif kind == 2 and at < len(text):
            text = text[:at] + bytes([text[at] ^ (1 << random.randrange(8))]) + text[at + 1:]
        else:
            text += random.choice([b" ", b"  ", b"\n", b"\0", b"x", b" " * 7])
    size += random.choice([0] * 20 + [-1, 1, 8, -8])
    length = len(text) + random.choice([0] * 20 + [-1, 1, 8, 2**40, 2**63])
    data = bytes(random.randrange(256) for _ in range(max(size, 0)))
    file = struct.pack("<Q", length & (2**64 - 1)) + text + data
    return file[:random.randint(0, len(file))] if random.random() < 0.02 else file


def theirs(file, folder):
    """What the package says, in our reader's words."""
    import safetensors

    try:
        tensors = {name: {"dtype": t["dtype"], "shape": list(t["shape"]), "data": bytes(t["data"]).hex()}
                   for name, t in safetensors.deserialize(file)}
        path = os.path.join(folder, "file")
        with open(path, "wb") as out:
            out.write(file)
        with safetensors.safe_open(path, framework="np") as opened:
            metadata = opened.metadata() or {}
        return {"tensors": tensors, "metadata": metadata}
    except safetensors.SafetensorError as e:
        return {"refused": str(e)}


def kind_of(reason):
    """A reason without what is only of one file."""
    reason = re.sub(r"^safetensors file '[^']*': ", "", reason)
    return re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", re.sub(r"-?\d+", "N", reason))[:120]


def has_a_key_twice(file):
    """Whether any object of the header has a key more than once."""
    found = []

    def look(pairs):
        if len({k for k, _ in pairs}) < len(pairs):
            found.append(pairs)
        return dict(pairs)

    json.loads(file[8:8 + struct.unpack("<Q", file[:8])[0]], object_pairs_hook=look)
    return bool(found)


def main():
    a = options(__doc__, files=(100000, "so many"), reader=("", "the program oracle_reader; else it is in the build"),
                show=(3, "examples of each disagreement that is not argued"))
    try:
        import numpy  # noqa: F401  the package wants it to open files
        import safetensors
    except ImportError as e:
        print(f"skipped: {e}; pip install safetensors numpy")
        return
    reader = a.reader or os.path.join(a.build, "tests/campaign/campaign_oracle_reader")
    started, counts, argued, others = time.monotonic(), collections.Counter(), collections.Counter(), collections.defaultdict(list)
    where = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="gmoe-campaign-", dir=where) as folder:
        for first in range(0, a.files, 2000):
            files = [one_file(a.seed, n) for n in range(first, min(first + 2000, a.files))]
            done = subprocess.run([reader], input=b"".join(struct.pack("<Q", len(f)) + f for f in files), capture_output=True)
            lines = done.stdout.decode().splitlines()
            if done.returncode != 0 or len(lines) != len(files):
                sys.exit(f"our reader ended with {done.returncode} after {len(lines)} of {len(files)} files from {first}: {done.stderr!r}")
            for number, (file, line) in enumerate(zip(files, lines), first):
                ours, other = json.loads(line), theirs(file, folder)
                if "refused" in ours and "refused" in other:
                    counts["both refuse"] += 1
                elif "refused" in ours:
                    counts["ours alone refuses"] += 1
                    names = [TWICE] if has_a_key_twice(file) else [name for name, pattern in ARGUED.items() if re.search(pattern, ours["refused"])]
                    if names:
                        argued[names[0]] += 1
                    else:
                        others["ours alone refuses: " + kind_of(ours["refused"])].append((number, file))
                elif "refused" in other:
                    counts["theirs alone refuses"] += 1
                    others["theirs alone refuses: " + kind_of(other["refused"])].append((number, file))
                elif ours == other:
                    counts["both accept, with equal contents"] += 1
                else:
                    counts["both accept, with other contents"] += 1
                    others["other contents"].append((number, file))
    for what, n in sorted(counts.items()):
        print(f"{what}: {n}")
    for what, n in argued.most_common():
        print(f"  argued: {what}: {n}")
    for what, cases in sorted(others.items(), key=lambda c: -len(c[1])):
        print(f"  NOT ARGUED: {what}: {len(cases)}")
        for number, file in cases[: a.show]:
            print(f"    file {number}: {file[8:400]!r}")
    report(f"{a.files} files, safetensors {safetensors.__version__}", started)
    if others:
        sys.exit(1)


if __name__ == "__main__":
    main()
