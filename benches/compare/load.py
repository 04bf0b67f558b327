"""Load generator: one process of h2load on one CPU. Each stream sends its next request after the last response."""

import re
import subprocess
import sys
import time
from dataclasses import dataclass, field

BODY_BYTES = 100 << 10
# So few connections that the handshakes at the start of a load do not influence the result.
CONNECTIONS, H2_CONNECTIONS, H2_STREAMS = 16, 4, 16
# Connections at a time in the workload of handshakes, with one request each.
HANDSHAKES = 50
# Seconds; more than any load takes.
TIMEOUT = 30


class LoadHung(Exception):
    """h2load did not end, or ended before the first response; its sample cannot be used."""


@dataclass(frozen=True)
class Workload:
    name: str
    path: str
    title: str
    options: tuple = ()
    new_connections: bool = False
    uploads: bool = False


H1 = ("--h1", "-c", str(CONNECTIONS))
WORKLOADS = (
    Workload("h1-20b", "/20", "HTTP/1.1, 20 B", H1),
    Workload("h1-10k", "/10k", "HTTP/1.1, 10 KiB", H1),
    Workload("h1-1m", "/1m", "HTTP/1.1, 1 MiB", H1),
    Workload("h2-20b", "/20", "HTTP/2, 20 B", ("-c", str(H2_CONNECTIONS), "-m", str(H2_STREAMS))),
    Workload("handshake", "/20", "TLS handshake, one request", ("--h1", "-c", str(HANDSHAKES)), new_connections=True),
    Workload("upload", "/upload", "HTTP/1.1, upload 100 KiB", H1, uploads=True),
)


@dataclass
class LoadResult:
    requests: int = 0
    seconds: float = 0.0
    times_us: list = field(default_factory=list)

    def percentile(self, percent):
        times = sorted(self.times_us)
        return times[min(len(times) - 1, len(times) * percent // 100)] if times else None


class Load:
    def __init__(self, folder, body, cpu):
        self.log, self.body, self.cpu = folder / "h2load.log", body, cpu

    def run(self, workload, proxy, seconds):
        """Loads a proxy. A response with a status other than 200 ends the comparison."""
        pinned = [] if self.cpu is None else ["taskset", "-c", str(self.cpu)]
        command = [*pinned, "h2load", "-t", "1", f"--log-file={self.log}"]
        command += ["--tls13-ciphers=TLS_AES_128_GCM_SHA256", "--groups=X25519", *workload.options]
        for name, value in proxy.headers.items():
            command += ["-H", f"{name}: {value}"]
        if workload.uploads:
            command += ["-d", str(self.body)]
        url = f"https://localhost:{proxy.port}{workload.path}"
        try:
            return self._until(workload, [*command, url], seconds)
        except subprocess.TimeoutExpired:
            # h2load does not end if a client is still in its handshake when the time is over, which happens on a
            # very busy machine.
            print(f"h2load did not end after {TIMEOUT} s: {proxy}, {workload.name}", file=sys.stderr)
            raise LoadHung from None

    def _until(self, workload, command, seconds):
        result = LoadResult()
        if not workload.new_connections:
            self._once([*command, "-D", f"{round(seconds * 1000)}ms"], result)
            return result
        while result.seconds < seconds:
            self._once([*command, "-n", str(HANDSHAKES)], result)
        return result

    def _once(self, command, result):
        self.log.unlink(missing_ok=True)
        started = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        elapsed = time.monotonic() - started
        good, failed = counted(done.stdout)
        if done.returncode == 0 and good == 0 and not failed:
            # On a very busy machine the time can be over before the first response.
            print(f"no response before the end of the load: {command[-1]}", file=sys.stderr)
            raise LoadHung
        if done.returncode != 0 or failed:
            raise SystemExit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        result.requests += good
        result.seconds += elapsed
        with self.log.open(encoding="ascii") as lines:
            result.times_us.extend(int(line.split("\t")[2]) for line in lines)


def counted(text):
    """Number of responses with 2xx, and of requests without one."""
    ended = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    codes = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    if not ended or not codes:
        return 0, 1
    wrong = sum(map(int, ended.groups()[1:])) + sum(map(int, codes.groups()[1:]))
    return int(codes.group(1)), wrong
