"""Instructions of each stage of a request, counted by callgrind. A busy machine gives the same counts."""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

OUTPUT = Path(__file__).resolve().parent / "output" / "instructions.json"
# Room for an honest refactoring. Noise alone (hash seeds, the scheduler) is up to 3 %.
ALLOWED_GROWTH_PERCENT = 25


def main():
    options = arguments()
    earlier = json.loads(options.against.read_text())["stages"] if options.against else {}
    stages = {}
    for name, times in known(options.program):
        if options.only is None or any(wanted in name for wanted in options.only.split(",")):
            stages[name] = count(options.program, name) / times
            print(line(name, stages[name], earlier.get(name)), flush=True)
    if not stages:
        raise SystemExit(f"no stage has {options.only} in its name")
    # With --only, the file keeps the other stages of the last run.
    kept = json.loads(OUTPUT.read_text())["stages"] if options.only and OUTPUT.exists() else {}
    document = {"machine": machine(), "unit": "instructions", "stages": kept | stages}
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\ninstructions for each stage, outside the kernel; written to {OUTPUT}")
    if grown := [name for name in stages if change(stages[name], earlier.get(name)) > options.most]:
        raise SystemExit(f"more than {options.most:g} % more than in {options.against}: {', '.join(grown)}")


def known(program):
    """Stages of the program, each with its number of repetitions."""
    output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    for found in output.splitlines():
        times, name = found.split("\t")
        yield name, int(times)


def count(program, name):
    """Instructions inside `tally`, on the thread that calls it."""
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        out = Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=*instructions*tally*"]
        command += [f"--callgrind-out-file={out}", program, name]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            raise SystemExit(f"{name} did not end within {TIMEOUT} s") from None
        counted = re.search(r"^totals: (\d+)$", out.read_text(), re.MULTILINE) if out.exists() else None
        if done.returncode != 0 or counted is None or int(counted[1]) == 0:
            raise SystemExit(f"{' '.join(map(str, command))}\n{done.stderr}")
        return int(counted[1])


def line(name, each, before):
    compared = "" if before is None else f"{before:>12,.0f} {change(each, before):>+7.1f} %"
    return f"{name:<28}{each:>12,.0f}{compared}"


def change(now, before):
    """Change in per cent; 0 without an earlier count."""
    return 0 if before is None else (now / before - 1) * 100


def machine():
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"processor": platform.machine(), "cpus": os.cpu_count(), "valgrind": valgrind}


def arguments():
    parser = argparse.ArgumentParser(prog="benches/instructions/run", description=__doc__)
    parser.add_argument("--program", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--against", type=Path, help="output of an earlier run, to compare with")
    parser.add_argument(
        "--most", type=float, default=ALLOWED_GROWTH_PERCENT, help="percentage by which a stage may grow; default 25"
    )
    parser.add_argument("--only", help="stages whose names contain one of these words, comma-separated")
    return parser.parse_args()


# Seconds; the longest takes about ten.
TIMEOUT = 120

if __name__ == "__main__":
    sys.exit(main())
