"""Portcullis with a login against nginx without one, before the same upstream.

Both proxies run all the time, pinned to one CPU; the load and the upstream share another. For every
workload they are loaded in turn, A B B A, so that a machine that grows slower harms both. What is
compared is the CPU time a proxy spends on a request; the ratio is the median of the rounds' quotients.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import checks
import cost
import report
from load import BODY_BYTES, WORKLOADS, Load, LoadHung
from servers import Nginx, Portcullis, Upstream, make_certificate

OUTPUT = Path(__file__).resolve().parent / "output"


def main():
    options = arguments()
    cpus = sorted(os.sched_getaffinity(0))
    proxy_cpu, load_cpu = cpus[0], cpus[-1]
    cost.allow_many_files()
    os.sched_setaffinity(0, {load_cpu})
    started = time.monotonic()
    load_average = os.getloadavg()[0]
    if load_average > 1:
        print(f"others are at work here (load {load_average:.1f}); measure again when they are not", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="compare-") as folder:
        folder = Path(folder)
        os.chmod(folder, 0o755)
        make_certificate(folder)
        body = folder / "body"
        body.write_bytes(os.urandom(BODY_BYTES))
        load = Load(folder, body, load_cpu)
        with (
            Upstream(folder, load_cpu) as upstream,
            Nginx(folder, proxy_cpu, upstream.port) as nginx,
            Portcullis(folder, proxy_cpu, upstream.port, options.portcullis) as portcullis,
        ):
            proxies = {"nginx": nginx, "portcullis": portcullis}
            memory = {name: {"start_kib": cost.rss_kib(proxy.pids())} for name, proxy in proxies.items()}
            portcullis.sign_in()
            checks.run(nginx, portcullis, upstream)
            results = {}
            for workload in WORKLOADS:
                if options.only is None or workload.name in options.only:
                    results[workload.name] = rounds(workload, proxies, upstream, load, options)
            for name, proxy in proxies.items():
                memory[name]["idle_connection_kib"] = cost.kib_per_idle_connection(proxy)
    machine = report.machine(proxy_cpu, load_cpu, load_average, options.portcullis)
    document = {
        "machine": machine,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workloads": results,
        "memory": memory,
    }
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "comparison.json").write_text(json.dumps(document, indent=1) + "\n")
    print(report.table(document))
    print(f"\n{time.monotonic() - started:.0f} s; the samples are in {OUTPUT / 'comparison.json'}")


def rounds(workload, proxies, upstream, load, options):
    """Loads both proxies in turn; each round is a pair, and every other pair is turned round."""
    samples = {name: [] for name in proxies}
    for proxy in proxies.values():
        sample(workload, proxy, upstream, load, options.seconds / 2)
    for number in range(options.rounds):
        order = list(proxies.items())
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
            raise SystemExit(f"{workload.name}: no load came to an end") from None
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
    parser.add_argument("--rounds", type=int, help="pairs for each workload; 7, if nothing is said")
    parser.add_argument("--seconds", type=float, help="how long each load lasts; 2, if nothing is said")
    names = [workload.name for workload in WORKLOADS]
    parser.add_argument("--only", type=lambda text: text.split(","), help="of " + ", ".join(names))
    options = parser.parse_args()
    unknown = set(options.only or []) - set(names)
    if unknown:
        parser.error(f"no workload is called {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    return options


if __name__ == "__main__":
    main()
