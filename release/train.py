"""Training load for a build of Portcullis that counts how often its code runs.

The load differs from that of benches/compare, so that the comparison does not measure what it was trained with: these
requests have a browser's headers and other sizes, and users go through the gateway's pages. The compiler optimises the
code that runs often here.
"""

import argparse
import os
import re
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import cost
from load import Load, Workload
from portcullis import Portcullis
from servers import USER, Upstream, cookie, make_certificate

# Seconds of each load. Small responses are the usual case, so they get the most weight.
SMALL_SECONDS, LARGE_SECONDS = 4, 1.5
PEOPLE = 10
FORM_BYTES, FILE_BYTES = 300, 70_000

BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://localhost/",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-User": "?1",
    "Priority": "u=0, i",
}
# Cookies of an application, sent beside the session cookie.
COOKIES = "theme=dark; csrftoken=yXq0mTt2Vb8Rk4; "

H1, H2 = ("--h1", "-c", "6"), ("-c", "6", "-m", "6")
SMALL = (
    Workload("page", "/20?page=3&sort=name", "a small page, HTTP/1.1", H1),
    Workload("page-h2", "/20?page=3&sort=name", "a small page, HTTP/2", H2),
    Workload("script", "/10k?v=3f2a", "a script, HTTP/1.1", H1),
    Workload("script-h2", "/10k?v=3f2a", "a script, HTTP/2", H2),
    Workload("visit", "/20", "a new connection for each request, HTTP/1.1", ("--h1", "-c", "20"), new_connections=True),
    Workload("visit-h2", "/20", "a new connection for each request, HTTP/2", ("-c", "20"), new_connections=True),
)
LARGE = (
    Workload("download", "/1m", "a download, HTTP/1.1", H1),
    Workload("download-h2", "/1m", "a download, HTTP/2", H2),
)
POSTS = (
    Workload("post", "/upload", "a form or file, HTTP/1.1", H1, uploads=True),
    Workload("post-h2", "/upload", "a form or file, HTTP/2", H2, uploads=True),
)


def main():
    parser = argparse.ArgumentParser(prog="release/train", description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path, help="a Portcullis")
    program = parser.parse_args().program.resolve()
    cpus = sorted(os.sched_getaffinity(0))
    cost.allow_many_files()
    with tempfile.TemporaryDirectory(prefix="train-") as folder:
        folder = Path(folder)
        os.chmod(folder, 0o755)
        make_certificate(folder)
        with Upstream(folder, cpus) as upstream, Portcullis(folder, cpus[:1], upstream.port, program) as gateway:
            for _ in range(PEOPLE):
                person(gateway)
            gateway.sign_in()
            gateway.headers = BROWSER | {"Cookie": COOKIES + gateway.headers["Cookie"]}
            form, file = folder / "form", folder / "file"
            form.write_bytes(os.urandom(FORM_BYTES))
            file.write_bytes(os.urandom(FILE_BYTES))
            loads = ((SMALL, None, SMALL_SECONDS), (POSTS, form, LARGE_SECONDS))
            loads += ((LARGE, None, LARGE_SECONDS), (POSTS, file, LARGE_SECONDS))
            for workloads, body, seconds in loads:
                for workload in workloads:
                    Load(folder, body, cpus[-1]).run(workload, gateway, seconds)
        if gateway.process.returncode != 0:
            raise SystemExit(f"the gateway ended with status {gateway.process.returncode}; its counts may be missing")


def person(gateway):
    """A user without a session signs in, opens some pages, and signs out."""
    expect(gateway.ask("GET", "/10k", BROWSER), 303)
    expect(gateway.ask("GET", "/10k", {"Accept": "application/json"}), 401)
    gateway.sign_in()
    known = BROWSER | gateway.headers
    expect(gateway.ask("GET", "/10k", known), 200)
    expect(gateway.ask("GET", "/nothing/like/it", known), 404)
    expect(gateway.ask("GET", "/.gateway/account", known), 200)
    page = gateway.ask("GET", "/.gateway/logout", known)
    expect(page, 200)
    _, headers, text = page
    fields = {"csrf": re.search(rb'name="csrf" value="([^"]+)"', text).group(1).decode()}
    both = "; ".join(filter(None, (known["Cookie"], cookie(headers))))
    sent = known | {"Cookie": both, "Content-Type": "application/x-www-form-urlencoded"}
    expect(gateway.ask("POST", "/.gateway/logout", sent, urlencode(fields)), 303)
    expect(gateway.ask("GET", "/10k", known), 303)


def expect(response, wanted):
    if response[0] != wanted:
        raise SystemExit(f"{USER} got status {response[0]} instead of {wanted}: {response[2][:200]}")


if __name__ == "__main__":
    main()
