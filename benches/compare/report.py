"""From samples to figures, and to a table that people read."""

import os
import platform
import re
import statistics
import subprocess

from load import WORKLOADS


def summary(samples):
    """Ratios are taken within a pair: its two loads ran one right after the other."""
    pairs = zip(samples["portcullis"], samples["nginx"], strict=True)
    ratios = [ours["cpu_us"] / theirs["cpu_us"] for ours, theirs in pairs]
    medians = {name: {key: median(runs, key) for key in runs[0]} for name, runs in samples.items()}
    return {
        "cpu_ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "medians": medians,
        "samples": samples,
    }


def median(runs, key):
    values = [run[key] for run in runs if run[key] is not None]
    return statistics.median(values) if values else None


def table(document):
    names = {workload.name: workload.what for workload in WORKLOADS}
    lines = [
        "CPU time of Portcullis (signed in) over that of nginx (no login), medians of "
        f"{document['rounds']} pairs of {document['seconds']:g} s; each pair of figures: Portcullis, nginx",
        "",
        "| workload | ratio (min-max) | CPU us/request | requests/s | p50 us | p99 us | proxy's CPU busy |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, result in document["workloads"].items():
        ratio = result["cpu_ratio"]
        cells = [names[name], f"**{ratio['median']:.2f}** ({ratio['min']:.2f}-{ratio['max']:.2f})"]
        for key, form in COLUMNS:
            cells.append(", ".join(form(result["medians"][of][key]) for of in ("portcullis", "nginx")))
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| memory | Portcullis | nginx |", "|---|---|---|"]
    ours, theirs = document["memory"]["portcullis"], document["memory"]["nginx"]
    lines.append(f"| RSS at start, MiB | {ours['start_kib'] / 1024:.1f} | {theirs['start_kib'] / 1024:.1f} |")
    idle = (ours["idle_connection_kib"], theirs["idle_connection_kib"])
    lines.append(f"| KiB for each of 1,000 idle TLS connections | {idle[0]:.1f} | {idle[1]:.1f} |")
    lines.append("")
    lines += [f"{key}: {value}" for key, value in document["machine"].items()]
    return "\n".join(lines)


def machine(proxy_cpu, load_cpu, load_average, program):
    return {
        "cpu": f"{os.cpu_count()} x {cpu_model()}; proxies on {proxy_cpu}, load and upstream on {load_cpu}",
        "system": f"Linux {platform.release()}",
        "load average before": f"{load_average:.1f}",
        "nginx": said("/usr/sbin/nginx", "-v"),
        "h2load": said("h2load", "--version"),
        "portcullis": said(program, "--version"),
    }


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        found = re.search(r"model name\s*:\s*(.+)", lines.read())
    return found.group(1) if found else platform.machine()


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


def whole(value):
    return "-" if value is None else f"{value:,.0f}"


def share(value):
    return f"{value * 100:.0f} %"


COLUMNS = (
    ("cpu_us", whole),
    ("requests_per_second", whole),
    ("p50_us", whole),
    ("p99_us", whole),
    ("busy", share),
)
