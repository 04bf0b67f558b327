"""Checks before the measurement: every proxy forwards, and every proxy with a login refuses requests without one."""

from load import WORKLOADS
from portcullis import Portcullis
from servers import USER


def run(proxies, upstream):
    """Ends the comparison if a proxy does not forward, or does not check the session."""
    for name, proxy in proxies.items():
        tls = proxy.connect()
        expect(f"{name}: TLS", tls.version(), "TLSv1.3")
        tls.close()
        secret, user, groups, proto, cookies, _ = echo(name, proxy)
        expect(f"{name}: the upstream responded", secret, upstream.secret)
        expect(f"{name}: X-Forwarded-Proto", proto, "https")
        expect(f"{name}: Remote-User", user, USER if proxy.has_login else "")
        if isinstance(proxy, Portcullis):
            expect(f"{name}: Remote-Groups", groups, "staff" if proxy.has_login else "")
            expect(f"{name}: cookies at the upstream", cookies, "")
        for workload in WORKLOADS:
            method, body = ("POST", b"body") if workload.uploads else ("GET", None)
            expect(f"{name}: {workload.path}", proxy.ask(method, workload.path, body=body)[0], 200)
        if proxy.has_login:
            refuses_strangers(name, proxy, upstream)


def refuses_strangers(name, proxy, upstream):
    seen = upstream.requests()
    false = {"Authorization": "Bearer ptc_1t1_" + "A" * 49}
    if "Cookie" in proxy.headers:
        session = proxy.headers["Cookie"].split("=")[0]
        false = {"Cookie": f"{session}={'A' * 43}"}
    for headers in ({}, false, {"Remote-User": USER}):
        expect(f"{name}: without a session", proxy.ask("GET", "/echo", headers)[0], 401)
    # Asking for the second count is a request as well.
    expect(f"{name}: requests forwarded without a session", upstream.requests() - seen, 1)


def echo(name, proxy):
    status, _, body = proxy.ask("GET", "/echo")
    expect(f"{name}: /echo", status, 200)
    return body.decode().split("|")


def expect(subject, found, wanted):
    if found != wanted:
        raise SystemExit(f"{subject}: {found!r} instead of {wanted!r}")
