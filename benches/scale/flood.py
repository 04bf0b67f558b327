"""Flood of sign-ins: wrong passwords of unknown users at a given rate, each from another address.

Runs until standard input ends, and then prints the number of responses for each status.
"""

import collections
import concurrent.futures
import http.client
import json
import re
import ssl
import sys
import threading
import time
from urllib.parse import urlencode

# Maximum number of attempts that wait for a response; further ones are not sent.
WAITING = 256


def main(port, certificate, rate):
    tls = ssl.create_default_context(cafile=certificate)
    responses, ended = collections.Counter(), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    places = threading.Semaphore(WAITING)

    def guess(number):
        try:
            responses[attempt(int(port), tls, number)] += 1
        except (OSError, http.client.HTTPException) as error:
            responses[type(error).__name__] += 1
        finally:
            places.release()

    with concurrent.futures.ThreadPoolExecutor(WAITING) as people:
        began, number = time.monotonic(), 0
        while not ended.wait(max(0, began + number / float(rate) - time.monotonic())):
            number += 1
            if places.acquire(blocking=False):
                people.submit(guess, number)
            else:
                responses["not sent"] += 1
    print(json.dumps(responses))


def attempt(port, tls, number):
    """Fetches the form for its token, sends one wrong password, and returns the status."""
    source = f"127.{200 + number // 62500 % 50}.{number // 250 % 250}.{1 + number % 250}"
    client = http.client.HTTPSConnection("localhost", port, timeout=30, context=tls, source_address=(source, 0))
    try:
        client.request("GET", "/.gateway/login")
        form = client.getresponse()
        cookies = "; ".join(line.split(";")[0] for line in form.headers.get_all("Set-Cookie", []))
        token = re.search(rb'name="csrf" value="([^"]+)"', form.read())[1].decode()
        fields = urlencode({"username": f"stranger{number}", "password": "wrong horse", "csrf": token, "next": "/"})
        sent = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        client.request("POST", "/.gateway/login", fields, sent)
        response = client.getresponse()
        response.read()
        return str(response.status)
    finally:
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
