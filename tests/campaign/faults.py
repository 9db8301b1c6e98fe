"""Every k-th call of the system fails, for every k until the program gets through.

Under the library of faults.cpp, train (a new run, one that is continued, one in the place of another), sample and compare
have their k-th write, read, open, ... fail, for each k. What must hold of every one of these runs:

- It ends with 1 and one sentence on standard error, which gives the reason, and names a file; where memory was
  refused, it says so. Or it gets through, and then has done what an undisturbed run does, to the byte.
- Nothing unfinished lies around (.gmoe-*.tmp).
- The same command again, without a fault, gets through; what it leaves is what an undisturbed run leaves.
"""

import errno
import os
import re
import signal
import sys
import time

from common import (Wrong, again, compare, content, differences, drawn, kept_by_compare, kept_by_train, must_run, options, report,
                    run, sample, temporary_files, train, workplace)

# What fails and how. Faults that last are those of a disk that stays full; an interrupted call and half a one are no
# errors, and nobody may notice them.
FAULTS = [
    ("write", "ENOSPC", True),
    ("write", "EIO", False),
    ("write", "short", False),
    ("write", "EINTR", False),
    ("read", "EIO", False),
    ("read", "short", False),
    ("read", "EINTR", False),
    ("open", "EMFILE", False),
    ("open", "EMFILE", True),
    ("open", "EACCES", False),
    ("open", "EINTR", False),
    ("rename", "EIO", False),
    ("rename", "ENOSPC", True),
    ("fsync", "EIO", False),
    ("fsync", "EINTR", False),
    ("mmap", "ENOMEM", False),
    ("stat", "EIO", False),
    ("mkdir", "ENOSPC", False),
    ("flock", "ENOLCK", False),
    ("flock", "EINTR", False),
    ("allocation", "ENOMEM", False),
    ("allocation", "ENOMEM", True),
]
HARMLESS = ("short", "EINTR")
# For the test command: by name, as numbers of calls change with the program.
SHORT = {
    "train": [
        "write@.gmoe-:40+:ENOSPC",
        "write@log.jsonl:3:EIO",
        "write@.gmoe-:7:short",
        "rename@checkpoint:2:EIO",
        "rename@best:1+:ENOSPC",
        "fsync@.gmoe-:3:EIO",
        "stat@.gmoe-:1:EIO",  # left the new file behind
        "open@text.txt:1:EINTR",
        "allocation:1:ENOMEM",  # before there was anybody to tell it
        "allocation:1+:ENOMEM",
    ],
    "sample": ["mmap@checkpoint:1:ENOMEM", "open@checkpoint:1:EMFILE", "allocation:1+:ENOMEM"],
}


class Scenario:
    """A program in a folder: where it begins, how it is called, how it is called after a fault, and what it keeps."""

    def __init__(self, name, start, command, repeat, kept, last_good=None):
        self.name, self.start, self.command, self.repeat, self.kept = name, start, command, repeat, kept
        self.last_good = last_good  # a checkpoint that must be there afterwards, whatever happens


def scenarios(build, place, short):
    """In `place`, where what they start from is made first."""
    must_run(train(build, "begun", steps=4), place)
    os.remove(os.path.join(place, "begun/best.safetensors"))
    if not short:
        must_run(train(build, "other", "--seed", "7", steps=2), place)

    def there():
        return os.path.exists(os.path.join(place, "work/checkpoint.safetensors"))

    def trained(_):
        return kept_by_train(os.path.join(place, "work"))

    continued = train(build, "work", "--steps", "6", resume=True)
    replaced = train(build, "work", "--overwrite")
    return [
        Scenario("train", None, train(build, "work"), lambda: train(build, "work", resume=there()), trained),
        Scenario("continue", "begun", continued, lambda: continued, trained, "work/checkpoint.safetensors"),
        Scenario("overwrite", "other", replaced, lambda: replaced, trained, "work/checkpoint.safetensors"),
        Scenario("sample", "begun", sample(build, "work"), lambda: sample(build, "work"), lambda out: {"output": out}),
        Scenario("compare", None, compare(build, "work"), lambda: compare(build, "work"),
                 lambda _: {"results": kept_by_compare(os.path.join(place, "work"))}),
    ]


def check_sentence(program, error, kind, reason, lasting, log):
    """What a program says that could not go on."""
    lines = error.strip().split("\n")
    if len(lines) != 1 or not lines[0].startswith(program + ": "):
        raise Wrong(f"expected one sentence of {program}, got: {error!r}")
    if log.startswith("failed allocation"):
        if "memory" not in error:
            raise Wrong(f"memory was refused, but it says {error!r}")
        return
    name = os.path.basename(log.split("\n")[0].split(" ", 3)[3].strip())
    # Who is told nothing of a file tries to open it, and has another reason then. What is cleared away, if that goes, is
    # missed by nobody: of a fault that lasts, the sentence is about a later call.
    if kind != "stat" and os.strerror(getattr(errno, reason)) not in error:
        raise Wrong(f"expected the reason {os.strerror(getattr(errno, reason))!r} in {error!r}")
    if not re.search(r"['\"].+['\"]|/|\.", error.split(": ", 1)[1]):
        raise Wrong(f"no file is named in {error!r}")
    if not lasting and name not in ("", "work") and not name.startswith(".gmoe-") and name not in error:
        raise Wrong(f"{name} failed, but it says {error!r}")


