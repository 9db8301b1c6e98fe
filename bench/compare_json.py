#!/usr/bin/env python3
"""Compares two result files of the same benchmark: compare_json.py OLD.json NEW.json [--threshold 0.05] [--fail].

Reads Google Benchmark's JSON (--benchmark_out=FILE: medians of repetitions, with their coefficient of variation) and
the --json files of the other programs here (numbers by their path). Prints every figure that changed by more than the
threshold and by more than both runs' spread; with --fail, ends with status 1 if one got worse.
"""

import argparse
import json
import sys

# Of the figures in our own files, those where less is better; of the rest, rates, shares and ratios, more is.
LESS_IS_BETTER = ("_ms", "_mb", "_seconds", "allocations_per_step", "bytes_allocated_per_step")
MORE_IS_BETTER = ("_per_s", "gflops", "gbs", "ratio", "share_of_skeleton", "share_of_best_product", "share_of_peak")
LABELS = ("name", "what", "size", "task", "peer", "metric", "form", "m", "k", "n", "mib", "experts", "threads")


def google_figures(data):
    """name -> (seconds, spread, less is better)"""
    by_run = {}
    for entry in data["benchmarks"]:
        run = by_run.setdefault(entry.get("run_name", entry["name"]), {})
        run[entry.get("aggregate_name", "median")] = entry
    figures = {}
    for name, run in by_run.items():
        if "median" in run:
            spread = run["cv"]["real_time"] if "cv" in run else 0.0
            figures[name] = (run["median"]["real_time"], spread, True)
    return figures


def own_figures(data, path=""):
    figures = {}
    if isinstance(data, list):
        for number, entry in enumerate(data):
            label = number
            if isinstance(entry, dict):
                label = " ".join(str(entry[key]) for key in LABELS if key in entry) or number
            figures.update(own_figures(entry, f"{path}/{label}"))
    elif isinstance(data, dict):
        for key, value in data.items():
            less = any(key.endswith(end) for end in LESS_IS_BETTER)
            if isinstance(value, (dict, list)):
                figures.update(own_figures(value, f"{path}/{key}"))
            elif isinstance(value, (int, float)) and key not in LABELS and (
                    less or key == "value" or any(key.endswith(end) for end in MORE_IS_BETTER)):
                figures[f"{path}/{key}"] = (value, data.get("spread", data.get("train_spread", 0.0)), less)
    return figures


def read(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    return google_figures(data) if "benchmarks" in data else own_figures(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--threshold", type=float, default=0.05, help="smallest change worth a line (0.05: 5 %%)")
    parser.add_argument("--fail", action="store_true", help="status 1 if a figure got worse")
    options = parser.parse_args()
    old, new = read(options.old), read(options.new)
    worse = shown = 0
    for name in (n for n in new if n in old):
        (a, spread_a, less), (b, spread_b, _) = old[name], new[name]
        if not a:
            change = 0.0 if not b else float("inf")
        else:
            change = b / a - 1
        if abs(change) <= max(options.threshold, spread_a, spread_b):
            continue
        got_worse = (change > 0) == less
        worse += got_worse
        shown += 1
        print(f"{'worse ' if got_worse else 'better'} {change:+8.1%}  {a:12.5g} -> {b:12.5g}  {name}")
    for name in sorted(set(old) ^ set(new)):
        print(f"only in {'old' if name in old else 'new'}: {name}")
    print(f"{len(set(old) & set(new))} figures compared, {shown} changed, {worse} of them for the worse")
    return 1 if options.fail and worse else 0


if __name__ == "__main__":
    sys.exit(main())
