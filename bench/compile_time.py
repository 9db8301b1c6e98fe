#!/usr/bin/env python3
"""Measures how long programs take to compile: the README's, of one card, of a card more, of all cards.

    bench/compile_time.py                      this tree
    bench/compile_time.py . ../other           two trees, measured in turn, and their ratio
    bench/compile_time.py --flags "-O0"        other flags than -O2 -fopenmp

Seconds are processor time of the compiler (user and system), the least of --repeat runs, without linking. Where a tree has
gmoe/compiled/cpu.hpp, each program is compiled with it too ("compiled": operations come from gmoe::compiled), and so is
what makes that library.
"""

import argparse
import os
import pathlib
import resource
import shlex
import subprocess
import sys
import tempfile

HEAD = """
#include "gmoe/gmoe.hpp"
template <class Card>
void run() {
  const auto text = gmoe::corpus::from_text("in the beginning");
  gmoe::language_model<Card, gmoe::cpu<float>> model{{.d_model = 64, .layers = 3, .experts = 4}};
  gmoe::train(model, text.bytes(), {.steps = 3});
}
"""

PROGRAMS = {
    "includes": '#include "gmoe/gmoe.hpp"\nint main() {}\n',
    "one card": HEAD + "int main() { run<gmoe::gmoe_card>(); }\n",
    "two cards": HEAD + "int main() { run<gmoe::gmoe_card>(), run<gmoe::switch_card>(); }\n",
    "all cards": HEAD + "int main(int, char** argv) { gmoe::with_card(argv[1], []<class Card>() { run<Card>(); }); }\n",
}


def seconds(command):
    """Processor time of a command, or None if it failed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        print(f"{shlex.join(command)}\n{done.stderr[:2000]}", file=sys.stderr)
        return None
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def sources(tree, folder):
    """What is compiled of a tree: name, file, further flags."""
    found = [("minimal.cpp", tree / "examples/minimal.cpp", [])]
    for name, text in PROGRAMS.items():
        file = folder / f"{name.replace(' ', '_')}.cpp"
        file.write_text(text)
        found.append((name, file, []))
    if (tree / "include/gmoe/compiled/cpu.hpp").exists():
        found += [(f"{name}, compiled", file, ["-include", "gmoe/compiled/cpu.hpp"]) for name, file, _ in found]
        found.append(("gmoe::compiled itself", tree / "cmake/compiled.cpp", []))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="*", type=pathlib.Path, default=[], help="roots of one or two source trees")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"))
    parser.add_argument("--flags", default="-O2 -fopenmp", help="default: %(default)s")
    parser.add_argument("--eigen", default="/usr/include/eigen3", help="Eigen's include folder, default: %(default)s")
    parser.add_argument("--only", default="", help="only programs whose name has this in it")
    parser.add_argument("--repeat", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args()
    trees = options.trees or [pathlib.Path(__file__).resolve().parent.parent]
    if len(trees) > 2:
        parser.error("one or two trees")

    best, failed = {}, set()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        jobs = {}
        for number, tree in enumerate(trees):
            if not (tree / "include/gmoe/gmoe.hpp").exists():
                parser.error(f"{tree} has no include/gmoe/gmoe.hpp")
            for name, file, more in sources(tree.resolve(), scratch):
                if options.only in name:
                    jobs.setdefault(name, []).append((number, tree.resolve(), file, more))
        for name, places in jobs.items():
            for _ in range(options.repeat):
                for number, tree, file, more in places:
                    if (name, number) in failed:
                        continue
                    command = [options.compiler, "-std=c++20", *shlex.split(options.flags), f"-I{tree}/include",
                               f"-I{options.eigen}", *more, "-c", str(file), "-o", str(scratch / "out.o")]
                    took = seconds(command)
                    if took is None:
                        failed.add((name, number))
                        continue
                    key = (name, number)
                    best[key] = min(best.get(key, took), took)
            row = [best.get((name, number)) for number in range(len(trees))]
            text = "".join("     -  " if r is None else f"{r:8.2f}" for r in row)
            if len(row) == 2 and all(row):
                text += f"   x {row[1] / row[0]:.2f}"
            print(f"{name:32}{text}", flush=True)
    for number, tree in enumerate(trees):
        for kind in ("", ", compiled"):
            one, two = (best.get((f"{n}{kind}", number)) for n in ("one card", "two cards"))
            if one and two:
                print(f"a card more{kind}, in {tree}: {two - one:.2f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
