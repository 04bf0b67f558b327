"""Peers: nginx as a plain TLS proxy, which is the reference, and other proxies if they are installed."""

import getpass
import os
import secrets
import shutil
import subprocess
from urllib.parse import urlencode

from servers import CERTIFICATE, KEY, USER, Proxy, Server, cookie, free_port, nginx_command


class Nginx(Proxy):
    """Debian's nginx as a TLS reverse proxy without a login."""

    def __init__(self, folder, cpus, upstream):
        port = free_port()
        text = NGINX.format(
            port=port, folder=folder, upstream=upstream, certificate=CERTIFICATE, key=KEY, workers=len(cpus),
            name=type(self).__name__.lower(), **self._access(),
        )  # fmt: skip
        super().__init__(folder, cpus, nginx_command(folder, type(self).__name__.lower(), text), port)

    def _access(self):
        return {"asks": "", "locations": "", "service": ""}


class NginxAuth(Nginx):
    """nginx that asks an auth service about every request (`auth_request`), the usual deployment.

    The service is the cheapest possible: an nginx with fixed responses. Its CPU time counts, too.
    """

    has_login = True

    def __init__(self, folder, cpus, upstream):
        session = secrets.token_hex(16)
        self.headers = {"Cookie": f"session={session}"}
        self.auth_port = free_port()
        text = CANNED.format(port=self.auth_port, folder=folder, session=session, user=USER)
        self.service = AuthService(folder, cpus, nginx_command(folder, "canned", text), self.auth_port)
        super().__init__(folder, cpus, upstream)

    def _access(self):
        return {"asks": AUTH_REQUEST, "locations": AUTH_LOCATION, "service": AUTH_SERVICE.format(port=self.auth_port)}

    def pids(self):
        return super().pids() + self.service.pids()

    def __enter__(self):
        self.service.__enter__()
        return super().__enter__()

    def __exit__(self, *ended):
        super().__exit__(*ended)
        self.service.__exit__(*ended)


class AuthService(Server):
    """Auth service of `NginxAuth`."""


class HAProxy(Proxy):
    """Debian's HAProxy, without a login."""

    def __init__(self, folder, cpus, upstream):
        port = free_port()
        (folder / "haproxy.pem").write_bytes((folder / CERTIFICATE).read_bytes() + (folder / KEY).read_bytes())
        file = folder / "haproxy.cfg"
        file.write_text(HAPROXY.format(port=port, folder=folder, upstream=upstream, threads=len(cpus)))
        super().__init__(folder, cpus, [program("haproxy"), "-db", "-f", file], port)


class Envoy(Proxy):
    """Envoy, without a login."""

    def __init__(self, folder, cpus, upstream):
        port = free_port()
        file = folder / "envoy.yaml"
        file.write_text(ENVOY.format(port=port, folder=folder, upstream=upstream, certificate=CERTIFICATE, key=KEY))
        command = [program("envoy"), "-c", file, "--concurrency", len(cpus), "--disable-hot-restart", "-l", "error"]
        super().__init__(folder, cpus, command, port)


class Caddy(Proxy):
    """Caddy, without a login."""

    def __init__(self, folder, cpus, upstream):
        port = free_port()
        file = folder / "Caddyfile"
        file.write_text(CADDY.format(port=port, folder=folder, upstream=upstream, certificate=CERTIFICATE, key=KEY))
        settings = [f"HOME={folder}", f"XDG_DATA_HOME={folder}", f"XDG_CONFIG_HOME={folder}", f"GOMAXPROCS={len(cpus)}"]
        command = ["env", *settings, program("caddy"), "run", "--config", file, "--adapter", "caddyfile"]
        super().__init__(folder, cpus, command, port)


class Apache(Proxy):
    """Debian's Apache with its own login: mod_auth_form, the session in an encrypted cookie."""

    has_login = True

    def __init__(self, folder, cpus, upstream):
        port = free_port()
        self.password = secrets.token_urlsafe(18)
        home = folder / "apache"
        home.mkdir()
        (home / "login").write_text("sign in")
        file = home / "apache.conf"
        file.write_text(
            APACHE.format(
                port=port, folder=folder, upstream=upstream, certificate=CERTIFICATE, key=KEY, home=home,
                passphrase=secrets.token_hex(16), user=USER, owner="nobody" if os.getuid() == 0 else getpass.getuser(),
            )  # fmt: skip
        )
        hashed = [program("htpasswd"), "-b", "-c", "-s", home / "passwords", USER, self.password]
        subprocess.run(hashed, check=True, capture_output=True)
        super().__init__(folder, cpus, [program("apache2"), "-DFOREGROUND", "-f", file], port)

    def sign_in(self):
        """Signs in as a browser does; `headers` then carry the session."""
        fields = urlencode({"httpd_username": USER, "httpd_password": self.password})
        sent = {"Content-Type": "application/x-www-form-urlencoded"}
        status, headers, _ = self.ask("POST", "/sign-in", sent, fields)
        if status not in (302, 303):
            raise SystemExit(f"Apache: sign-in got status {status}")
        self.headers = {"Cookie": cookie(headers, "session")}


