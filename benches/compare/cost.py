"""CPU time and memory of processes."""

import contextlib
import resource
import time

CONNECTIONS = 5000
# Seconds in which they have to be established.
PATIENCE = 20


def cpu_seconds(pids):
    """User and system time of all threads, ended ones included, to the nanosecond.

    Reads the clock of another process, see clock_getcpuclockid(3); /proc/PID/stat has ticks of 10 ms only.
    """
    return sum(time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED) for pid in pids) / 1e9


def rss_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
            total += next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    return total


def idle_connections(proxy):
    """Opens connections, sends one request on each, and returns their number and the proxy's memory for each in KiB.

    The number is below CONNECTIONS if the proxy accepts no more of them, or not in time.
    """
    before = rss_kib(proxy.pids())
    head = "".join(f"{name}: {value}\r\n" for name, value in proxy.headers.items())
    request = f"GET /20 HTTP/1.1\r\nHost: localhost:{proxy.port}\r\n{head}\r\n".encode()
    opened, deadline = 0, time.monotonic() + PATIENCE
    with contextlib.ExitStack() as connections:
        while opened < CONNECTIONS and time.monotonic() < deadline:
            try:
                connection = connections.enter_context(proxy.connect())
                connection.sendall(request)
                response = connection.recv(4096)
            except OSError:
                break
            if not response.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"{proxy}: unexpected response on an idle connection: {response[:40]}")
            opened += 1
        return opened, (rss_kib(proxy.pids()) - before) / max(1, opened)


def allow_many_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


CPUCLOCK_SCHED = 2
