#!/usr/bin/env python3
"""Draws the plots of docs/performance.md: plots.py FOLDER FILE.json..., files of scaling and of peers/run.sh.
Needs matplotlib (pip install matplotlib)."""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "gmoe", "font.size": 10, "axes.spines.top": False,
                            "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3})
import matplotlib.pyplot as plt  # noqa: E402


def save(figure, folder, name):
    figure.tight_layout()
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)
    print(folder / f"{name}.svg")


def of_axis(entries, axis):
    chosen = [e for e in entries if e["axis"] == axis]
    return [e["value"] for e in chosen], chosen


def speed(ax, entries, axis, label, share=False):
    x, chosen = of_axis(entries, axis)
    rates = [e["train_tokens_per_s"] for e in chosen]
    base = dict(zip(x, rates)).get(8, rates[0]) if share else 1
    y = [r / base for r in rates]
    ax.errorbar(x, y, yerr=[v * e["spread"] for v, e in zip(y, chosen)], marker="o", capsize=3, label=label)
    ax.set_xscale("log", base=2)
    ax.set_xticks(x, [str(v) for v in x])
    ax.set_ylim(bottom=0)


def scaling(data, folder):
    entries = data["scaling"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    speed(left, entries, "experts", "1024 tokens per step", share=True)
    if of_axis(entries, "experts, 8 x the tokens")[0]:
        speed(left, entries, "experts, 8 x the tokens", "8192 tokens per step", share=True)
    left.set(xlabel="experts (one visited per token)", ylabel="training speed, 8 experts = 1")
    left.legend()
    x, chosen = of_axis(entries, "experts")
    right.plot(x, [e["memory_mb"] for e in chosen], marker="o", label="peak memory of training")
    right.plot(x, [16 * e["parameters_m"] for e in chosen], marker="s", linestyle="--",
               label="weights, gradients, moments")
    right.set_xscale("log", base=2)
    right.set_xticks(x, [str(v) for v in x])
    right.set(xlabel="experts", ylabel="MB", ylim=(0, None))
    right.legend()
    save(figure, folder, "experts")

    figure, axes = plt.subplots(1, 3, figsize=(9, 3.2))
    for ax, axis, label in zip(axes, ("d_model", "sequence", "threads"),
                               ("d_model (d_ff = 4 d)", "sequence (1024 tokens per step)", "threads")):
        speed(ax, entries, axis, label)
        ax.set(xlabel=label)
    axes[0].set(ylabel="training, tokens/s")
    save(figure, folder, "sizes")


def peers(data, folder):
    entries = [e for e in data["ratios"] if e["metric"] == "throughput"]
    tasks = sorted({(e["task"], e["precision"]) for e in entries}, key=lambda t: (t[1] != "float32", t[0] != "train", t))
    figure, axes = plt.subplots(1, len(tasks), figsize=(3 * len(tasks), 3.4), squeeze=False)
    for ax, (task, precision) in zip(axes[0], tasks):
        mine = [e for e in entries if (e["task"], e["precision"]) == (task, precision)]
        sizes = list(dict.fromkeys(e["size"] for e in mine))
        for offset, peer in ((-0.2, "official_style"), (0.2, "optimised")):
            bars = [next(e for e in mine if e["size"] == s and e["peer"] == peer) for s in sizes]
            ax.bar([i + offset for i in range(len(sizes))], [e["ratio"] for e in bars], 0.4, label=peer,
                   yerr=[e["ratio"] * e["spread"] for e in bars], capsize=3)
        ax.axhline(1, color="black", linewidth=0.8)
        ax.set_xticks(range(len(sizes)), sizes, rotation=30)
        ax.set_title(f"{task}, {precision}")
    axes[0][0].set_ylabel("times as fast as PyTorch")
    axes[0][0].legend()
    save(figure, folder, "pytorch")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for path in sys.argv[2:]:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        if "scaling" in data:
            scaling(data, folder)
        if "ratios" in data:
            peers(data, folder)


if __name__ == "__main__":
    main()
