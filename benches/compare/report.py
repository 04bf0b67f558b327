"""Summary of the samples, and the printed table."""

import os
import platform
import re
import statistics
import subprocess

from cost import CONNECTIONS
from load import WORKLOADS
from peers import program


def summary(samples):
    """Ratios are taken within a round, because its loads follow each other directly."""
    return {
        "to_nginx": {name: ratio(runs, samples["nginx"]) for name, runs in samples.items() if name != "nginx"},
        "to_portcullis": {
            name: ratio(runs, samples["portcullis"])
            for name, runs in samples.items()
            if name not in ("nginx", "portcullis")
        },
        "pairs": {
            title: ratio(samples[over], samples[under])
            for title, over, under in pairs(samples)
            if over in samples and under in samples
        },
        "medians": {name: {key: median(runs, key) for key in runs[0]} for name, runs in samples.items()},
        "samples": samples,
    }


def pairs(samples):
    """Titles of the ratios, each with the name of its numerator and of its denominator."""
    yield from VARIANTS
    for name in samples:
        if name not in ("nginx", "portcullis") and not any(name in variant for variant in VARIANTS):
            yield f"Portcullis over {PEERS.get(name, name)}", "portcullis", name
    yield "Portcullis over nginx without a login", "portcullis", "nginx"


def ratio(runs, others):
    quotients = [run["cpu_us"] / other["cpu_us"] for run, other in zip(runs, others, strict=True)]
    return {"median": statistics.median(quotients), "min": min(quotients), "max": max(quotients)}


def median(runs, key):
    values = [run[key] for run in runs if run[key] is not None]
    return statistics.median(values) if values else None


def table(document):
    lines = [
        f"{document['command']}",
        "",
        "CPU time for each request over that of nginx without a login, in the same round: the median of "
        f"{document['rounds']} rounds of {document['seconds']:g} s (min-max)",
        "",
    ]
    for name, result in document["workloads"].items():
        lines += [
            next(workload.title for workload in WORKLOADS if workload.name == name),
            "",
            "| | to nginx | to portcullis | CPU us/request | requests/s | p50 us | p99 us | CPU busy |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for proxy, medians in result["medians"].items():
            ratios = [show(result[to].get(proxy)) for to in ("to_nginx", "to_portcullis")]
            cells = [form(medians[key]) for key, form in COLUMNS]
            lines.append("| " + " | ".join([proxy, *ratios, *cells]) + " |")
        lines += ["", "| CPU time for each request | ratio (min-max) |", "|---|---|"]
        lines += [f"| {title} | {show(found)} |" for title, found in result["pairs"].items()]
        lines.append("")
    lines += ["| memory | RSS at start, MiB | KiB for each idle TLS connection |", "|---|---|---|"]
    for proxy, memory in document["memory"].items():
        lines.append(f"| {proxy} | {memory['start_kib'] / 1024:.1f} | {idle(memory)} |")
    lines.append("")
    lines += [f"{key}: {value}" for key, value in document["machine"].items()]
    return "\n".join(lines)


def idle(memory):
    if "idle_connection_kib" not in memory:
        return "-"
    opened = memory["idle_connections"]
    few = "" if opened == CONNECTIONS else f" (of {opened:,}; the proxy accepted no more in time)"
    return f"{memory['idle_connection_kib']:.1f}{few}"


def show(found):
    return "" if found is None else f"**{found['median']:.2f}** ({found['min']:.2f}-{found['max']:.2f})"


def machine(proxy_cpus, load_cpu, load_average, proxies, binary):
    where = f"proxies on {proxy_cpus}, load and upstream on {load_cpu}" if len(proxy_cpus) == 1 else "nothing pinned"
    facts = {
        "cpu": f"{os.cpu_count()} x {cpu_model()}; {where}",
        "system": f"Linux {platform.release()}, TCP with {congestion_control()}",
        "load average before": f"{load_average:.1f}",
        "h2load": output_of("h2load", "--version"),
        "portcullis": output_of(binary, "--version"),
    }
    for name, command in VERSIONS.items():
        if any(proxy.startswith(name) for proxy in proxies):
            facts[name] = output_of(program(command[0]), *command[1:]).splitlines()[0]
    return facts


def congestion_control():
    with open("/proc/sys/net/ipv4/tcp_congestion_control", encoding="ascii") as name:
        return name.read().strip()


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        found = re.search(r"model name\s*:\s*(.+)", lines.read())
    return found.group(1) if found else platform.machine()


def output_of(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def whole(value):
    return "-" if value is None else f"{value:,.0f}"


def tenths(value):
    return "-" if value is None else f"{value:,.1f}"


def share(value):
    return f"{value * 100:.0f} %"


COLUMNS = (
    ("cpu_us", tenths),
    ("requests_per_second", whole),
    ("p50_us", whole),
    ("p99_us", whole),
    ("busy", share),
)
# Titles of peers whose name is not enough.
PEERS = {"nginx-auth": "nginx with auth_request, its CPU time and that of the service it asks"}
# Cost of a part of the work: with this part over without it.
VARIANTS = (
    ("a login over no login", "portcullis", "public"),
    ("the access log on over off", "portcullis", "unlogged"),
    ("1,000 apps of 10 rules over one app", "manyrules", "portcullis"),
    ("1,000,000 sessions alive over one", "manysessions", "portcullis"),
    ("a signed assertion over none", "asserting", "portcullis"),
    ("an API token over a session", "takingtokens", "portcullis"),
    ("nginx that asks for each request over forwarding", "checked", "portcullis"),
)
VERSIONS = {
    "nginx": ("nginx", "-v"),
    "haproxy": ("haproxy", "-v"),
    "envoy": ("envoy", "--version"),
    "caddy": ("caddy", "version"),
    "apache": ("apache2", "-v"),
}
