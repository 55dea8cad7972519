#!/usr/bin/env python3
"""Sums up the folder of gpu_bench.sh: medians over its turns, ratios, and how far the loss curves are apart.

ratio_eager and ratio_graphed: our best setting (graph, bfloat16) over plain PyTorch as it comes (TF32 convolutions),
eager and captured. They gain from the precision too; like_for_like does not: captured against captured at each
precision (bfloat16 is PyTorch's best setting as well), and captured against eager at TF32.
with_checkpoints: our best setting at the default of one checkpoint in 500 steps. loss_curve_gap: mean absolute difference over the first 200
steps, beside the same figure between two precisions of PyTorch itself (loss_curve_noise) and the mean loss.
"""
import json
import pathlib
import statistics
import sys

STEPS = 200


def gap(a, b):
    return statistics.fmean(abs(x - y) for x, y in zip(a[:STEPS], b[:STEPS]))


def main():
    folder = pathlib.Path(sys.argv[1])
    cpp = [json.loads(path.read_text()) for path in sorted(folder.glob("cpp_*.json"))]
    python = [json.loads(path.read_text()) for path in sorted(folder.glob("python_*.json"))]
    ours = {name: statistics.median(run["modes"][name]["steps_per_s"] for run in cpp) for name in cpp[0]["modes"]}
    theirs = {name: statistics.median(run[name] for run in python)
              for name, value in python[0].items() if isinstance(value, float)}
    curves = {path.stem[5:]: json.loads(path.read_text()) for path in (folder / "dump").glob("loss_*.json")}
    best = ours["graph_bfloat16"]
    print(json.dumps({
        "card": python[0]["card"], "torch": python[0]["torch"], "turns": len(cpp),
        "eager_python_steps_per_s": theirs["eager_default"], "graph_python_steps_per_s": theirs["graph_default"],
        "cpp_steps_per_s": best,
        "ratio_eager": best / theirs["eager_default"], "ratio_graphed": best / theirs["graph_default"],
        "like_for_like": {
            "tf32": ours["graph_tf32"] / theirs["graph_default"],
            "tf32_over_eager": ours["graph_tf32"] / theirs["eager_default"],
            "float32": ours["graph_float32"] / theirs["graph_float32"],
            "bfloat16": best / theirs["graph_bfloat16"]},
        "loss_curve_gap": {
            "tf32": gap(curves["graph_tf32"], curves["python_default"]),
            "eager_tf32": gap(curves["eager_tf32"], curves["python_default"]),
            "float32": gap(curves["graph_float32"], curves["python_float32"]),
            "bfloat16": gap(curves["graph_bfloat16"], curves["python_bfloat16"]),
            "first_20_float32": statistics.fmean(abs(x - y) for x, y in zip(curves["graph_float32"][:20],
                                                                            curves["python_float32"][:20]))},
        "loss_curve_noise": {
            "python_float32_tf32": gap(curves["python_float32"], curves["python_default"]),
            "python_float32_bfloat16": gap(curves["python_float32"], curves["python_bfloat16"])},
        "mean_loss": {name: statistics.fmean(curve[:STEPS]) for name, curve in curves.items()},
        "cpp": ours, "python": theirs,
        "checkpoint_s": (pause := cpp[0]["modes"]["graph_bfloat16"]["checkpoint_s"]),
        "with_checkpoints": 500 / (500 / best + pause)}, indent=1))


if __name__ == "__main__":
    main()