def program(name):
    """Path of a peer's program, or nothing."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def available():
    """Peers whose programs are installed, by name."""
    return {name: peer for name, (needs, peer) in PEERS.items() if all(map(program, needs))}


PEERS = {
    "nginx-auth": (("nginx",), NginxAuth),
    "haproxy": (("haproxy",), HAProxy),
    "envoy": (("envoy",), Envoy),
    "caddy": (("caddy",), Caddy),
    "apache": (("apache2", "htpasswd"), Apache),
}


# Settings of a careful administrator: persistent upstream connections, buffers that hold a response, no temporary files,
# a buffered log, and only the headers that an application needs (a request id would cost random numbers). One session
# ticket for each handshake, as Portcullis sends.
NGINX = """
worker_processes {workers}; daemon off; pid {folder}/{name}.pid; error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    log_format like_ours escape=json '{{"log":"access","time":"$time_iso8601","id":"$connection-$connection_requests","client":"$remote_addr",'
        '"method":"$request_method","host":"$host","path":"$uri","status":$status,"bytes":$body_bytes_sent,'
        '"ms":$request_time,"upstream_ms":"$upstream_response_time"}}';
    access_log /dev/null like_ours buffer=64k flush=250ms;
    keepalive_requests 1000000000; keepalive_timeout 60s;
    tcp_nodelay on;
    client_max_body_size 1g;
    client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
    upstream app {{
        server 127.0.0.1:{upstream};
        keepalive 256; keepalive_requests 1000000000; keepalive_timeout 60s;
    }}
    {service}
    server {{
        listen 127.0.0.1:{port} ssl http2 backlog=1024;
        ssl_certificate {folder}/{certificate}; ssl_certificate_key {folder}/{key};
        ssl_protocols TLSv1.3; ssl_ecdh_curve X25519;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
        ssl_conf_command NumTickets 1;
        {locations}
        location / {{
            {asks}
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
            proxy_request_buffering off; proxy_buffers 16 32k; proxy_busy_buffers_size 128k;
            proxy_max_temp_file_size 0;
        }}
    }}
}}
"""

# The user's name is forwarded, as Portcullis does.
AUTH_REQUEST = """
            auth_request /canned; auth_request_set $user $upstream_http_remote_user; proxy_set_header Remote-User $user;"""
AUTH_LOCATION = """
        location = /canned {
            internal; proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_pass_request_body off; proxy_set_header Content-Length "";
        }"""
# Without persistent connections to the auth service a request would cost twice as much.
AUTH_SERVICE = """
    upstream service {{
        server 127.0.0.1:{port};
        keepalive 256; keepalive_requests 1000000000; keepalive_timeout 60s;
    }}"""

CANNED = """
worker_processes 1; daemon off; pid {folder}/canned.pid; error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path {folder}/canned-body; proxy_temp_path {folder}/canned-proxy;
    map $cookie_session $known {{ default 401; {session} 200; }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{ add_header Remote-User {user}; if ($known = 401) {{ return 401; }} return 200; }}
    }}
}}
"""

HAPROXY = """
global
    nbthread {threads}
    maxconn 8000
    ssl-default-bind-options ssl-min-ver TLSv1.3
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
    ssl-default-bind-curves X25519
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
    http-reuse always
frontend tls
    bind 127.0.0.1:{port} ssl crt {folder}/haproxy.pem alpn h2,http/1.1
    http-request set-header X-Forwarded-Proto https
    option forwardfor
    default_backend app
backend app
    server app 127.0.0.1:{upstream} pool-max-conn 256
"""

ENVOY = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_params: {{ tls_minimum_protocol_version: TLSv1_3, ecdh_curves: [X25519] }}
            tls_certificates:
            - certificate_chain: {{ filename: {folder}/{certificate} }}
              private_key: {{ filename: {folder}/{key} }}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: tls
          use_remote_address: true
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: app }} }}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: app
    type: STATIC
    load_assignment:
      cluster_name: app
      endpoints:
      - lb_endpoints:
        - endpoint: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: {upstream} }} }} }}
"""

CADDY = """
{{
    admin off
    auto_https off
    persist_config off
    log {{
        output discard
    }}
}}
https://localhost:{port} {{
    bind 127.0.0.1
    tls {folder}/{certificate} {folder}/{key} {{
        protocols tls1.3
        curves x25519
    }}
    reverse_proxy 127.0.0.1:{upstream}
}}
"""

APACHE = """
ServerRoot /usr/lib/apache2
PidFile {home}/pid
DefaultRuntimeDir {home}
ServerName localhost
Listen 127.0.0.1:{port}
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authn_core_module modules/mod_authn_core.so
LoadModule authn_file_module modules/mod_authn_file.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule authz_user_module modules/mod_authz_user.so
LoadModule auth_form_module modules/mod_auth_form.so
LoadModule request_module modules/mod_request.so
LoadModule session_module modules/mod_session.so
LoadModule session_cookie_module modules/mod_session_cookie.so
LoadModule session_crypto_module modules/mod_session_crypto.so
LoadModule ssl_module modules/mod_ssl.so
LoadModule http2_module modules/mod_http2.so
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule headers_module modules/mod_headers.so
LoadModule socache_shmcb_module modules/mod_socache_shmcb.so
User {owner}
ErrorLog {home}/errors
LogLevel error
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
Protocols h2 http/1.1
<VirtualHost *:{port}>
    SSLEngine on
    SSLCertificateFile {folder}/{certificate}
    SSLCertificateKeyFile {folder}/{key}
    SSLProtocol TLSv1.3
    Session On
    SessionCookieName session path=/
    SessionCryptoPassphrase {passphrase}
    <Location />
        AuthType form
        AuthName bench
        AuthFormProvider file
        AuthUserFile {home}/passwords
        Require valid-user
        RequestHeader set Remote-User expr=%{{REMOTE_USER}}
        RequestHeader set X-Forwarded-Proto https
        ProxyPass http://127.0.0.1:{upstream}/ keepalive=On
    </Location>
    <Location /sign-in>
        ProxyPass !
        SetHandler form-login-handler
        AuthFormLoginSuccessLocation /20
    </Location>
</VirtualHost>
"""
