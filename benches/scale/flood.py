"""Wrong passwords of people who are not there, so many a second, each from another address and as a browser sends it.

Floods until its standard input ends, and then says how often which status was the answer.
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

# As many wait for an answer at a time; who would be one more is not sent.
WAITING = 256


def main(port, certificate, rate):
    tls = ssl.create_default_context(cafile=certificate)
    answers, ended = collections.Counter(), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    places = threading.Semaphore(WAITING)

    def guess(number):
        try:
            answers[attempt(int(port), tls, number)] += 1
        except (OSError, http.client.HTTPException) as error:
            answers[type(error).__name__] += 1
        finally:
            places.release()

    with concurrent.futures.ThreadPoolExecutor(WAITING) as people:
        began, number = time.monotonic(), 0
        while not ended.wait(max(0, began + number / float(rate) - time.monotonic())):
            number += 1
            if places.acquire(blocking=False):
                people.submit(guess, number)
            else:
                answers["not sent"] += 1
    print(json.dumps(answers))


def attempt(port, tls, number):
    """The status of one; the form first, for its token."""
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
        answer = client.getresponse()
        answer.read()
        return str(answer.status)
    finally:
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
