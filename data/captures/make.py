"""Play every scenario in a private network, over both families, and keep what was captured."""

import json
from pathlib import Path

from sockets_lab.capture import capture
from sockets_lab.capture.live import PROVENANCE
from sockets_lab.capture.scenarios import SCENARIOS, play
from sockets_lab.course_files import made_here

HERE = Path(__file__).parent

for name, scenario in SCENARIOS.items():
    for family, host in (("ipv4", "127.0.0.1"), ("ipv6", "::1")):
        seen = capture(play, scenario, host)
        seen.save(HERE / f"{name}_{family}.pcap")
        print(f"recorded {name}_{family}.pcap: {len(seen)} segments in {len(seen.steps)} steps")

made = json.dumps(made_here()._asdict(), indent=1) + "\n"
(HERE / PROVENANCE).write_text(made, encoding="utf-8", newline="\n")
