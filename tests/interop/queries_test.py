"""The same questions over the same data, asked of our server and of Debian's Prometheus: every
value, label and status must agree.

Debian's Prometheus is of the 2.x line, whose range selectors include their left end; ours follow
3.x, where they do not. The questions are asked at times when no sample lies on such an end, so both
must give the same answer."""

import math
import os
import sys
import time

import remote_write
import servers

START = 1_700_000_000  # of the data, seconds; a multiple of the 15 s between samples would be …20
SAMPLES = 160
STEP = 15


def data():
    """[(labels, samples)]"""
    times = [(START + i * STEP) * 1000 for i in range(SAMPLES)]
    out = []

    def add(labels, values):
        out.append((labels, [(t, v) for t, v in zip(times, values) if v is not None]))

    for i in range(5):
        web = {"job": "web" if i < 3 else "api", "instance": f"web-{i}"}
        for code, speed in (("200", 7.5), ("404", 0.3), ("500", 0.05), ("503", 0.01)):
            add({"__name__": "requests_total", "code": code, **web},
                [math.floor(n * STEP * speed * (i + 1) + (n * 7919 % 13)) for n in range(SAMPLES)])
        for room in ("a", "b"):
            add({"__name__": "temperature", "room": room, **web},
                [round(20 + 5 * math.sin(n / (9 + i)) + i + (room == "b"), 2)
                 for n in range(SAMPLES)])
        add({"__name__": "load", **web},
            [round(abs(1 + i + math.cos(n / 5) * 0.9), 3) if n % 3 else 1.0 + i
             for n in range(SAMPLES)])
        add({"__name__": "resetting_total", **web},
            [(n * (i + 2)) % (40 + 9 * i) for n in range(SAMPLES)])
        for le, share in (("0.1", 0.4), ("0.5", 0.7), ("1", 0.9), ("+Inf", 1.0)):
            add({"__name__": "latency_bucket", "le": le, **web},
                [math.floor(n * (i + 3) * 10 * share) for n in range(SAMPLES)])
    add({"__name__": "gappy", "job": "web"},
        [None if n % 40 > 25 else float(n) for n in range(SAMPLES)])
    add({"__name__": "stale_series", "job": "web"},
        [remote_write.STALE if n in (50, 90) else None if 50 < n < 70 else n * 2.0
         for n in range(SAMPLES)])
    for i, odd in enumerate((math.nan, math.inf, -math.inf, 1e300, -0.0)):
        add({"__name__": "special", "kind": str(i)},
            [odd if n % 5 == i else float(n % 17) for n in range(SAMPLES)])
    return out


def questions():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "queries.txt")
    with open(path, encoding="utf-8") as text:
        return [line.strip() for line in text if line.strip() and not line.startswith("#")]


def same_number(a, b):
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return x == y or abs(x - y) <= 1e-12 * max(abs(x), abs(y))


def same_samples(a, b):
    return len(a) == len(b) and all(
        float(t) == float(u) and same_number(v, w) for (t, v), (u, w) in zip(a, b))


def by_labels(result):
    return {tuple(sorted(item["metric"].items())): item.get("values") or [item["value"]]
            for item in result}


def difference(expression, ours, theirs):
    """None when both answers say the same, else what differs."""
    our_status, our = ours
    their_status, their = theirs
    if our_status != their_status:
        return f"status {our_status} ({our.get('error')}), expected {their_status} ({their.get('error')})"
    if our_status != 200:
        if our["errorType"] != their["errorType"]:
            return f"errorType {our['errorType']}, expected {their['errorType']}"
        return None
    our, their = our["data"], their["data"]
    if our["resultType"] != their["resultType"]:
        return f"resultType {our['resultType']}, expected {their['resultType']}"
    if our["resultType"] == "scalar":
        same = same_samples([our["result"]], [their["result"]])
        return None if same else f"{our['result']}, expected {their['result']}"
    if our["resultType"] == "string":
        return None if our["result"] == their["result"] else f"{our['result']}"
    left, right = by_labels(our["result"]), by_labels(their["result"])
    if left.keys() != right.keys():
        return (f"series {sorted(left.keys() - right.keys())[:3]} are too many, "
                f"{sorted(right.keys() - left.keys())[:3]} are missing")
    for labels, samples in left.items():
        if not same_samples(samples, right[labels]):
            return f"{labels}: {samples[:5]}, expected {right[labels][:5]}"
    if expression.startswith(("sort", "topk(", "bottomk(")) and "by" not in expression:
        values = [[item["value"][1] for item in d["result"]] for d in (our, their)
                  if d["resultType"] == "vector"]
        if values and [float(v) for v in values[0]] != [float(v) for v in values[1]]:
            return f"order {values[0]}, expected {values[1]}"
    return None


def calls():
    """(path, parameters) of each question at three instants and over a range."""
    shift = START - 1_700_000_000
    for text in questions():
        expression = text.replace("1700001000", str(1_700_001_007 + shift)).replace(
            "1700001234", str(1_700_001_234 + shift))
        for t in (START + 1207, START + 1913, START + SAMPLES * STEP - 8):
            yield "/query", {"query": expression, "time": t}
        yield "/query_range", {"query": expression, "start": START + 607, "end": START + 2107,
                               "step": 45}


def main():
    servers.need("prometheus")
    # Timestamps must be recent enough for retention; both servers get the same shift.
    now = int(time.time())
    global START
    START = (now - SAMPLES * STEP) // STEP * STEP
    ours, theirs = servers.our_server(), servers.prometheus_server()
    failures = 0
    asked = list(calls())
    try:
        for server in (ours, theirs):
            remote_write.push(server.url + "/api/v1/write", data())
        for path, params in asked:
            what = difference(params["query"], ours.api(path, **params), theirs.api(path, **params))
            if what:
                failures += 1
                print(f"{path} {params}: {what}")
    finally:
        ours.close()
        theirs.close()
    print(f"{len(asked)} questions: {failures} differences")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
