"""``python -m dpi_core.evaluation.soak --minutes 10``: many visitors at once, some of them rude, and what becomes of each.

A server of its own is started in another process, so that its memory is its own. Visitors restore, compare and detect; some ask
for what is not allowed, leave while they wait or run, or never ask for their results. Every file of an answer is fetched and
opened. It prints what was served, refused (in a sentence), cancelled (by the visitor) and failed (all else), how long the
served ones took, and the server's memory before and after; before means after a first round by as many visitors.
"""

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from dpi_core.commands.console import in_a_sentence
from dpi_core.evaluation.served_app import serving
from dpi_core.weights.embedded_files import ASSETS

PHOTO = ASSETS / "examples" / "astronaut-tiny.png"
PATIENCE = 600.0  # seconds for one answer; longer counts as failed
SETTLE = 90.0  # seconds after the last visit, in which the server forgets
KINDS = {"restore": 8, "compare": 3, "detect": 3, "wrong": 2, "leave": 2, "never fetch": 1}
"""What visitors do, and how often, relative to one another."""


class BrokenAnswerError(Exception):
    """The server's answer was cut short, no picture, or none at all."""


@dataclass
class Tally:
    """What became of all visits so far; shared by the visitors' threads."""

    outcomes: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    reasons: Counter = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, outcome: str, seconds: float, reason: str = "") -> None:
        """Count a visit."""
        with self.lock:
            self.outcomes[outcome] += 1
            if outcome == "served":
                self.seconds.append(seconds)
            if reason:
                self.reasons[f"{outcome}: {reason}"] += 1


class Visitor:
    """One client of the server, with a session of its own, as a browser has."""

    def __init__(self, url: str, seed: int):
        import httpx

        self.random = random.Random(seed)
        self.api = httpx.Client(base_url=f"{url.rstrip('/')}/gradio_api", timeout=PATIENCE, trust_env=False)
        self.session = f"soak-{seed}-{time.time_ns()}"

    def visit(self, tally: Tally) -> None:
        """Do one thing, and count what became of it."""
        kind = self.random.choices(list(KINDS), list(KINDS.values()))[0]
        begun = time.monotonic()
        try:
            outcome, reason = self._do(kind)
        except Exception as error:
            outcome, reason = "failed", f"{kind}: {type(error).__name__}: {error}"[:200]
        tally.note(outcome, time.monotonic() - begun, reason)

    def _do(self, kind: str) -> tuple[str, str]:
        name, data = self._asked(kind)
        asked = self.api.post(f"/call/{name}", json={"data": data, "session_hash": self.session})
        if asked.status_code != 200:
            return "refused", sentence(asked.json().get("detail"))
        event = asked.json()["event_id"]
        if kind == "never fetch":
            self.session += "x"  # its next visit is another's: what it left is nobody's
            return "cancelled", "never fetched"
        with self.api.stream("GET", f"/call/{name}/{event}") as answer:
            for said, value in events(answer.iter_lines()):
                if kind == "leave":
                    return "cancelled", "left"
                if said == "error":
                    return "refused", sentence(value.get("error") if isinstance(value, dict) else value)
                if said == "complete":
                    self._fetch(value)
                    return "served", ""
        raise BrokenAnswerError("the stream ended without an answer")

    def _asked(self, kind: str) -> tuple[str, list]:
        with PHOTO.open("rb") as file:
            (path,) = self.api.post("/upload", files={"files": file}).json()
        photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
        config = {"steps": self.random.randint(2, 6)}
        if kind == "detect":
            return "detect_faces", [photo, "embedded"]
        if kind == "compare":
            return "compare_seeds", [photo, config, [0, 1], None, 0, False]
        if kind == "wrong":
            return "restore", [photo, {"steps": -1}, 0, None, None, False]
        return "restore", [photo, config, self.random.randint(0, 3), None, None, False]

    def _fetch(self, value: Any) -> None:
        from PIL import Image

        for file in files_in(value):
            got = self.api.get(f"/file={file['path']}")
            got.raise_for_status()
            with Image.open(BytesIO(got.content)) as picture:
                picture.load()


def files_in(value: Any) -> Iterator[dict]:
    """Yield the files of an answer."""
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from files_in(item)


def sentence(said: Any) -> str:
    """Return what was told; BrokenAnswerError if it is no sentence for people."""
    if not isinstance(said, str) or len(said) < 10 or "Traceback" in said or "unexpected error" in said:
        raise BrokenAnswerError(f"told {said!r}")
    return said[:100]


def events(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """Yield (event, data) of a stream of server-sent events, without heartbeats."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and name != "heartbeat":
            yield name, json.loads(line.removeprefix("data: "))


def soak(url: str, visitors: int, more: Callable[[int], bool], seed: int = 0) -> Tally:
    """Let visitors come at the same time, each again and again while `more` (visits so far of that visitor) is true."""
    tally = Tally()

    def come(place: int) -> None:
        visitor, done = Visitor(url, seed + place), 0
        while more(done):
            visitor.visit(tally)
            done += 1

    threads = [threading.Thread(target=come, args=(place,)) for place in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the 50th, 90th and 99th percentile and the longest, in seconds; empty if there are none."""
    places = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {
        name: round(float(np.quantile(seconds, part, method="higher")), 2) for name, part in places.items() if seconds
    }


def memory_mb(pid: int) -> float | None:
    """Return the resident memory of a process in megabytes; None where the system has no /proc or the process ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        return round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 1)
    except (OSError, IndexError):
        return None


@in_a_sentence()
def main(argv: list[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--visitors", type=int, default=20, help="at the same time")
    parser.add_argument("--port", type=int, default=7899)
    args = parser.parse_args(argv)
    with serving(args.port) as (url, pid):
        soak(url, args.visitors, lambda done: done < 2, seed=1000)  # everything is loaded before memory is measured
        time.sleep(SETTLE)
        before, end = memory_mb(pid), time.monotonic() + 60 * args.minutes
        tally = soak(url, args.visitors, lambda _: time.monotonic() < end)
        time.sleep(SETTLE)
        after = memory_mb(pid)
    report = {
        "visitors": args.visitors,
        "minutes": args.minutes,
        **{name: tally.outcomes[name] for name in ("served", "refused", "cancelled", "failed")},
        "seconds": percentiles(tally.seconds),
        "memory_mb": {"start": before, "end": after},
        "reasons": dict(tally.reasons.most_common()),
    }
    print(json.dumps(report, indent=1))
    sys.exit(1 if tally.outcomes["failed"] else 0)


if __name__ == "__main__":
    main()
