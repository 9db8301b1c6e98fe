#!/usr/bin/env python3
"""The results of compare as the Markdown table of docs/reproduce.md.

    bench/reproduce_table.py build/claims/results.json
"""

import json
import math
import sys


def millions(value):
    return f"{value / 1e6:.2f} M"


def spread(cell, digits, factor=1, unit=""):
    """Mean and standard deviation over the seeds."""
    if cell is None:
        return "–"
    text = f"{factor * cell['mean']:.{digits}f}{unit}"
    return text if cell["deviation"] is None else f"{text} ± {factor * cell['deviation']:.{digits}f}{unit}"


def signed(value, digits):
    return f"{value:+.{digits}f}".replace("-", "−")


def interval(difference, factor, digits, low="low", high="high"):
    if difference is None or difference[low] is None:
        return ""
    return f"{signed(factor * difference[low], digits)} to {signed(factor * difference[high], digits)}"


def verdict(difference):
    if difference is None or difference["low"] is None:
        return ""
    return "within noise" if difference["verdict"] == "noise" else difference["verdict"]


def rows(results):
    asked = any(row.get("accuracy") for row in results["summary"])
    first = results["summary"][0]["variant"]
    # The first variant stands first in every pair that it is in.
    against = {d["b"]: d for d in results["differences"] if d["a"] == first}
    head = ["variant", "parameters", "active", "validation loss", "perplexity", f"against {first}, 95 %", ""]
    if asked:
        head += ["accuracy", f"against {first}, 95 % over seeds", "over questions", ""]
    yield head + ["effective paths", "top-1 path mass", "load CV"]
    for row in results["summary"]:
        pair = against.get(row["variant"], {})
        loss, accuracy = pair.get("validation_loss"), pair.get("accuracy")
        cells = [row["variant"], millions(row["parameters_total"]["mean"]), millions(row["parameters_active"]["mean"]),
                 spread(row["validation_loss"], 4), spread(row["perplexity"], 3), interval(loss, 1, 4), verdict(loss)]
        if asked:
            cells += [spread(row.get("accuracy"), 1, 100, " %"), interval(accuracy, 100, 1),
                      interval(accuracy, 100, 1, "question_low", "question_high"), verdict(accuracy)]
        yield cells + [spread(row["effective_paths"], 1), spread(row["top1_path_mass"], 2, 100, " %"),
                       spread(row["mean_load_cv"], 2)]
    for name, loss in results["floors"].items():
        cells = [f"*{name}*", "", "", f"{loss:.4f}", f"{math.exp(loss):.3f}"]
        yield cells + [""] * (len(head) + 3 - len(cells))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    with open(sys.argv[1], encoding="utf-8") as file:
        table = list(rows(json.load(file)))
    table.insert(1, ["---"] * len(table[0]))
    for row in table:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
