"""CPU time of the gateway for each request of a flood, which a busy machine changes little.

The gateway runs with one worker and nobody signed in; the floods of `attacker.rs` that send requests run one after the
other, each for a few seconds. CPU time is that of all threads, from /proc; requests are counted by the gateway itself.
"""

import argparse
import re
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

FLOODS = ["anonymous", "token-form", "token-unknown", "token-secret", "basic", "basic-one"]


def main():
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="attacks-") as folder:
        https, status = free_port(), free_port()
        Path(folder, "gateway.toml").write_text(CONFIGURATION.format(https=https, status=status))
        add = [options.gateway, "user", "add", "alice"]
        subprocess.run(add, input="correct horse battery staple\n", text=True, capture_output=True, cwd=folder, check=True)
        # User 1 has token 1, whose secrets an attacker guesses.
        add = [options.gateway, "token", "add", "alice", "--name", "bench"]
        subprocess.run(add, capture_output=True, cwd=folder, check=True)
        gateway = subprocess.Popen([options.gateway, "serve"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(status)
            print("| flood | requests | CPU time for each | of it on password threads |")
            print("| --- | ---: | ---: | ---: |")
            for flood in FLOODS:
                print(measured(flood, options, gateway.pid, folder, (https, status)), flush=True)
        finally:
            gateway.kill()
            gateway.wait()


def measured(flood, options, pid, folder, ports):
    """A row of the table."""
    https, status = ports
    command = [options.bench, "attack", flood, f"127.0.0.1:{https}", f"{folder}/certs/self-signed.pem", "1000"]
    attackers = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        attackers.stdout.readline()
        time.sleep(3)
        requests, seconds = counted(status), cpu_microseconds(pid)
        time.sleep(11)
        requests, after = counted(status) - requests, cpu_microseconds(pid)
    finally:
        attackers.kill()
        attackers.wait()
    spent = {name: after[name] - seconds.get(name, 0) for name in after}
    passwords = sum(time for name, time in spent.items() if name.startswith("password"))
    return f"| {flood} | {requests:.0f} | {sum(spent.values()) / requests:.0f} us | {passwords / requests:.0f} us |"


def cpu_microseconds(pid):
    """CPU time of each thread by name."""
    times = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        times[name] = times.get(name, 0) + int((task / "schedstat").read_text().split()[0]) / 1000
    return times


def counted(status):
    """Requests so far."""
    with urllib.request.urlopen(f"http://127.0.0.1:{status}/metrics") as response:
        text = response.read().decode()
    return sum(map(float, re.findall(r"^portcullis_requests_total\S* (\S+)$", text, re.MULTILINE)))


def wait_until_ready(status):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{status}/readyz").close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the gateway does not start")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def arguments():
    parser = argparse.ArgumentParser(prog="benches/attacks/run --cost", description=__doc__)
    parser.add_argument("--bench", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--gateway", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


CONFIGURATION = """
[server]
https = ["127.0.0.1:{https}"]
http = []
status = "127.0.0.1:{status}"
workers = 1

[log]
format = "json"

[limits]
connections_per_address = 4096
requests_per_address = 4096

[[app]]
name = "app"
upstream = "builtin:whoami"
programs = {{ tokens = true, basic = true }}
"""

if __name__ == "__main__":
    main()
