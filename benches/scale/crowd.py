"""Many browsers that have asked once and stay connected; a process of its own, because files are counted by process.

Connects, says so, and for each line on its standard input asks once more on every connection and says how many were
answered. Ends with its standard input.
"""

import resource
import socket
import ssl
import sys

CONNECTIONS_FROM_ONE_ADDRESS = 5000


def main(port, certificate, number, connections, cookie):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    tls = ssl.create_default_context(cafile=certificate)
    request = f"GET /20 HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {cookie}\r\n\r\n".encode()
    sources = (f"127.{number}.1.{1 + each // CONNECTIONS_FROM_ONE_ADDRESS}" for each in range(int(connections)))
    crowd = [connect(int(port), tls, source) for source in sources]
    print(answered(crowd, request), flush=True)
    for _ in sys.stdin:
        print(answered(crowd, request), flush=True)


def connect(port, tls, source):
    """A connection from an address of its own choosing on loopback, or nothing."""
    try:
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(plain, server_hostname="localhost")
    except OSError as error:
        print(f"connecting: {error}", file=sys.stderr)
        return None


def answered(crowd, request):
    """How many connections a request was answered on."""
    good = 0
    for connection in crowd:
        try:
            if connection is not None:
                connection.sendall(request)
                good += read(connection).startswith(b"HTTP/1.1 200 ")
        except OSError as error:
            print(f"asking: {error}", file=sys.stderr)
    return good


def read(connection):
    """An answer; its body is known to be twenty bytes."""
    received = b""
    while len(received.partition(b"\r\n\r\n")[2]) < 20:
        more = connection.recv(4096)
        if not more:
            break
        received += more
    return received


# Seconds.
TIMEOUT = 20

if __name__ == "__main__":
    main(*sys.argv[1:])
