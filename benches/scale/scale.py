"""Measures many connections, a flood of wrong passwords beside them, and the gain of a second worker.

The gateway has a login, sessions, rules and an access log. Everything runs on loopback.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cost
import flood
from load import Load, Workload
from portcullis import Portcullis
from servers import CERTIFICATE, Upstream, make_certificate

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "output" / "scale.json"


class Crowded(Portcullis):
    """Accepts all connections, and keeps idle ones open."""

    def _configuration(self, port, upstream, workers):
        text = super()._configuration(port, upstream, workers)
        return text.replace("[limits]\n", '[limits]\nconnections = 100000\nidle_timeout = "10m"\n')


class TwoWorkers(Portcullis):
    """A gateway with two workers and its own folder, beside one with one worker."""


def main():
    options = arguments()
    cost.allow_many_files()
    cpus = sorted(os.sched_getaffinity(0))
    command = " ".join(["benches/scale/run", *sys.argv[3:]])
    document = {"command": command, "machine": machine(cpus, options.portcullis)}
    print(", ".join(f"{key}: {value}" for key, value in document["machine"].items()))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="scale-") as folder, contextlib.ExitStack() as running:
        folder = Path(folder)
        os.chmod(folder, 0o755)
        make_certificate(folder)
        upstream = running.enter_context(Upstream(folder, cpus))
        load = Load(folder, None, None)
        if options.only in (None, "crowd"):
            document["crowd"] = crowd(folder, cpus, upstream, load, options)
        if options.only in (None, "workers"):
            document["workers"] = workers(folder, cpus, upstream, load, options)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n")
    print(f"\n{time.monotonic() - started:.0f} s, no errors; written to {OUTPUT}")


def crowd(folder, cpus, upstream, load, options):
    """Measures idle connections, active ones beside them, and a flood of sign-ins beside both."""
    idle, active = fitting(options.idle, options.active)
    seen = {"idle": idle, "active": active, "asked_for": {"idle": options.idle, "active": options.active}}
    if (idle, active) != (options.idle, options.active):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        print(
            f"the limit on open files is {limit:,}, and an active connection takes two in the gateway: "
            f"{idle:,} idle and {active:,} active connections instead of {options.idle:,} and {options.active:,}"
        )
    work = Workload("active", "/20", f"{active} connections", ("--h1", "-c", str(active)))
    with contextlib.ExitStack() as running:
        gateway = running.enter_context(Crowded(folder, cpus, upstream.port, options.portcullis))
        seen["kib_at_the_start"] = cost.rss_kib(gateway.pids())
        gateway.sign_in()
        check = seconds_for_a_check(gateway)
        before = cost.rss_kib(gateway.pids())
        began = time.monotonic()
        people = [running.enter_context(Crowd(gateway, number, share)) for number, share in shares(idle)]
        expect("idle connections", sum(each.successful() for each in people), idle)
        seen["kib_for_an_idle_connection"] = (cost.rss_kib(gateway.pids()) - before) / idle
        print(
            f"{idle:,} idle connections after {time.monotonic() - began:.0f} s, "
            f"{seen['kib_for_an_idle_connection']:.1f} KiB each"
        )
        seen["alone"] = loaded("active connections beside them", gateway, load, work, options.seconds)
        with Flood(gateway, 1 / check) as strangers:
            seen["flooded"] = loaded("the same under a flood of sign-ins", gateway, load, work, options.seconds)
        responses = strangers.responses
        seen["flood"] = {"sign_ins_per_second": 1 / check, "ms_for_a_check": check * 1000, "responses": responses}
        print(
            f"the flood: {1 / check:.0f} sign-ins a second, {check * 1000:.0f} ms of a core each; "
            f"responses by status: {responses}"
        )
        if not responses or unexpected(responses):
            raise SystemExit("a sign-in got a status other than 401, 403, 429 or 503")
        for each in people:
            each.ask()
        expect("idle connections that were still served", sum(each.successful() for each in people), idle)
        seen["kib_at_most"] = most_kib(gateway)
        print(
            f"all {idle:,} idle connections were served again; memory at the start "
            f"{seen['kib_at_the_start'] >> 10} MiB, at most {seen['kib_at_most'] >> 10} MiB"
        )
    return seen


def workers(folder, cpus, upstream, load, options):
    """Estimates the throughput of two workers on two cores over that of one worker on one core.

    Load and upstream need CPU time as well, so a small machine can't show twice the requests. The estimate uses the
    CPU time that the gateway needs for a request; the busier worker is the limit.
    """
    work = Workload("h1", "/20", "256 connections", ("--h1", "-c", "256"))
    rounds = []
    with contextlib.ExitStack() as running:
        one = running.enter_context(Portcullis(folder, cpus[:1], upstream.port, options.portcullis))
        two = running.enter_context(TwoWorkers(folder, cpus[:2], upstream.port, options.portcullis))
        for gateway in (one, two):
            gateway.sign_in()
            load.run(work, gateway, 0.5)
        for number in range(ROUNDS):
            order = (one, two) if number % 2 == 0 else (two, one)
            found = {gateway: with_shares(gateway, load, work, options.seconds / 4) for gateway in order}
            rounds.append([found[one], found[two]])
    speedups = sorted(single["cpu_us"] / (double["cpu_us"] * double["largest_share"]) for single, double in rounds)
    measured = sorted(double["requests_per_second"] / single["requests_per_second"] for single, double in rounds)
    seen = {
        "capacity_ratio": {"median": speedups[ROUNDS // 2], "min": speedups[0], "max": speedups[-1]},
        "requests_per_second_ratio": {"median": measured[ROUNDS // 2], "min": measured[0], "max": measured[-1]},
        "rounds": rounds,
    }
    print(
        f"\ntwo workers against one: {show(seen['capacity_ratio'])} times the requests with one core for each worker "
        "(CPU time for a request with one worker, over that with two times the share of the busier one);"
    )
    print(f"measured, with load and upstream on the same {len(cpus)} CPUs: {show(seen['requests_per_second_ratio'])}")
    return seen


def loaded(title, gateway, load, work, seconds):
    """Loads all active connections; a failure ends the bench (see `Load`)."""
    spent = cost.cpu_seconds(gateway.pids())
    result = load.run(work, gateway, seconds)
    spent = cost.cpu_seconds(gateway.pids()) - spent
    found = {
        "requests": result.requests,
        "requests_per_second": result.requests / result.seconds,
        "p50_ms": result.percentile(50) / 1000,
        "p99_ms": result.percentile(99) / 1000,
        "busy": spent / result.seconds,
        "kib": cost.rss_kib(gateway.pids()),
    }
    print(
        f"{title}: {found['requests']:,} requests, {found['requests_per_second']:,.0f}/s, p50 {found['p50_ms']:.1f} ms, "
        f"p99 {found['p99_ms']:.1f} ms, {found['kib'] >> 10} MiB; the gateway took {found['busy']:.1f} CPUs"
    )
    return found


def with_shares(gateway, load, work, seconds):
    """CPU time for a request, and the busier worker's share of it."""
    before, spent = worker_seconds(gateway), cost.cpu_seconds(gateway.pids())
    result = load.run(work, gateway, seconds)
    spent = cost.cpu_seconds(gateway.pids()) - spent
    each = [after - earlier for after, earlier in zip(worker_seconds(gateway), before, strict=True)]
    return {
        "requests_per_second": result.requests / result.seconds,
        "cpu_us": spent / result.requests * 1e6,
        "largest_share": max(each) / sum(each),
    }


