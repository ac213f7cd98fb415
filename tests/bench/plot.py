# SPDX-License-Identifier: GPL-2.0-only
"""Plots by gnuplot, each as SVG and as PNG."""

import os
import statistics
import subprocess

from contestants import CONTESTANTS
from workloads import WORKLOADS

TERMINALS = (("svg", "svg size 1000,600 background 'white'"),
             ("png", "png size 1000,600"))


def gnuplot(folder, name, commands):
    """Run commands once for each kind of picture."""
    for suffix, terminal in TERMINALS:
        path = os.path.join(folder, f"{name}.{suffix}")
        subprocess.run(["gnuplot"], input=f"set terminal {terminal}\n"
                       f"set output '{path}'\n{commands}\n", text=True,
                       check=True)


def write_data(folder, name, rows):
    path = os.path.join(folder, name + ".dat")
    with open(path, "w") as out:
        for words in rows:
            out.write(" ".join(f'"{word}"' if isinstance(word, str)
                               else f"{word:.6g}" for word in words) + "\n")
    return path


def contestants(folder, link, title, samples):
    """Bars of what each contestant does, one group for each workload."""
    keys = [w for w in WORKLOADS
            if any(s["workload"] == w.key for s in samples)]
    rows = [["contestant"] + [w.title for w in keys]]
    for contestant in CONTESTANTS:
        cells = []
        for workload in keys:
            found = [s["iops"] for s in samples
                     if s["contestant"] == contestant.key and
                     s["workload"] == workload.key]
            cells.append(statistics.median(found) if found else 0.0)
        if any(cells):
            rows.append([contestant.title] + cells)
    name = "iops-" + link
    data = write_data(folder, name, rows)
    gnuplot(folder, name, f"""
        set title 'Writes per second, {title}'
        set style data histograms
        set style fill solid 0.8
        set boxwidth 0.9
        set logscale y
        set ylabel 'IOPS'
        set grid y
        set key outside bottom horizontal
        set xtics rotate by -35
        set bmargin 12
        plot for [i=2:{len(keys) + 1}] '{data}' using i:xtic(1) \\
            title columnheader(i)""")


def curves(folder, name, title, xlabel, ylabel, series):
    """Lines; series is {title: [(x, y), ...]}."""
    parts = []
    for index, (label, points) in enumerate(series.items()):
        data = write_data(folder, f"{name}-{index}",
                          [[float(x), float(y)] for x, y in points])
        parts.append(f"'{data}' using 1:2 with linespoints title '{label}'")
    gnuplot(folder, name, f"""
        set title '{title}'
        set xlabel '{xlabel}'
        set ylabel '{ylabel}'
        set logscale x 2
        set grid
        set yrange [0:*]
        set key outside bottom horizontal
        plot {", ".join(parts)}""")
