"""Portcullis with a login, and variants that show the cost of a part of its work."""

import contextlib
import re
import secrets
import shutil
import sqlite3
import subprocess
from urllib.parse import urlencode

from peers import NGINX
from servers import CERTIFICATE, KEY, USER, Proxy, Server, cookie, free_port, nginx_command


class Portcullis(Proxy):
    """All paths need a group; every request has an entry in the access log."""

    has_login = True
    allow = '{ group = "staff" }'
    log = "true"
    # Further settings of the app.
    settings = ""

    def __init__(self, folder, cpus, upstream, program):
        self.program = program
        # Variants run at the same time, so each has its own state folder.
        self.home = folder / type(self).__name__.lower()
        self.home.mkdir()
        for name in (CERTIFICATE, KEY):
            shutil.copy(folder / name, self.home / name)
        port = free_port()
        self.file = self.home / "gateway.toml"
        self.file.write_text(self._configuration(port, upstream, len(cpus)))
        self.password = secrets.token_urlsafe(18)
        add = [program, "--config", self.file, "user", "add", USER, "--group", "staff"]
        added = subprocess.run(add, input=self.password + "\n", text=True, capture_output=True, check=False)
        if added.returncode != 0:
            raise SystemExit(f"adding a user failed:\n{added.stderr}")
        command = [program, "--config", self.file, "serve"]
        super().__init__(folder, cpus, command, port, stdout=subprocess.DEVNULL)

    def sign_in(self):
        """Signs in as a browser does; `headers` then carry the session."""
        _, headers, page = self.ask("GET", "/.gateway/login")
        token = re.search(rb'name="csrf" value="([^"]+)"', page).group(1).decode()
        fields = urlencode({"username": USER, "password": self.password, "csrf": token, "next": "/"})
        sent = {"Cookie": cookie(headers), "Content-Type": "application/x-www-form-urlencoded"}
        status, headers, _ = self.ask("POST", "/.gateway/login", sent, fields)
        if status != 303:
            raise SystemExit(f"sign-in got status {status}")
        self.headers = {"Cookie": cookie(headers, "__Host-Http-portcullis")}

    def _configuration(self, port, upstream, workers):
        settings = {"port": port, "upstream": upstream, "workers": workers, "allow": self.allow, "log": self.log, "settings": self.settings}
        return CONFIGURATION.format(certificate=CERTIFICATE, key=KEY, **settings)


class Public(Portcullis):
    """All paths are open to anyone, and no request has a session."""

    has_login = False
    allow = '"anyone"'

    def sign_in(self):
        pass


class Unlogged(Portcullis):
    """The access log is off."""

    log = "false"


class ManyRules(Portcullis):
    """999 other apps with ten rules each beside the requested one."""

    def _configuration(self, port, upstream, workers):
        others = (
            f'[[app]]\nhost = "app{app}.example.com"\nupstream = "http://127.0.0.1:{upstream}"\n'
            + "".join(f'[[app.rule]]\npath = "/area{rule}/**"\nallow = "authenticated"\n' for rule in range(10))
            for app in range(999)
        )
        return super()._configuration(port, upstream, workers) + "\n".join(others)


class ManySessions(Portcullis):
    """A million sessions are alive beside the one in use."""

    def sign_in(self):
        super().sign_in()
        with contextlib.closing(sqlite3.connect(self.home / "state" / "sessions.db", timeout=60)) as store, store:
            names = [row[1] for row in store.execute("PRAGMA table_info(session)") if row[1] != "key"]
            columns = ", ".join(names)
            store.execute(
                f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {SESSIONS}) "
                f"INSERT INTO session (key, {columns}) SELECT randomblob(32), {columns} FROM number, "
                f"(SELECT {columns} FROM session LIMIT 1)"
            )


class ReusesAfterBody(Portcullis):
    """The connection to the upstream stays open after a request with a body, as nginx keeps it."""

    settings = "reuse_after_body = true"


