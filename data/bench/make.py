"""Measure all servers and their peers, and try all peers on all servers: some ten minutes.

It wants a quiet machine with two cores. BENCH_ROUNDS in the environment makes it shorter.
"""

import json
import os
from pathlib import Path

from sockets_lab.bench import Plan, entrants, measure, outcomes, save

HERE = Path(__file__).parent


def tell(words: str, *how_far: int) -> None:
    print(*how_far, words, flush=True)


with entrants() as all_of_them:
    plan = Plan(rounds=int(os.environ.get("BENCH_ROUNDS", "15")))
    save(measure(plan, all_of_them, tell=tell), HERE / "bench.json")
found: dict[str, dict[str, str]] = {}
for (model, peer), seen in outcomes(tell).items():
    found.setdefault(model, {})[peer] = seen
(HERE / "outcomes.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
