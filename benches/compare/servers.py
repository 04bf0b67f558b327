"""Processes of the comparison: proxies, and the upstream behind all of them."""

import http.client
import os
import secrets
import signal
import socket
import ssl
import subprocess
import time

USER = "alice"
CERTIFICATE, KEY = "certificate.pem", "key.pem"


class Server:
    """A process pinned to the given CPUs; the end of a `with` stops it."""

    def __init__(self, folder, cpus, command, port, **streams):
        self.folder, self.port = folder, port
        self.messages = folder / f"{type(self).__name__.lower()}.stderr"
        command = ["taskset", "-c", ",".join(map(str, cpus)), *map(str, command)]
        with self.messages.open("wb") as stderr:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr, **streams)

    def __str__(self):
        return type(self).__name__

    def __enter__(self):
        try:
            self._wait_until_open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            for pid in reversed(self.pids()):
                os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def pids(self):
        """This process and its children (nginx: the master and its worker)."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [pid, *map(int, children.read().split())]

    def _wait_until_open(self):
        deadline = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                # The only sign that another program listens is a connection to it.
                time.sleep(0.02)
        raise SystemExit(f"{type(self).__name__} does not listen:\n{self.messages.read_text(errors='replace')}")


class Proxy(Server):
    """A proxy to compare: serves `https://localhost:PORT` and needs `headers` in every request."""

    headers = {}
    # Whether the proxy refuses requests without a session.
    has_login = False

    def sign_in(self):
        """Does nothing, because there is no login."""

    def connect(self):
        """Opens a TLS connection without session resumption."""
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        # Without this, the request waits for the acknowledgement of the handshake's last flight, up to 40 ms.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.client_tls().wrap_socket(plain, server_hostname="localhost")

    def ask(self, method, path, headers=None, body=None):
        """Sends one request on a new connection; returns status, headers and body."""
        client = http.client.HTTPSConnection("localhost", self.port, timeout=10, context=self.client_tls())
        try:
            client.request(method, path, body, self.headers if headers is None else headers)
            response = client.getresponse()
            return response.status, response.headers, response.read()
        finally:
            client.close()

    def client_tls(self):
        return ssl.create_default_context(cafile=self.folder / CERTIFICATE)


class Upstream(Server):
    """An nginx with fixed responses. `/echo` returns some request headers; the status page counts requests."""

    def __init__(self, folder, cpus):
        port = free_port()
        # Proves that a response comes from this process.
        self.secret = secrets.token_hex(16)
        files = folder / "files"
        files.mkdir()
        for name, size in (("10k", 10 << 10), ("1m", 1 << 20)):
            (files / name).write_bytes(os.urandom(size))
        text = UPSTREAM.format(port=port, folder=folder, secret=self.secret)
        super().__init__(folder, cpus, nginx_command(folder, "upstream", text), port)

    def requests(self):
        """Number of requests so far."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            client.request("GET", "/upstream-status")
            # Active connections: 1 / server accepts handled requests / 1 1 1 / …
            return int(client.getresponse().read().split()[9])
        finally:
            client.close()


def make_certificate(folder):
    """A self-signed certificate for localhost, ECDSA P-256, which both proxies use."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", folder / KEY, "-out", folder / CERTIFICATE]
    subprocess.run(command, check=True, capture_output=True)
    os.chmod(folder / KEY, 0o600)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def nginx_command(folder, name, text):
    file = folder / f"{name}.conf"
    file.write_text(text)
    return ["/usr/sbin/nginx", "-p", folder, "-c", file, "-e", "stderr"]


def cookie(headers, name=None):
    """The cookies that a response sets, or the one with this name, as a `Cookie` header."""
    pairs = [line.split(";")[0] for line in headers.get_all("Set-Cookie", [])]
    return "; ".join(pair for pair in pairs if name is None or pair.startswith(name + "="))


# `return` responds before the body has arrived; the extra hop of /upload reads the whole body first.
UPSTREAM = """
worker_processes 1; daemon off; pid {folder}/upstream.pid; error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_requests 1000000000; keepalive_timeout 600s;
    sendfile on; tcp_nopush on; open_file_cache max=16;
    client_body_temp_path {folder}/upstream-body; proxy_temp_path {folder}/upstream-proxy;
    client_body_buffer_size 256k;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type application/octet-stream;
        location = /20 {{ return 200 "twenty bytes of body"; }}
        location = /10k {{ alias {folder}/files/10k; }}
        location = /1m {{ alias {folder}/files/1m; }}
        location = /upload {{
            proxy_pass http://127.0.0.1:{port}/20; proxy_method GET;
            proxy_pass_request_body off; proxy_set_header Content-Length "";
        }}
        location = /echo {{
            return 200 "{secret}|$http_remote_user|$http_remote_groups|$http_x_forwarded_proto|$http_cookie|";
        }}
        location = /upstream-status {{ stub_status; }}
    }}
}}
"""
