"""What the parts of the campaign share: a folder to work in, a text, programs on tiny models, and what a run has kept."""

import argparse
import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

SIZES = "--batch 2 --sequence 16 --d-model 16 --layers 2 --heads 2 --d-ff 16 --experts 4".split()
# Nobody pulls the plug here, and programs do not start themselves once more (examples/gentle_threads.hpp).
ENVIRONMENT = dict(os.environ, OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")


class Wrong(Exception):
    """Something that should not be; says what."""


def options(about, **more):
    """Those of every part, and `more`: name=(default, help). Comes back with the chosen seed."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--build", default="build/long", help="folder of a build with the programs")
    parser.add_argument("--seed", type=int, default=1, help="of everything that is drawn")
    for name, (default, text) in more.items():
        kind = (
            {"action": "store_true"}
            if default is False
            else {"nargs": "*", "default": default} if isinstance(default, list) else {"default": default, "type": type(default)}
        )
        parser.add_argument("--" + name.replace("_", "-"), help=text, **kind)
    chosen = parser.parse_args()
    chosen.build = os.path.abspath(chosen.build)
    return chosen


@contextlib.contextmanager
def workplace():
    """A folder in memory, with a text, that goes away."""
    where = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="gmoe-campaign-", dir=where) as folder:
        with open(os.path.join(folder, "text.txt"), "w") as text:
            for i in range(300):
                text.write(f"Verse {i} of a text, {i * i % 97} words long.\n")
        yield folder


def program(build, name):
    path = os.path.join(build, "examples", name)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is not there: build it first (cmake --build --preset long)")
    return path


def train(build, folder, *more, steps=4, resume=False):
    command = [program(build, "train"), "--text", "text.txt", "--checkpoint-dir", folder, "--threads", "1"]
    command += "--sample-tokens 0 --checkpoint-every 2 --evaluate-batches 1 --final-batches 1".split()
    command += ["--resume"] if resume else ["--steps", str(steps), *SIZES]
    return command + list(more)


def sample(build, folder):
    return [program(build, "sample"), "--checkpoint", folder, "--threads", "1", "--tokens", "8", "--prompt", "Verse"]


def compare(build, folder, *more, steps=4):
    command = [program(build, "compare"), "--text", "text.txt", "--variants", "gmoe", "--dense", "plain", "--threads", "1"]
    command += "--seeds 1 --validation-tokens 64 --analysis-tokens 64".split() + ["--steps", str(steps), *SIZES]
    for option, file in ("--json", "r.json"), ("--report", "r.html"), ("--runs", "runs"):
        command += [option, os.path.join(folder, file)]
    return command + list(more)


def run(command, folder, extra=None, limit=120):
    """Status (minus the signal that ended it), standard output, standard error."""
    done = subprocess.run(command, cwd=folder, env={**ENVIRONMENT, **(extra or {})}, capture_output=True, timeout=limit)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def must_run(command, folder):
    status, _, error = run(command, folder)
    if status != 0:
        raise Wrong(f"{' '.join(command)} ended with {status}: {error}")


def content(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def kept_by_train(folder):
    """All that a run leaves in its folder, but how long it took."""
    kept = {}
    for name in "checkpoint.safetensors", "best.safetensors", "official/model.safetensors", "official/config.json":
        kept[name] = content(os.path.join(folder, name))
    lines = [json.loads(line) for line in (content(os.path.join(folder, "log.jsonl")) or b"").splitlines()]
    for line in lines:
        line.pop("seconds", None)
    kept["log.jsonl"] = lines
    return kept


def without_times(value):
    """A comparison's results but what a clock or the machine's memory says, and where it was run."""
    if isinstance(value, dict):
        left_out = ("second", "provenance", "memory", "peak", "speedup")
        return {k: without_times(v) for k, v in value.items() if not any(word in k for word in left_out)}
    return [without_times(v) for v in value] if isinstance(value, list) else value


def kept_by_compare(folder):
    text = content(os.path.join(folder, "r.json"))
    return None if text is None else without_times(json.loads(text))


def differences(one, other):
    """Names of what two runs have kept unlike."""
    return sorted(k for k in set(one) | set(other) if one.get(k) != other.get(k))


def temporary_files(folder):
    return [os.path.join(at, f) for at, _, files in os.walk(folder) for f in files if f.endswith(".tmp")]


def again(folder, of):
    """The folder as that one is; empty if there is none."""
    shutil.rmtree(folder, ignore_errors=True)
    if of is not None:
        shutil.copytree(of, folder)


def drawn(seed, *name):
    return random.Random("/".join(str(part) for part in (seed, *name)))


def report(what, started):
    print(f"{what}, in {time.monotonic() - started:.0f} s", flush=True)
