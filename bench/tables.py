#!/usr/bin/env python3
"""Prints the tables of docs/performance.md from result files: tables.py FILE.json..., those that ceiling, model,
fusion, scaling and backends wrote with --json and that of peers/run.sh, in any order."""

import json
import sys


def table(title, columns, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def percent(share):
    return f"{100 * share:.0f} %"


def figure(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plus_minus(value, spread):
    return f"{value:.2f} ± {value * spread:.2f}"


def ceiling(data):
    rows = [(f"multiply-adds in registers, {e['threads']} threads", f"{e['value']:.0f} GFLOP/s")
            for e in data["peak_gflops"]]
    rows += [(f"copy of {e['mib']} MiB, {e['threads']} threads", f"{e['value']:.1f} GB/s") for e in data["copy_gbs"]]
    table("What the machine can do", ["what", "rate"], rows)
    table("Matrix products, GFLOP/s", ["form", "m × k × n", "threads", "gmoe", "plain Eigen", "ratio"],
          [(e["form"], f"{e['m']} × {e['k']} × {e['n']}", e["threads"], figure(e["gmoe_gflops"]),
            figure(e["eigen_gflops"]), plus_minus(e["ratio"], e["spread"])) for e in data["products"]])


def model(data):
    table("Whole models",
          ["size", "training tokens/s", "of the GEMM skeleton", "of the best product", "of the peak",
           "evaluation tokens/s", "generation tokens/s", "peak memory MB", "bytes allocated per step"],
          [(e["size"], figure(e["train_tokens_per_s"]), percent(e["share_of_skeleton"]),
            percent(e["share_of_best_product"]), percent(e["share_of_peak"]), figure(e["evaluate_tokens_per_s"]),
            figure(e["generate_tokens_per_s"]), figure(e["peak_resident_mb"]), e["bytes_allocated_per_step"])
           for e in data["sizes"]])
    table("Threads", ["size", "1 thread, ms per step", "all threads", "ratio"],
          [(e["size"], figure(e["one_thread_ms"]), f"{figure(e['all_threads_ms'])} on {e['threads']}",
            plus_minus(e["ratio"], e["spread"])) for e in data.get("threads", [])])


def scaling(data):
    table("Scaling of training at the size of a course, one number varied",
          ["varied", "value", "tokens per step", "parameters", "tokens/s", "spread", "memory MB"],
          [(e["axis"], e["value"], figure(e["tokens_per_step"]), f"{e['parameters_m']:.1f} M",
            figure(e["train_tokens_per_s"]), percent(e["spread"]), figure(e["memory_mb"])) for e in data["scaling"]])


def backends(data):
    table("Eigen and Thrust's host system on the same processor",
          ["what", "Eigen ms", f"{data['environment']['thrust_system']} ms", "ratio"],
          [(e["what"], figure(e["eigen_ms"]), figure(e["thrust_ms"]), plus_minus(e["ratio"], e["spread"]))
           for e in data["backends"]])


def fusion(data):
    table("Fused operations against plain ones",
          ["what", "threads", "fused ms", "plain ms", "ratio"],
          [(e["what"], e["threads"], figure(e["fused_ms"]), figure(e["plain_ms"]),
            plus_minus(e["ratio"], e["spread"])) for e in data["fusion"]])


def peers(data):
    found = {}
    for e in data["ratios"]:
        found.setdefault((e["size"], e["task"], e["precision"], e["peer"]), {})[e["metric"]] = e
    details = {(d["size"], d["task"], d["precision"]): d for d in data["details"]}
    rows = []
    for (size, task, precision, peer), e in found.items():
        d = details[size, task, precision]
        side = " ".join(filter(None, (peer, d["settings"][peer]["settings"])))
        rows.append((size, task, precision, side, f"{1e3 * d['median_seconds']['gmoe']:.1f}",
                     f"{1e3 * d['median_seconds'][peer]:.1f}",
                     plus_minus(e["throughput"]["ratio"], e["throughput"]["spread"]),
                     f"{e['memory']['ratio']:.2f}" if "memory" in e else ""))
    table("Against PyTorch, ratios above 1 in favour of gmoe",
          ["size", "task", "precision", "PyTorch side", "gmoe ms", "PyTorch ms", "speed", "peak memory"], rows)
    if data.get("compile_seconds_minimal_example"):
        print(f"\n`examples/minimal.cpp` compiles in {data['compile_seconds_minimal_example']:.0f} s "
              "(`g++ -O2`, one core).")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    shown = False
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        if not shown:
            environment = data["environment"].get("gmoe", data["environment"])
            if isinstance(environment, dict):
                print(", ".join(f"{name}: {value}" for name, value in environment.items() if value != "unset"))
            shown = True
        for key, show in (("products", ceiling), ("sizes", model), ("fusion", fusion), ("scaling", scaling),
                          ("backends", backends), ("ratios", peers)):
            if key in data:
                show(data)


if __name__ == "__main__":
    main()
