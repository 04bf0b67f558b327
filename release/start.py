"""Prints the functions that a start of Portcullis runs and that are not often run later, one a line, as the linker calls them.

Started under callgrind, which sees the functions of the C libraries, too; no profile of the compiler does. What is
used at the start and never again then lies together, and does not keep pages of the program in memory around it.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from portcullis import Portcullis
from servers import free_port, make_certificate

# Seconds in which it has to listen: callgrind takes fifty times as long as the processor.
PATIENCE = 120


class Watched(Portcullis):
    """A gateway whose functions are noted."""

    def __init__(self, folder, program):
        self.notes = folder / "callgrind.out"
        # Only `serve` is watched, not what adds the user before.
        wrapped = folder / "under-callgrind"
        watch = f"valgrind --tool=callgrind --demangle=no --callgrind-out-file='{self.notes}' '{program}'"
        cases = f"case $* in *serve) exec {watch} \"$@\" ;; *) exec '{program}' \"$@\" ;; esac"
        wrapped.write_text(f"#!/bin/sh\n{cases}\n")
        wrapped.chmod(0o755)
        super().__init__(folder, sorted(os.sched_getaffinity(0)), free_port(), wrapped)

    def _wait_until_open(self):
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"it does not start under callgrind:\n{self.messages.read_text(errors='replace')}")


def main():
    parser = argparse.ArgumentParser(prog="release/start.py", description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="a Portcullis")
    parser.add_argument("profile", type=Path, help="of a training, as the text that llvm-profdata makes")
    options = parser.parse_args()
    program, often = options.program.resolve(), run_often(options.profile.read_text(errors="replace"))
    with tempfile.TemporaryDirectory(prefix="start-") as folder:
        folder = Path(folder)
        make_certificate(folder)
        with Watched(folder, program) as gateway:
            pass
        notes = gateway.notes.read_text(errors="replace")
    # A name is told where it comes first, which may be where it is called; what recurses has a number behind it.
    functions = set(re.findall(r"^c?fn=\(\d+\) ([A-Za-z_][\w.$]*)(?:'\d+)?$", notes, re.MULTILINE))
    if len(functions) < LEAST_FUNCTIONS:
        raise SystemExit(f"only {len(functions)} functions were seen")
    print(f"{len(functions)} functions at a start, {len(functions & often)} of them run often", file=sys.stderr)
    print("\n".join(sorted(functions - often)))


def run_often(profile):
    """Names of functions some part of which the training ran often: they are best left among their like."""
    often = set()
    for record in profile.split("\n\n"):
        # A name (before it the unit that it is known to alone), a hash, a number of counters, the counters.
        lines = [line for line in record.splitlines() if line and line[0] not in ":#"]
        if len(lines) > 3 and max(map(int, lines[3 : 3 + int(lines[2])]), default=0) >= OFTEN:
            often.add(lines[0].rpartition(";")[2])
    return often


# A start runs two thousand.
LEAST_FUNCTIONS = 500
# A training has some hundred thousand requests; hardly anything runs ten thousand times at a start.
OFTEN = 10_000

if __name__ == "__main__":
    main()