def worker_seconds(gateway):
    """CPU time of each worker, whose threads are called worker-N."""
    found = []
    for task in sorted(Path(f"/proc/{gateway.process.pid}/task").iterdir()):
        if (task / "comm").read_text().startswith("worker-"):
            found.append(int((task / "schedstat").read_text().split()[0]) / 1e9)
    return found


def seconds_for_a_check(gateway):
    """CPU time of the gateway for one wrong password."""
    tls = gateway.client_tls()
    flood.attempt(gateway.port, tls, 0)
    spent = cost.cpu_seconds(gateway.pids())
    for number in range(CHECKS):
        flood.attempt(gateway.port, tls, number + 1)
    return (cost.cpu_seconds(gateway.pids()) - spent) / CHECKS


def unexpected(responses):
    """Statuses other than 401 (wrong password) and 403, 429, 503 (refused for now)."""
    return set(responses) - {"401", "403", "429", "503", "not sent"}


def fitting(idle, active):
    """Numbers of connections that fit the limit on open files. An active one has another to the upstream."""
    room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - OTHER_FILES
    active = min(active, room // 4)
    return min(idle, room - 2 * active), active


def shares(connections):
    each = -(-connections // PROCESSES)
    return [(number, min(each, connections - number * each)) for number in range(PROCESSES)]


class Client:
    """A client process beside the gateway; the end of a `with` stops it."""

    def __init__(self, script, *arguments):
        command = [sys.executable, HERE / script, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Crowd(Client):
    def __init__(self, gateway, number, connections):
        super().__init__(
            "crowd.py", gateway.port, gateway.folder / CERTIFICATE, number + 1, connections, gateway.headers["Cookie"]
        )

    def ask(self):
        self.process.stdin.write("ask\n")
        self.process.stdin.flush()

    def successful(self):
        return int(self.process.stdout.readline() or 0)


class Flood(Client):
    def __init__(self, gateway, rate):
        super().__init__("flood.py", gateway.port, gateway.folder / CERTIFICATE, rate)
        self.responses = {}

    def __exit__(self, *ended):
        self.process.stdin.close()
        self.responses = json.loads(self.process.stdout.readline() or "{}")
        super().__exit__(*ended)


def most_kib(gateway):
    with open(f"/proc/{gateway.process.pid}/status", encoding="ascii", errors="replace") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def expect(subject, found, wanted):
    if found != wanted:
        raise SystemExit(f"{subject}: {found} instead of {wanted}")


def show(ratio):
    return f"{ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f})"


def machine(cpus, binary):
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "cpus": len(cpus),
        "system": f"Linux {platform.release()}",
        "load average before": f"{os.getloadavg()[0]:.1f}",
        "files of a process": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "portcullis": version,
    }


def arguments():
    parser = argparse.ArgumentParser(prog="benches/scale/run", description=__doc__.splitlines()[0])
    parser.add_argument("--portcullis", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--idle", type=int, default=20_000, help="idle connections; default 20000")
    parser.add_argument("--active", type=int, default=2_000, help="active connections; default 2000")
    parser.add_argument("--seconds", type=float, default=8, help="duration of each load; default 8")
    parser.add_argument("--only", choices=["crowd", "workers"], help="run only this half")
    return parser.parse_args()


ROUNDS = 5
CHECKS = 8
PROCESSES = 4
# Listening sockets, databases and files of the runtime.
OTHER_FILES = 200
# Seconds that a client may take to end.
PATIENCE = 30

if __name__ == "__main__":
    main()
