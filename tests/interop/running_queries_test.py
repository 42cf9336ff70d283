"""Queries while they run: they are listed, can be stopped, end when their client goes away, leave
their text behind in a crash, and are logged when they end."""

import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request

import queries_test
import remote_write
import servers

# Sorts half an hour of twenty series at each of ten thousand steps: takes over half a minute
# on a fast machine, unless it is stopped.
SLOW = 'sum(quantile_over_time(0.5, (requests_total * 2)[30m:20ms]))'
CONFIG = "global: {{query_log_file: query.log}}\n"


def expect(condition, what):
    if not condition:
        raise SystemExit(f"wrong: {what}")


def active(server):
    return server.api("/status/active_queries")[1]["data"]["queries"]


def slow_params(end):
    return {"query": SLOW, "start": end - 2000, "end": end, "step": 0.2}


def ask_slowly(server, end):
    """(thread, answer): answer becomes [status, body]."""
    answer = []

    def ask():
        try:
            answer.extend(server.api("/query_range", **slow_params(end)))
        except OSError as error:
            answer.append(error)
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    expect(servers.wait_until(lambda: active(server) or answer, 10), "the query is listed")
    expect(not answer, f"the query is slow, but answered {answer}")
    return thread, answer


def stop(server, number):
    request = urllib.request.Request(f"{server.url}/api/v1/status/active_queries/{number}",
                                     method="DELETE")
    with servers.OPENER.open(request, timeout=10) as response:
        return response.status


def queue(end):
    """One query at a time: the next one waits, is shown as waiting, and may run out of time."""
    server = servers.Server([servers.tributary(), *servers.SERVER_FLAGS,
                             "--query.max-concurrency=1"], CONFIG)
    try:
        remote_write.push(server.url + "/api/v1/write", queries_test.data())
        thread, slow = ask_slowly(server, end)
        status, answer = server.api("/query", query="1", timeout="300ms")
        expect((status, answer["errorType"], answer["error"]) ==
               (503, "timeout", "query timed out in query queue"), f"out of time: {answer}")
        waiter = threading.Thread(target=server.query, args=("1",), daemon=True)
        waiter.start()
        expect(servers.wait_until(lambda: [q["state"] for q in active(server)] ==
                                  ["running", "waiting"], 10),
               f"the queue: {active(server)}; the slow query was answered {slow}")
        stop(server, active(server)[0]["id"])
        thread.join(10)
        waiter.join(10)
        expect(not waiter.is_alive(), "the one that waited has its turn")
        print("ok: queries wait for their turn")
    finally:
        server.close()


def main():
    end = int(time.time()) // 15 * 15
    queries_test.START = end - queries_test.SAMPLES * queries_test.STEP
    server = servers.our_server(CONFIG)
    try:
        remote_write.push(server.url + "/api/v1/write", queries_test.data())

        thread, answer = ask_slowly(server, end)
        listed = active(server)[0]
        expect(listed["query"] == SLOW and listed["path"] == "/api/v1/query_range"
               and listed["clientIP"] == "127.0.0.1", f"what is listed: {listed}")
        expect(stop(server, listed["id"]) == 200, "DELETE is answered")
        thread.join(10)
        expect(answer and answer[0] == 499 and answer[1]["errorType"] == "canceled",
               f"a stopped query says so: {answer}")
        print("ok: a query can be stopped")

        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/api/v1/query_range?" +
                           urllib.parse.urlencode(slow_params(end)))
        expect(servers.wait_until(lambda: active(server), 10), "the query is listed")
        connection.sock.shutdown(2)
        connection.close()
        began = time.monotonic()
        expect(servers.wait_until(lambda: not active(server), 10), "it ends with its client")
        print(f"ok: a query ends {time.monotonic() - began:.2f} s after its client")

        server.query("vector(1)")
        with open(os.path.join(server.folder, "query.log"), encoding="utf-8") as log:
            lines = [json.loads(line) for line in log]
        expect([line["params"]["query"] for line in lines] == [SLOW, SLOW, "vector(1)"]
               and "canceled" in lines[0]["error"] and "error" not in lines[2]
               and lines[2]["httpRequest"]["path"] == "/api/v1/query", f"the query log: {lines}")
        print("ok: queries are logged")

        ask_slowly(server, end)
        server.child.send_signal(signal.SIGKILL)
        server.child.wait()
        server.start()
        with open(os.path.join(server.folder, "log"), encoding="utf-8") as log:
            said = [line for line in log if "These queries did not finish" in line]
        expect(len(said) == 1 and "quantile_over_time" in said[0], f"what a crash leaves: {said}")
        print("ok: a crash leaves the queries that ran")
    finally:
        server.close()
    queue(end)


if __name__ == "__main__":
    sys.exit(main())