class Asserting(Portcullis):
    """Each request to the app carries a signed assertion about its user."""

    settings = "assertion = true"

    def _configuration(self, port, upstream, workers):
        return super()._configuration(port, upstream, workers) + '\n[assertion]\nissuer = "https://login.example.com"\n'


class TakingTokens(Portcullis):
    """The user is known by an API token and not by a session."""

    settings = "programs = { tokens = true }"

    def sign_in(self):
        add = [self.program, "--config", self.file, "token", "add", USER, "--name", "bench"]
        added = subprocess.run(add, text=True, capture_output=True, check=True)
        self.headers = {"Authorization": "Bearer " + re.search(r"ptc_\w+", added.stdout).group(0)}


class Checked(Portcullis):
    """nginx forwards, and asks Portcullis about each request. The CPU time of both counts."""

    def __init__(self, folder, cpus, upstream, program):
        self.checks = free_port()
        super().__init__(folder, cpus, upstream, program)
        port = free_port()
        text = NGINX.format(
            port=port, folder=folder, upstream=upstream, certificate=CERTIFICATE, key=KEY, workers=len(cpus),
            name="checked", asks=CHECK_REQUEST, locations=CHECK_LOCATION, service=CHECK_SERVICE.format(port=self.checks),
        )  # fmt: skip
        self.front = Front(folder, cpus, nginx_command(folder, "checked", text), port)

    def sign_in(self):
        super().sign_in()
        self.port = self.front.port

    def pids(self):
        return super().pids() + self.front.pids()

    def __enter__(self):
        self.front.__enter__()
        return super().__enter__()

    def __exit__(self, *ended):
        super().__exit__(*ended)
        self.front.__exit__(*ended)

    def _configuration(self, port, upstream, workers):
        text = super()._configuration(port, upstream, workers)
        text = text.replace('status = "off"\n', 'status = "off"\ntrusted_proxies = ["127.0.0.1"]\n')
        return text + f'\n[forward_auth]\nlisten = "127.0.0.1:{self.checks}"\n'


class Front(Server):
    """nginx in front of `Checked`."""


class AnotherBuild(Portcullis):
    """The configuration of `Portcullis`, run by the program of --against."""


VARIANTS = (Public, Unlogged, ManyRules, ManySessions, ReusesAfterBody, Asserting, TakingTokens, Checked)
SESSIONS = 1_000_000

# As in docs/forward-auth.md, with the headers that the upstream shows.
CHECK_REQUEST = """
            auth_request /check; auth_request_set $user $upstream_http_remote_user;
            auth_request_set $groups $upstream_http_remote_groups; auth_request_set $cookies $upstream_http_cookie;
            proxy_set_header Remote-User $user; proxy_set_header Remote-Groups $groups; proxy_set_header Cookie $cookies;"""
CHECK_LOCATION = """
        location = /check {
            internal; proxy_pass http://service/.gateway/check/nginx; proxy_http_version 1.1;
            proxy_set_header Connection ""; proxy_pass_request_body off; proxy_set_header Content-Length "";
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header Remote-User ""; proxy_set_header Remote-Groups "";
        }"""
CHECK_SERVICE = """
    upstream service {{
        server 127.0.0.1:{port};
        keepalive 256; keepalive_requests 1000000000; keepalive_timeout 60s;
    }}"""

CONFIGURATION = """
[server]
https = ["127.0.0.1:{port}"]
http = []
status = "off"
workers = {workers}

[tls]
min_version = "1.3"
certificate = [{{ cert = "{certificate}", key = "{key}" }}]

[limits]
requests_per_connection = 1000000
connections_per_address = 20000
requests_per_address = 20000

[log]
access = {log}

[groups]
staff = ["bench.use"]

[[app]]
name = "bench"
host = "localhost"
upstream = "http://127.0.0.1:{upstream}"
identity = "remote-user"
max_requests = 20000
{settings}

[[app.rule]]
path = "/**"
allow = {allow}

[[app.rule]]
path = "/public/**"
allow = "anyone"
"""
