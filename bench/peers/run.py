"""Runs this library and the PyTorch sides in turns (A B C A B C ...) on the same weights, batches and threads, and
reports ratios of medians: above 1 this library is faster, or needs less memory. Started by run.sh."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SIZES = ("course", "mid", "small_256", "small_1024")
TASKS = ("train", "evaluate", "generate")
PEERS = ("official_style", "optimised")
PRECISIONS = ("float32", "bf16")  # bf16: products of bfloat16 summed in float, all else in float32
GENERATED = 64


class Worker:
    """A process that answers a line with a line of JSON."""

    def __init__(self, command):
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.errors, text=True)
        self.ready = self.read()["ready"]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f"{' '.join(self.process.args)} ended:\n{self.errors.read()}")
        return json.loads(line)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        return self.read()

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()


def spread_of(values):
    if len(values) < 2:
        return 0.0
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / (2 * median)


def agree(size, task, precision, sides, checks):
    """Both sides must have computed the same, or their times say nothing."""
    ours = checks["gmoe"]
    allowed = 1e-3 if precision == "float32" else 3e-2
    for peer in sides:
        for a, b in zip(ours["losses"], checks[peer]["losses"]):
            if abs(a - b) > allowed * max(1.0, abs(a)):
                raise RuntimeError(f"{size} {task}: gmoe's losses are {ours['losses']}, those of {peer} "
                                   f"{checks[peer]['losses']}")
    return {"losses": {name: c["losses"] for name, c in checks.items()},
            "tokens_equal": {p: checks[p].get("tokens") == ours.get("tokens") for p in sides}}


def measure(options, size, task, precision, candidates):
    data = options.work / f"{size}.safetensors"
    if not data.exists():
        subprocess.run([options.program, "--size", size, "--write", data], check=True)
    common = ["--data", data, "--task", task, "--threads", options.threads,
              "--precision", precision]
    commands = {"gmoe": [options.program, "--size", size, *common]}
    for peer in PEERS:
        commands[peer] = [sys.executable, HERE / f"{peer}.py", *common]
    workers, settings = {}, {}
    try:
        # Settings are tried in processes of their own, so that the trial does not count as memory.
        for peer in PEERS if len(candidates) > 1 else ():
            workers[peer] = Worker(commands[peer])
            settings[peer] = workers[peer].ask("prepare", *candidates)
            workers.pop(peer).close()
        for name, command in commands.items():
            workers[name] = Worker(command)
        chosen = {name: settings.get(name, {}).get("settings") or candidates[0] for name in workers}
        agreement = agree(size, task, precision, PEERS, {name: w.ask("check", chosen[name]) for name, w in workers.items()})
        for name, worker in workers.items():
            prepared = worker.ask("prepare", chosen[name])
            settings.setdefault(name, prepared)
        seconds = {name: [] for name in workers}
        units = {}
        for name, worker in workers.items():  # as many units as fill the time of a turn
            once = statistics.median(worker.ask("run", 2, GENERATED)["seconds"])
            units[name] = max(1, min(200, round(options.turn / once)))
        for _ in range(options.rounds):
            for name, worker in workers.items():
                time.sleep(0.02)  # the side before stops spinning
                seconds[name].append(statistics.median(worker.ask("run", units[name], GENERATED)["seconds"]))
        memory = {name: w.ask("memory")["peak_resident_bytes"] for name, w in workers.items()}
        environments = {name: w.ready for name, w in workers.items()}
    finally:
        for worker in workers.values():
            worker.close()
    ratios = []
    for peer in PEERS:
        pairs = [theirs / ours for ours, theirs in zip(seconds["gmoe"], seconds[peer])]
        label = {"size": size, "task": task, "precision": precision, "peer": peer}
        ratios.append({**label, "metric": "throughput",
                       "ratio": statistics.median(seconds[peer]) / statistics.median(seconds["gmoe"]),
                       "spread": spread_of(pairs)})
        if memory["gmoe"] and memory[peer]:
            ratios.append({**label, "metric": "memory", "ratio": memory[peer] / memory["gmoe"], "spread": 0.0})
    details = {"size": size, "task": task, "precision": precision, "median_seconds": {n: statistics.median(s) for n, s in seconds.items()},
               "spread": {n: spread_of(s) for n, s in seconds.items()}, "peak_resident_bytes": memory,
               "settings": settings, "agreement": agreement}
    return ratios, details, environments


def compile_seconds(root):
    """A user's first program, compiled without preparation by one core."""
    source = root / "examples" / "minimal.cpp"
    if not source.exists():
        return None
    includes = ["-I", root / "include"]
    for folder in ("/usr/include/eigen3", "/usr/local/include/eigen3"):
        if os.path.isdir(folder):
            includes += ["-isystem", folder]
    command = [os.environ.get("CXX", "g++"), "-std=c++20", "-O2", *includes, source, "-o", os.devnull]
    start = time.perf_counter()
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if result.returncode != 0:
        print(f"examples/minimal.cpp does not compile by itself:\n{result.stderr[:500]}", file=sys.stderr)
        return None
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=pathlib.Path, help="file for the results")
    parser.add_argument("--quick", action="store_true", help="two sizes, few rounds: for a first look")
    parser.add_argument("--sizes", default="", help="comma-separated, of: " + " ".join(SIZES))
    parser.add_argument("--tasks", default="", help="comma-separated, of: " + " ".join(TASKS))
    parser.add_argument("--precisions", default="", help="comma-separated, of: " + " ".join(PRECISIONS))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of both sides")
    parser.add_argument("--rounds", type=int, default=0, help="turns of each side (quick: 5, else 11)")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile untried")
    parser.add_argument("--program", type=pathlib.Path, required=True, help="this library's side (bench_peer)")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for weights and compiled kernels")
    options = parser.parse_args()
    options.rounds = options.rounds or (5 if options.quick else 11)
    options.turn = 0.5 if options.quick else 1.0
    sizes = options.sizes.split(",") if options.sizes else ("course", "small_256") if options.quick else SIZES
    tasks = options.tasks.split(",") if options.tasks else TASKS
    precisions = options.precisions.split(",") if options.precisions else PRECISIONS
    options.work.mkdir(parents=True, exist_ok=True)
    os.environ.pop("OPENBLAS_CORETYPE", None)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(options.work / "inductor"))
    for library in pathlib.Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).glob("**/*.so"):
        if library.stat().st_size == 0:  # of a run that was interrupted; PyTorch would fail on it for ever
            library.unlink()

    results = {"quick": options.quick, "threads": options.threads, "load_before": os.getloadavg()[0],
               "environment": {}, "ratios": [], "details": []}
    # Generation reads one row at a time: gmoe keeps it in float32 always.
    work = [(s, t, p) for p in precisions for s in sizes for t in tasks if p == "float32" or t != "generate"]
    if options.quick and not options.precisions:
        work = [w for w in work if w[2] == "float32" or w == ("course", "train", "bf16")]
    failed = []

    def save():
        if options.json:
            options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")

    for size, task, precision in work:
        # Compiling the large model takes minutes; the quick look tries it where it pays most.
        untried = options.no_compile or (options.quick and size != "course" and task != "train")
        candidates = ["eager"] if untried else ["eager", "compiled"]
        try:
            ratios, details, environments = measure(options, size, task, precision, candidates)
        except RuntimeError as error:
            failed.append(f"{size} {task} {precision}")
            print(f"{failed[-1]} failed: {error}", file=sys.stderr, flush=True)
            continue
        if not results["environment"]:
            results["environment"] = environments
            for name in ("gmoe", "optimised"):
                print(name, json.dumps(environments[name]))
            if results["load_before"] > 0.5:
                print(f"others use this machine (load {results['load_before']:.1f}): trust nothing; with "
                      "OMP_WAIT_POLICY=passive both sides suffer less")
            print(f"\n{'size':12} {'task':9} {'precision':9} {'peer':15} {'settings':9} {'throughput':>10} {'spread':>7} "
                  f"{'memory':>7}")
        results["ratios"] += ratios
        results["details"].append(details)
        save()
        for peer in PEERS:
            mine = {r["metric"]: r for r in ratios if r["peer"] == peer}
            print(f"{size:12} {task:9} {precision:9} {peer:15} {details['settings'][peer]['settings']:9} "
                  f"{mine['throughput']['ratio']:10.2f} {mine['throughput']['spread']:7.2f} "
                  f"{mine['memory']['ratio'] if 'memory' in mine else 0:7.2f}", flush=True)
    results["compile_seconds_minimal_example"] = compile_seconds(HERE.parents[1])
    print(f"\nexamples/minimal.cpp compiles in {results['compile_seconds_minimal_example'] or float('nan'):.1f} s")
    save()
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


if __name__ == "__main__":
    main()
