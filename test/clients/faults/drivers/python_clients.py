"""Python's clients as they come. Each line of stdin is one POST (see clients.ts), and gets one line back."""
import sys

import requests
import urllib3

session = requests.Session()
pool = urllib3.PoolManager()


def pieces(size):
    """A body of unknown length, which is sent in chunks."""
    for start in range(0, size, 16384):
        yield b"a" * min(16384, size - start)


def by_requests(url, size, mode, headers, outcome):
    response = session.post(url, data=pieces(size) if mode == "chunked" else b"a" * size, headers=headers, stream=True)
    outcome["status"] = response.status_code
    outcome["code"] = response.headers.get("X-Amsu-Proxy-Error", "-")
    for piece in response.iter_content(8192):
        outcome["bytes"] += len(piece)


def by_urllib3(url, size, mode, headers, outcome):
    if mode == "chunked":
        response = pool.urlopen("POST", url, body=pieces(size), headers=headers, chunked=True, preload_content=False)
    else:
        response = pool.urlopen("POST", url, body=b"a" * size, headers=headers, preload_content=False)
    outcome["status"] = response.status
    outcome["code"] = response.headers.get("X-Amsu-Proxy-Error", "-")
    for piece in response.stream(8192):
        outcome["bytes"] += len(piece)
    response.release_conn()


post = {"requests": by_requests, "urllib3": by_urllib3}[sys.argv[1]]
for line in sys.stdin:
    name, url, size, mode, way = line.rstrip("\n").split("\t")
    outcome = {"status": 0, "code": "-", "bytes": 0}
    error = "-"
    try:
        post(url, int(size), mode, {"Content-Type": "application/json", "X-Way": way, "X-Id": name}, outcome)
    except Exception as thrown:
        error = " ".join(f"{type(thrown).__name__}: {thrown}".split())
    print(name, outcome["status"], outcome["code"], outcome["bytes"], error, sep="\t", flush=True)
