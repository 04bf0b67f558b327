"""Compares Portcullis with a login to nginx without one, in front of the same upstream; other peers on request.

All proxies run during the whole comparison, pinned to one CPU; the load and the upstream share another. For every
workload the proxies are loaded in the order A B B A, so that a machine that becomes slower affects all alike. The
figure compared is the CPU time for each request; the ratio is the median of the quotients of all rounds.
"""

import argparse
import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import checks
import cost
import peers
import plot
import portcullis
import report
from load import BODY_BYTES, WORKLOADS, Load, LoadHung
from servers import Upstream, make_certificate

SETTLED_SECONDS = 1
OUTPUT = Path(__file__).resolve().parent / "output"
VARIANTS = {variant.__name__.lower(): variant for variant in portcullis.VARIANTS}


def main():
    options = arguments()
    cpus = sorted(os.sched_getaffinity(0))
    proxy_cpus, load_cpu = cpus[:1] if options.workers == 1 else cpus[: options.workers], cpus[-1]
    cost.allow_many_files()
    if options.workers == 1:
        os.sched_setaffinity(0, {load_cpu})
    started = time.monotonic()
    load_average = os.getloadavg()[0]
    if load_average > 1:
        print(f"the machine is busy (load average {load_average:.1f}); repeat the measurement on an idle machine", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="compare-") as folder, contextlib.ExitStack() as running:
        folder = Path(folder)
        os.chmod(folder, 0o755)
        make_certificate(folder)
        body = folder / "body"
        body.write_bytes(os.urandom(BODY_BYTES))
        load = Load(folder, body, load_cpu if options.workers == 1 else None)
        upstream = running.enter_context(Upstream(folder, [load_cpu] if options.workers == 1 else cpus))
        kinds = {"nginx": peers.Nginx, "portcullis": portcullis.Portcullis}
        kinds |= {name: peers.PEERS[name][1] for name in options.peers}
        kinds |= {name: VARIANTS[name] for name in options.variants}
        kinds |= {"another build": portcullis.AnotherBuild} if options.against else {}
        proxies = {}
        for name, kind in kinds.items():
            program = options.against if kind is portcullis.AnotherBuild else options.portcullis
            ours = [program] if issubclass(kind, portcullis.Portcullis) else []
            proxies[name] = running.enter_context(kind(folder, proxy_cpus, upstream.port, *ours))
        # A server starts threads and opens databases after it has begun to listen.
        time.sleep(SETTLED_SECONDS)
        memory = {name: {"start_kib": cost.rss_kib(proxy.pids())} for name, proxy in proxies.items()}
        for proxy in proxies.values():
            proxy.sign_in()
        checks.run(proxies, upstream)
        results = {}
        for workload in WORKLOADS:
            if options.only is None or workload.name in options.only:
                results[workload.name] = rounds(workload, proxies, upstream, load, options)
        for name, proxy in proxies.items():
            if name not in VARIANTS and not options.quick:
                opened, kib = cost.idle_connections(proxy)
                memory[name] |= {"idle_connections": opened, "idle_connection_kib": kib}
    document = {
        "machine": report.machine(proxy_cpus, load_cpu, load_average, proxies, options.portcullis),
        "command": "benches/compare/run " + " ".join(sys.argv[3:]),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workloads": results,
        "memory": memory,
    }
    document["machine"]["portcullis"] += ", cargo build --release" if options.plain else ", release/build"
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "comparison.json").write_text(json.dumps(document, indent=1) + "\n")
    (OUTPUT / "comparison.svg").write_text(plot.svg(document))
    print(report.table(document))
    print(f"\n{time.monotonic() - started:.0f} s; samples: {OUTPUT / 'comparison.json'}, plot: {OUTPUT / 'comparison.svg'}")


def rounds(workload, proxies, upstream, load, options):
    """Loads all proxies in turn. Every other round has the reverse order, and the first proxy changes."""
    samples = {name: [] for name in proxies}
    for proxy in proxies.values():
        sample(workload, proxy, upstream, load, max(0.5, options.seconds / 2))
    for number in range(options.rounds):
        order = list(proxies.items())
        start = number // 2 % len(order)
        order = order[start:] + order[:start]
        for name, proxy in order if number % 2 == 0 else reversed(order):
            samples[name].append(sample(workload, proxy, upstream, load, options.seconds))
        print(".", end="", file=sys.stderr, flush=True)
    print(f" {workload.name}", file=sys.stderr, flush=True)
    return report.summary(samples)


def sample(workload, proxy, upstream, load, seconds, attempts=3):
    seen, spent = upstream.requests(), cost.cpu_seconds(proxy.pids())
    try:
        result = load.run(workload, proxy, seconds)
    except LoadHung:
        if attempts == 1:
            raise SystemExit(f"{workload.name}: h2load did not end with {proxy}") from None
        return sample(workload, proxy, upstream, load, seconds, attempts - 1)
    spent, seen = cost.cpu_seconds(proxy.pids()) - spent, upstream.requests() - seen
    if seen < result.requests:
        raise SystemExit(f"{workload.name}: {result.requests} responses, but the upstream saw {seen} requests")
    return {
        "requests": result.requests,
        "requests_per_second": result.requests / result.seconds,
        "cpu_us": spent / result.requests * 1e6,
        "busy": spent / result.seconds,
        "p50_us": result.percentile(50),
        "p99_us": result.percentile(99),
    }


def arguments():
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__.splitlines()[0])
    parser.add_argument("--portcullis", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="two rounds of half a second, to see whether the bench works")
    parser.add_argument("--rounds", type=int, help="rounds for each workload; default 7")
    parser.add_argument("--seconds", type=float, help="duration of each load; default 2")
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--only", type=of("workload", names), help="workloads: " + ", ".join(names))
    known = list(peers.PEERS)
    parser.add_argument("--peers", type=of("peer", known), default=[], help="other proxies to compare: " + ", ".join(known))
    named = list(VARIANTS)
    parser.add_argument("--variants", type=of("variant", named), default=[], help="configurations of Portcullis to compare: " + ", ".join(named))
    parser.add_argument("--against", type=Path, help="another build of Portcullis to compare")
    parser.add_argument("--workers", type=int, default=1, help="number of workers; with 2, nothing is pinned")
    parser.add_argument("--congestion-control", help="TCP congestion control, set in a new network namespace")
    parser.add_argument("--plain", action="store_true", help="measure the program of `cargo build --release`")
    options = parser.parse_args()
    if missing := [name for name in options.peers if name not in peers.available()]:
        print(f"not installed, left out: {', '.join(missing)}", file=sys.stderr)
        options.peers = [name for name in options.peers if name not in missing]
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    return options


def of(what, known):
    """Parser of a comma-separated list of known names, or `all`."""

    def words(text):
        given = known if text == "all" else text.split(",")
        if unknown := set(given) - set(known):
            raise argparse.ArgumentTypeError(
                f"no {what} is called {', '.join(sorted(unknown))}; there are {', '.join(known)}"
            )
        return given

    return words


if __name__ == "__main__":
    main()
