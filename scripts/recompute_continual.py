#!/usr/bin/env python3
"""Computes every accuracy of `perennial bench continual --dump DIR` again, from the predictions alone.

usage: recompute_continual.py DIR [FIGURES.json]

Reads DIR/continual.jsonl (predictions) and DIR/continual_candidates.jsonl (verdicts) and compares with FIGURES.json
(default DIR/continual.json: the printed object). Exit 0: all equal to 1e-9; 1: a difference, or a figure that is
missing; 2: files that cannot be read. Python's standard library only. The format is described in api/bench/continual_dump.md.
"""
import collections
import json
import math
import pathlib
import sys

TOLERANCE = 1e-9
TRIVIAL = ["question_only", "majority"]


class Seed:
    """What the dump says of one seed."""

    def __init__(self):
        self.slices = []
        self.parts = 0
        self.boundaries = False
        self.moments = []
        # (version, part) -> slice -> id -> (predicted, true); only what every version was asked.
        self.drawn = collections.defaultdict(lambda: collections.defaultdict(dict))
        # The same with the lines marked "all".
        self.whole = collections.defaultdict(lambda: collections.defaultdict(dict))
        self.stream = []


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def read(folder):
    seeds = collections.defaultdict(Seed)
    for line in lines_of(folder / "continual_candidates.jsonl"):
        seed = seeds[line["seed"]]
        if "slices" in line:
            seed.slices, seed.parts, seed.boundaries = line["slices"], line["parts"], line["boundaries"]
        else:
            seed.moments.append(line)
    for line in lines_of(folder / "continual.jsonl"):
        seed = seeds[line["seed"]]
        answer = (line["predicted"], line["true"])
        if line["part"] == "stream":
            seed.stream.append(answer)
            continue
        key = (line["version"], line["part"])
        seed.whole[key][line["slice"]][line["id"]] = answer
        if not line.get("all"):
            seed.drawn[key][line["slice"]][line["id"]] = answer
    return seeds


def mean(values):
    values = [value for value in values if value is not None]
    return sum(values) / len(values) if values else None


def accuracy(answers):
    return mean([float(predicted == true) for predicted, true in answers])


def slice_accuracy(by_slice, name):
    return accuracy(by_slice[name].values()) if by_slice.get(name) else None


def over(by_slice, names):
    return mean([slice_accuracy(by_slice, name) for name in names])


def balanced(by_slice):
    of_slices = []
    for answers in by_slice.values():
        classes = collections.defaultdict(list)
        for predicted, true in answers.values():
            classes[true].append((predicted, true))
        of_slices.append(mean([accuracy(one) for one in classes.values()]))
    return mean(of_slices)


def fell(before, now):
    """The gate's rule: two points of 1,000 samples or more, else by the one-sided 95 % bound of the difference."""
    if not before or not now:
        return False
    p, q = accuracy(before.values()), accuracy(now.values())
    drop = p - q
    if min(len(before), len(now)) < 1000:
        drop -= 1.6449 * math.sqrt(p * (1 - p) / len(before) + q * (1 - q) / len(now))
    return drop > 0.02


def falls(seed, seen, part):
    count = 0
    for version in range(2, len(seen) + 1):
        before, now = seed.drawn[(version - 1, part)], seed.drawn[(version, part)]
        count += any(fell(before.get(name), now.get(name)) for name in seen[version - 1])
    return float(count)


def flips(seed, seen):
    rates = []
    for version in range(2, len(seen) + 1):
        before, now = seed.drawn[(version - 1, "test")], seed.drawn[(version, "test")]
        flipped = asked = 0
        for name in seen[version - 1]:
            if name not in before or name not in now:
                continue
            for key, (predicted, true) in now[name].items():
                asked += 1
                flipped += before[name][key][0] == true and predicted != true
        rates.append(flipped / asked if asked else None)
    return mean(rates)


def part_ends(seed):
    if not seed.boundaries:
        return None, None
    networks = [seed.drawn[("network@%d" % (i + 1), "test")] for i in range(seed.parts)]
    forgetting, transfer = [], []
    for i, name in enumerate(seed.slices[:-1]):
        end = slice_accuracy(networks[-1], name)
        before = [slice_accuracy(network, name) for network in networks[i:-1]]
        known = [value for value in before if value is not None]
        if end is None:
            continue
        if known:
            forgetting.append(max(known) - end)
        if before and before[0] is not None:
            transfer.append(end - before[0])
    return mean(forgetting), mean(transfer)


