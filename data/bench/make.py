"""Measure all servers and their peers; run all awkward clients on all servers (ten minutes).

Use a quiet machine with two cores. BENCH_ROUNDS in the environment makes it shorter.
"""

import json
import os
from pathlib import Path

from sockets_lab.bench import Plan, entrants, measure, outcomes, save

HERE = Path(__file__).parent


def report(step: str, *progress: int) -> None:
    print(*progress, step, flush=True)


with entrants() as every_entrant:
    plan = Plan(rounds=int(os.environ.get("BENCH_ROUNDS", "15")))
    save(measure(plan, every_entrant, on_progress=report), HERE / "bench.json")
found: dict[str, dict[str, str]] = {}
for (model, peer), outcome in outcomes(report).items():
    found.setdefault(model, {})[peer] = outcome
(HERE / "outcomes.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
