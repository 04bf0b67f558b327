"""Portcullis with a login against nginx without one, before the same upstream; other peers and variants on demand.

All run all the time, pinned to one CPU; the load and the upstream share another. For every workload they are
loaded in turn, A B B A, so that a machine that grows slower harms all. What is compared is the CPU time that
is spent on a request; the ratio is the median of the rounds' quotients.
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
        print(f"others are at work here (load {load_average:.1f}); measure again when they are not", file=sys.stderr)
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
        # Threads begin, and databases are opened, after a server listens.
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
    document["machine"]["portcullis"] += ", built by cargo alone" if options.plain else ", built by release/build"
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "comparison.json").write_text(json.dumps(document, indent=1) + "\n")
    (OUTPUT / "comparison.svg").write_text(plot.svg(document))
    print(report.table(document))
    print(f"\n{time.monotonic() - started:.0f} s; the samples are in {OUTPUT / 'comparison.json'}, a plot beside them")


def rounds(workload, proxies, upstream, load, options):
    """Loads all in turn. Every other round is turned round, and each begins with another."""
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
        answered = load.run(workload, proxy, seconds)
    except LoadHung:
        if attempts == 1:
            raise SystemExit(f"{workload.name}: no load of {proxy} came to an end") from None
        return sample(workload, proxy, upstream, load, seconds, attempts - 1)
    spent, seen = cost.cpu_seconds(proxy.pids()) - spent, upstream.requests() - seen
    if seen < answered.requests:
        raise SystemExit(f"{workload.name}: {answered.requests} answers, but the upstream saw {seen} requests")
    return {
        "requests": answered.requests,
        "requests_per_second": answered.requests / answered.seconds,
        "cpu_us": spent / answered.requests * 1e6,
        "busy": spent / answered.seconds,
        "p50_us": answered.percentile(50),
        "p99_us": answered.percentile(99),
    }


def arguments():
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__.splitlines()[0])
    parser.add_argument("--portcullis", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="two rounds of half a second: does it work at all?")
    parser.add_argument("--rounds", type=int, help="rounds for each workload; 7, if nothing is said")
    parser.add_argument("--seconds", type=float, help="how long each load lasts; 2, if nothing is said")
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--only", type=of("workload", names), help="of " + ", ".join(names))
    known = list(peers.PEERS)
    parser.add_argument("--peers", type=of("peer", known), default=[], help="beside nginx, of " + ", ".join(known))
    named = list(VARIANTS)
    parser.add_argument("--variants", type=of("variant", named), default=[], help="of Portcullis: " + ", ".join(named))
    parser.add_argument("--against", type=Path, help="another build of Portcullis, to see what a change gave")
    parser.add_argument("--workers", type=int, default=1, help="with 2, nothing is pinned and all share the machine")
    parser.add_argument("--congestion-control", help="of TCP, in a network namespace of its own (the script makes it)")
    parser.add_argument("--plain", action="store_true", help="the program as cargo alone builds it, without training")
    options = parser.parse_args()
    if missing := [name for name in options.peers if name not in peers.available()]:
        print(f"not to be had here, left out: {', '.join(missing)}", file=sys.stderr)
        options.peers = [name for name in options.peers if name not in missing]
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    return options


def of(what, known):
    """A list with commas between, of known words or `all`."""

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