def figures_of(seed):
    seen = {moment["version"]: moment["seen"] for moment in seed.moments if moment["accepted"]}
    versions = len(seen)
    served = seed.whole[(versions, "test")]
    network = seed.whole[("network", "test")]
    instant = seed.whole.get(("instant", "test"), {})
    anytime, old, network_old = [], [], []
    for i, moment in enumerate(seed.moments):
        if seed.boundaries:
            network_old.append(over(seed.drawn.get(("candidate@%d" % (i + 1), "test"), {}), moment["ended"]))
        if moment["served"] is None:
            continue
        answers = seed.drawn[(moment["served"], "test")]
        anytime.append(over(answers, moment["seen"]))
        if seed.boundaries:
            old.append(over(answers, moment["ended"]))
    old = [value for value in old if value is not None]
    network_old = [value for value in network_old if value is not None]
    forgetting, transfer = part_ends(seed)
    out = {
        "average_accuracy": over(served, seed.slices),
        "network_accuracy": over(network, seed.slices),
        "instant_accuracy": over(instant, seed.slices),
        "balanced_accuracy": balanced(served),
        "network_balanced_accuracy": balanced(network),
        "anytime_accuracy": mean(anytime),
        "worst_old_accuracy": min(old) if old else None,
        "network_worst_old_accuracy": min(network_old) if network_old else None,
        "forgetting": forgetting,
        "backward_transfer": transfer,
        "negative_flip_rate": flips(seed, seen),
        "prequential_accuracy": accuracy(seed.stream),
        "versions_published": float(versions),
        "refused_candidates": float(sum(not moment["accepted"] for moment in seed.moments)),
        "gate_violations": falls(seed, seen, "gate"),
        "test_falls": falls(seed, seen, "test"),
    }
    for name in TRIVIAL:
        if (name, "test") in seed.whole:
            out[name + "_accuracy"] = over(seed.whole[(name, "test")], seed.slices)
    per_slice = {name: slice_accuracy(served, name) for name in seed.slices}
    return out, per_slice, {name: slice_accuracy(network, name) for name in seed.slices}


def deviation(values):
    values = [value for value in values if value is not None]
    if not values:
        return None
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def expected(seeds):
    parts = [figures_of(seeds[number]) for number in sorted(seeds)]
    out = {}
    for name in parts[0][0]:
        values = [figures.get(name) for figures, _, _ in parts]
        out[name], out[name + "_std"] = mean(values), deviation(values)
    for at, key in ((1, "per_slice"), (2, "network_per_slice")):
        for name in sorted({name for part in parts for name in part[at]}):
            out[key + "/" + name] = mean([part[at].get(name) for part in parts])
    out["seeds"] = len(parts)
    return out


def printed_value(printed, name):
    """The printed figure; KeyError where there is none."""
    for key in ("per_slice", "network_per_slice"):
        if name.startswith(key + "/"):
            return printed[key][name[len(key) + 1:]]
    return printed[name]


def differs(ours, theirs):
    if ours is None or theirs is None:
        return ours is not theirs
    return not abs(ours - theirs) <= TOLERANCE


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    folder = pathlib.Path(arguments[0])
    try:
        seeds = read(folder)
        figures = folder / "continual.json" if len(arguments) == 1 else pathlib.Path(arguments[1])
        printed = json.loads(figures.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        print("recompute_continual: %s: %s" % (type(error).__name__, error), file=sys.stderr)
        return 2
    if not seeds:
        print("recompute_continual: the dump is empty", file=sys.stderr)
        return 2
    wrong = 0
    compared = expected(seeds)
    for name, ours in compared.items():
        try:
            theirs = printed_value(printed, name)
        except KeyError:
            print("%s: %r from the predictions, not printed" % (name, ours))
            wrong += 1
            continue
        if differs(ours, theirs):
            print("%s: %r from the predictions, %r printed" % (name, ours, theirs))
            wrong += 1
    print("%d figures of %d seeds compared, %d differ" % (len(compared), len(seeds), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