def one(scenario, place, library, fault, whole):
    """One run with a fault, and one after it. Whether the fault came to pass, and whether the program got through."""
    kind, number, reason = re.fullmatch(r"(\w+)(?:@[^:]*)?:([^:]*):(\w+)", fault).groups()
    start = None if scenario.start is None else os.path.join(place, scenario.start)
    work, log = os.path.join(place, "work"), os.path.join(place, "faults")
    again(work, start)
    if os.path.exists(log):
        os.remove(log)
    extra = {"LD_PRELOAD": library, "GMOE_FAULT": fault, "GMOE_FAULT_LOG": log}
    status, out, error = run(scenario.command, place, extra)
    said = (content(log) or b"").decode()
    name = os.path.basename(scenario.command[0])
    if not said.startswith("failed "):
        return False, True
    # nlohmann's JSON takes memory as it is taken apart, and where there never is any again the program ends there: as if
    # it were killed, so what it leaves must be good for the next start.
    killed = kind == "allocation" and number.endswith("+") and status == -signal.SIGABRT and "bad_alloc" in error
    if status not in (0, 1) and not killed:
        raise Wrong(f"ended with {status}: {error!r}")
    if not killed and (left := temporary_files(work)):
        raise Wrong(f"left {left}")
    if killed:
        pass
    elif status == 1:
        if reason in HARMLESS:
            raise Wrong(f"could not stand it: {error!r}")
        check_sentence(name, error, kind, reason, number.endswith("+"), said)
    elif unlike := differences(scenario.kept(out), whole):
        raise Wrong(f"got through, but not to the same {unlike}; {error!r}")
    if scenario.last_good and not os.path.exists(os.path.join(place, scenario.last_good)):
        raise Wrong("the last good checkpoint is gone")
    second, out, error = run(scenario.repeat(), place)
    if second != 0:
        raise Wrong(f"after it, the command cannot be repeated: {error!r}")
    if unlike := differences(scenario.kept(out), whole):
        raise Wrong(f"after it, the repeated command does not come to the same {unlike}")
    if left := temporary_files(work):
        raise Wrong(f"the repeated command left {left}")
    return True, status == 0


def faults_of(scenario, counts, a):
    """All that are tried, as GMOE_FAULT has them."""
    for kind, reason, lasting in FAULTS:
        if a.kinds and kind not in a.kinds:
            continue
        numbers = list(range(1, counts[kind] + 1))
        if len(numbers) > a.most:
            first, others = numbers[: a.most // 4], numbers[a.most // 4 :]
            numbers = first + sorted(drawn(a.seed, scenario.name, kind, reason, lasting).sample(others, a.most - len(first)))
        for n in numbers:
            yield f"{kind}:{n}{'+' * lasting}:{reason}"


def main():
    a = options(__doc__, library=("", "the library of faults.cpp; else it is in the build"),
                most=(200, "calls of one kind that fail in a scenario: the first quarter of that, and others at random"),
                only=([], "scenarios"), kinds=([], "kinds of calls"), short=(False, "a few by name, for the test command"))
    library = os.path.abspath(a.library or os.path.join(a.build, "tests/campaign/libcampaign_faults.so"))
    if not os.path.exists(library):
        sys.exit(f"{library} is not there: build it first (cmake --build --preset long)")
    finds = 0
    with workplace() as place:
        for s in scenarios(a.build, place, a.short):
            if (a.only and s.name not in a.only) or (a.short and s.name not in SHORT):
                continue
            started = time.monotonic()
            again(os.path.join(place, "work"), None if s.start is None else os.path.join(place, s.start))
            log = os.path.join(place, "counts " + s.name)
            status, out, error = run(s.command, place, {"LD_PRELOAD": library, "GMOE_FAULT_LOG": log})
            if status != 0:
                sys.exit(f"{s.name}: without a fault it ended with {status}: {error}")
            whole = s.kept(out)
            counts = {kind: int(n) for kind, n in (line.split() for line in content(log).decode().splitlines())}
            injected = unharmed = 0
            for fault in SHORT[s.name] if a.short else faults_of(s, counts, a):
                try:
                    happened, through = one(s, place, library, fault, whole)
                    if a.short and not happened:
                        raise Wrong("it never came to pass")
                    injected += happened
                    unharmed += happened and through
                except Wrong as e:
                    finds += 1
                    print(f"{s.name}: {fault}: {e}", flush=True)
            report(f"{s.name}: {injected} faults, of which {unharmed} did no harm", started)
    if finds:
        sys.exit(f"{finds} finds")


if __name__ == "__main__":
    main()
