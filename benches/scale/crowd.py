"""Many clients that stay connected after one request. A separate process, because the limit on files is per process.

Connects and sends a request on every connection, then repeats the requests for each line on standard input. Prints the
number of successful responses each time. Ends with standard input.
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
    print(successful(crowd, request), flush=True)
    for _ in sys.stdin:
        print(successful(crowd, request), flush=True)


def connect(port, tls, source):
    """A connection from this loopback address, or nothing."""
    try:
        plain = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tls.wrap_socket(plain, server_hostname="localhost")
    except OSError as error:
        print(f"connecting: {error}", file=sys.stderr)
        return None


def successful(crowd, request):
    """Number of connections on which a request got 200."""
    good = 0
    for connection in crowd:
        try:
            if connection is not None:
                connection.sendall(request)
                good += read(connection).startswith(b"HTTP/1.1 200 ")
        except OSError as error:
            print(f"request: {error}", file=sys.stderr)
    return good


def read(connection):
    """Reads a response with a body of twenty bytes."""
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
