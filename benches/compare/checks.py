"""Before anything is measured: both really proxy, and Portcullis really asks who is there."""

from load import WORKLOADS
from servers import USER


def run(nginx, portcullis, upstream):
    """Ends the comparison if a proxy does not do its work."""
    for proxy in (nginx, portcullis):
        name = type(proxy).__name__
        tls = proxy.connect()
        expect(f"{name}: TLS", tls.version(), "TLSv1.3")
        tls.close()
        secret, user, groups, proto, cookies, _ = echo(proxy, "/echo")
        expect(f"{name}: the upstream answered", secret, upstream.secret)
        expect(f"{name}: X-Forwarded-Proto", proto, "https")
        signed_in = proxy is portcullis
        expect(f"{name}: Remote-User", user, USER if signed_in else "")
        expect(f"{name}: Remote-Groups", groups, "staff" if signed_in else "")
        expect(f"{name}: cookies that the upstream saw", cookies, "")
        for workload in WORKLOADS:
            method, body = ("POST", b"body") if workload.uploads else ("GET", None)
            expect(f"{name}: {workload.path}", proxy.ask(method, workload.path, body=body)[0], 200)
    seen = upstream.requests()
    for headers in ({}, {"Cookie": "__Host-portcullis=" + "A" * 43}):
        expect("Portcullis: without a session", portcullis.ask("GET", "/echo", headers)[0], 401)
    # The second question about the status is a request as well.
    expect("Portcullis: requests that came through without a session", upstream.requests() - seen, 1)
    forged = portcullis.ask("GET", "/20", {"Remote-User": USER})[0]
    expect("Portcullis: a name without a session", forged, 401)


def echo(proxy, path):
    status, _, body = proxy.ask("GET", path)
    expect(f"{type(proxy).__name__}: {path}", status, 200)
    return body.decode().split("|")


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: {found!r} instead of {wanted!r}")
