#!/usr/bin/env python3
"""Checks the JSON of `perennial quickstart --smoke --json` against the project's floors. Usage: check_smoke.py FILE"""
import json
import sys


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        out = json.load(file)
    checks = {
        "samples_fed > 0": out["samples_fed"] > 0,
        "versions_published >= 3": out["versions_published"] >= 3,
        "swaps >= 6": out["swaps"] >= 6,
        "requests >= 500": out["requests"] >= 500,
        "failed_requests == 0": out["failed_requests"] == 0,
        "mixed_version_responses == 0": out["mixed_version_responses"] == 0,
        "average_accuracy >= naive + 0.15": out["average_accuracy"] >= out["naive_average_accuracy"] + 0.15,
        "label_to_live_p50_s <= 20": out["label_to_live_p50_s"] is not None and out["label_to_live_p50_s"] <= 20,
        "forgetting and naive_forgetting are there": {"forgetting", "naive_forgetting"} <= out.keys(),
        "delta_bytes_mean <= 0.12 * fp32_bytes": 0 < out["delta_bytes_mean"] <= 0.12 * out["fp32_bytes"],
        "wall_s <= 60": out["wall_s"] <= 60,
    }
    share = out["delta_bytes_mean"] / out["fp32_bytes"]
    print(f"delta_bytes_mean is {share:.4f} of fp32_bytes, wall_s {out['wall_s']:.1f}")
    failed = [name for name, held in checks.items() if not held]
    for name in failed:
        print(f"does not hold: {name}")
    print(f"smoke: {len(checks) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
