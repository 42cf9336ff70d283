"""What nobody should send: too large, too long, not text, too many at once. Every request gets an
answer that says what was wrong, and none of them makes the server grow."""

import concurrent.futures
import http.client
import json
import socket
import sys
import time
import urllib.parse

import queries_test
import remote_write
import servers

MIB = 1024 * 1024


def expect(condition, what):
    if not condition:
        raise SystemExit(f"wrong: {what}")


def resident(server):
    with open(f"/proc/{server.child.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


def ask(server, method, path, body=None, headers=None):
    """(status, text)"""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
    finally:
        connection.close()


def form(server, path, text):
    return ask(server, "POST", path, text, {"Content-Type": "application/x-www-form-urlencoded"})


def error_of(answer):
    status, text = answer
    value = json.loads(text)
    expect(value["status"] == "error" and value["error"], f"an error explains itself: {text[:200]}")
    return status, value["errorType"], value["error"]


def texts(server):
    for query in (b"\xff", b"up{a=\"\xc3\x28\"}", b"sum by (\xed\xa0\x80) (up)", b"a\x00b"):
        status, kind, _ = error_of(
            ask(server, "GET", "/api/v1/query?query=" + urllib.parse.quote(query)))
        expect((status, kind) == (400, "bad_data"), f"{query}: {status} {kind}")
    for query, place in ((("(" * 100_000), "1:"), ("sum(" * 50_000, "1:"), ("1+" * 200_000, "1:"),
                         ("-" * 300_000 + "1", "1:"), ("up\n" * 10 + "}", "2:1")):
        status, kind, text = error_of(form(server, "/api/v1/query", "query=" + urllib.parse.quote(query)))
        expect(status == 400 and kind == "bad_data", f"{query[:20]}…: {status} {kind}")
        expect(place in text or "nest" in text, f"{query[:20]}…: the error points: {text[:200]}")
    status, text = ask(server, "GET", "/api/v1/query?query=1&unknown=x&time=1&unknown=y&%=&&=")
    expect(status in (200, 400), f"parameters nobody knows: {status} {text[:200]}")
    print("ok: texts that are no queries")


def sizes(server):
    status, text = ask(server, "GET", "/api/v1/query?query=" + "a" * (2 * MIB))
    expect(status in (414, 431), f"a URL of 2 MiB: {status} {text[:200]}")
    status, text = form(server, "/api/v1/query", "query=" + "a" * (11 * MIB))
    expect(status in (400, 413) and text, f"a form of 11 MiB: {status} {text[:200]}")
    many = "&".join(f"match%5B%5D=up%7Ba%3D%22{i}%22%7D" for i in range(20_000))
    status, text = form(server, "/api/v1/series", many)
    expect(status in (200, 400, 413), f"20,000 selectors: {status} {text[:200]}")
    status, kind, _ = error_of(form(server, "/api/v1/query_range", urllib.parse.urlencode(
        {"query": "vector(1)", "start": 0, "end": 365 * 86400, "step": "1ms"})))
    expect((status, kind) == (400, "bad_data"), f"a year in milliseconds: {status} {kind}")
    status, kind, text = error_of(form(server, "/api/v1/query", urllib.parse.urlencode(
        {"query": "vector(1)[100y:1ms]"})))
    expect((status, kind) == (422, "execution"), f"a subquery of a century: {status} {kind} {text}")
    print("ok: sizes")


def announced_only(server):
    """A body that is announced and never comes must not be made room for."""
    before = resident(server)
    waiting = []
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(b"POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n"
                           b"Content-Type: application/x-www-form-urlencoded\r\n\r\nquery=")
        waiting.append(connection)
    time.sleep(1)
    grown = resident(server) - before
    for connection in waiting:
        connection.close()
    expect(grown < 64 * MIB, f"50 announced bodies of 30 MB: {grown} bytes more")
    print(f"ok: announced bodies, {grown // 1024} KiB more")


def crowd(server, end):
    """3,000 requests on 300 connections at a time."""
    before = resident(server)
    path = "/api/v1/query_range?" + urllib.parse.urlencode(
        {"query": "sum by (job) (rate(requests_total[5m]))", "start": end - 2000, "end": end,
         "step": 15})
    with concurrent.futures.ThreadPoolExecutor(300) as pool:
        answers = list(pool.map(lambda _: ask(server, "GET", path), range(3000)))
    wrong = [a for a in answers if a[0] != 200]
    expect(not wrong, f"{len(wrong)} of {len(answers)} were not answered: {wrong[:1]}")
    expect(len({text for _, text in answers}) == 1, "all get the same answer")
    grown = resident(server) - before
    expect(grown < 256 * MIB, f"the crowd costs {grown} bytes")
    print(f"ok: {len(answers)} requests, {grown // 1024} KiB more")


def main():
    end = int(time.time()) // 15 * 15
    queries_test.START = end - queries_test.SAMPLES * queries_test.STEP
    server = servers.our_server()
    try:
        remote_write.push(server.url + "/api/v1/write", queries_test.data())
        for part in (texts, sizes, announced_only, lambda s: crowd(s, end)):
            part(server)
        expect(ask(server, "GET", "/api/v1/query?query=1")[0] == 200, "it still answers")
    finally:
        server.close()


if __name__ == "__main__":
    sys.exit(main())
