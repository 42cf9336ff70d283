"""Random questions over random data, asked of our server and of a real Prometheus: every value to
twelve digits, every label, the order where there is one, error kinds and texts, warnings and infos.

Without settings 2,000 questions go to Debian's Prometheus, which is of the 2.x line: they are of
the kind that 2.x answers as 3.x does, and annotations and error texts are not compared. It rounds
means and exponentials otherwise in the last digit, which some functions make large: such answers
are counted, and few. Settings:

  TRIBUTARY_PEER_PROMETHEUS  a binary of the release we follow: everything is asked and compared
  TRIBUTARY_RANDOM_QUERIES   how many questions (default 2000)
  TRIBUTARY_SEED             of data and questions (default 1)
"""

import http.client
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request

import remote_write
import servers

FEATURES = ("promql-experimental-functions,promql-extended-range-selectors,"
            "promql-binop-fill-modifiers,promql-duration-expr")
SEED = int(os.environ.get("TRIBUTARY_SEED", "1"))
COUNT = int(os.environ.get("TRIBUTARY_RANDOM_QUERIES", "2000"))
# Of histogram_quantile over buckets that are not monotonic: Prometheus adds the count so far again
# at every step, so that it doubles each time; ours counts each sample once.
SAMPLES_FIXED = re.compile(r"over \d+ samples ")
# Of several such infos at one step of one operator Prometheus keeps the last, by the order of its
# series; ours tells them all.
OPERATOR_INFO = "incompatible sample types encountered for binary operator"
SAME_LABELS = "vector cannot contain metrics with the same labelset"
SHOWN = 40  # differences printed in full
ANNOTATIONS_SHOWN = 10  # by the API; which of more is not defined
# What makes much of a last digit.
MAGNIFIES = re.compile(r"(sin|cos|tan|round|floor|ceil|ln|log2|log10|sgn|changes|resets)\(| % ")
ROUNDED_AT_MOST = 10_000  # one of so many answers: in a short run none
REPEATS = 20  # to see whether an answer of theirs is always the same


class Asker:
    """One connection that stays open."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def ask(self, path, params):
        self.connection.request("POST", "/api/v1" + path, urllib.parse.urlencode(params),
                                {"Content-Type": "application/x-www-form-urlencoded"})
        return json.loads(self.connection.getresponse().read())


def same_number(a, b):
    if a == b:
        return True
    x, y = float(a), float(b)
    if math.isnan(x) or math.isnan(y):
        return math.isnan(x) and math.isnan(y)
    return x == y or abs(x - y) <= 1e-12 * max(abs(x), abs(y))


def same_histogram(a, b):
    """Of JSON trees, numbers by value."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same_histogram(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same_histogram, a, b))
    return same_number(a, b)


def points(item):
    floats = item.get("values") or ([item["value"]] if "value" in item else [])
    histograms = item.get("histograms") or ([item["histogram"]] if "histogram" in item else [])
    return floats, histograms


def same_points(a, b):
    return all(len(left) == len(right) and all(
        float(p[0]) == float(q[0]) and compare(p[1], q[1]) for p, q in zip(left, right))
               for left, right, compare in zip(points(a), points(b),
                                               (same_number, same_histogram)))


def ordered(expression):
    """Whether an instant query's answer comes in an order that the language promises."""
    return expression.startswith(("sort(", "sort_desc(", "sort_by_label", "topk(", "bottomk("))


def key(item):
    """The labels. Of numbers that count_values made labels of, twelve digits count here, too."""
    labels = dict(item["metric"])
    try:
        labels["value"] = f'{float(labels["value"]):.12g}'
    except (KeyError, ValueError):
        pass
    return tuple(sorted(labels.items()))


def value_difference(expression, ours, theirs, everything):
    if ours["resultType"] != theirs["resultType"]:
        return f"a {ours['resultType']}, expected a {theirs['resultType']}"
    our, their = ours["result"], theirs["result"]
    if ours["resultType"] in ("scalar", "string"):
        return None if same_number(our[1], their[1]) else f"{our}, expected {their}"
    our_keys, their_keys = [key(i) for i in our], [key(i) for i in their]
    if not (everything and ordered(expression) and ours["resultType"] == "vector"):
        our, their = sorted(our, key=key), sorted(their, key=key)
        our_keys.sort(), their_keys.sort()
    if our_keys != their_keys:
        return (f"series {[k for k in our_keys if k not in their_keys][:3]} are too many, "
                f"{[k for k in their_keys if k not in our_keys][:3]} are missing, of "
                f"{their_keys[:4]}")
    for left, right in zip(our, their):
        if not same_points(left, right):
            left, right = ([p for p in q if p not in r] for q, r in (
                (sum(points(a), []), sum(points(b), [])) for a, b in
                ((left, right), (right, left))))
            return f"{left[:3]}, expected {right[:3]}"
    return None


def difference(expression, ours, theirs, everything):
    """None when both answers say the same, else what differs."""
    if ours["status"] != theirs["status"]:
        return f"{ours.get('error', 'an answer')}, expected {theirs.get('error', 'an answer')}"
    if ours["status"] != "success":
        if ours["errorType"] != theirs["errorType"] or (everything and
                                                        ours["error"] != theirs["error"]):
            return f"{ours['errorType']} {ours['error']}, expected {theirs['errorType']} {theirs['error']}"
        return None
    what = value_difference(expression, ours["data"], theirs["data"], everything)
    if what or not everything:
        return what
    for level in ("warnings", "infos"):
        our, their = (sorted(SAMPLES_FIXED.sub("", text) for text in answer.get(level, []))
                      for answer in (ours, theirs))
        our = [text for text in our if text in their or OPERATOR_INFO not in text or
               not any(OPERATOR_INFO in other for other in their)]
        if our != their and not len(our) == len(their) > ANNOTATIONS_SHOWN:
            return f"{level} {our}, expected {their}"
    return None


def calls(question):
    text = question["query"]
    if "info(" in text:
        # What Prometheus sees of info series depends on where their chunks begin, unless another
        # selector of the query looks back as far.
        text = f"({text}) or last_over_time(nothing_has_this_name[1d])"
    yield "/query", {"query": text, "time": question["time"] / 1000}
    yield "/query_range", {"query": text, "start": question["start"] / 1000,
                           "end": question["end"] / 1000, "step": question["step"] / 1000}


def push(server, folder):
    for at in range(9):
        path = os.path.join(folder, f"write-{at}.bin")
        if not os.path.exists(path):
            return
        with open(path, "rb") as body:
            request = urllib.request.Request(server.url + "/api/v1/write", data=body.read(), headers={
                "Content-Encoding": "snappy", "Content-Type": "application/x-protobuf",
                "X-Prometheus-Remote-Write-Version": "0.1.0"})
        remote_write.OPENER.open(request, timeout=60).close()


def makes_one_of_two(expression, ours):
    """Where label_replace makes one series of two, Prometheus looks for two floats or two histograms
    at one time, and lets a float and a histogram pass. Ours is an error then, too."""
    return ("mixed" in expression and re.search("label_(replace|join)", expression) and
            SAME_LABELS in ours.get("error", ""))


def contradicts_itself(expression, them, path, params, everything):
    """Prometheus puts series into Go's maps, whose order is another each time: which of equal
    series limitk or topk take, and the last digits of sums, then come out at random."""
    first = them.ask(path, params)
    return any(difference(expression, them.ask(path, params), first, everything)
               for _ in range(REPEATS))


def compare(ours, theirs, questions, everything):
    asked = failures = unknown = undefined = rounded = 0
    us, them = Asker(ours), Asker(theirs)
    for question in questions:
        for path, params in calls(question):
            text = params["query"]
            their = them.ask(path, params)
            if not everything and "parse error" in their.get("error", ""):
                unknown += 1
                continue
            asked += 1
            our = us.ask(path, params)
            what = difference(text, our, their, everything)
            if what and everything and makes_one_of_two(text, our):
                undefined += 1
            elif what and contradicts_itself(text, them, path, params, everything):
                undefined += 1
            elif what and not everything and MAGNIFIES.search(text):
                rounded += 1
            elif what:
                failures += 1
                if failures <= SHOWN:
                    print(f"{path} {params}:\n    {what}")
    print(f"seed {SEED}: {asked} answers compared, {failures} differences, {rounded} more where "
          f"the other's rounding decides; to {undefined} more the other gives now this answer, now "
          f"that, or two values at one time; {unknown} it does not know")
    return failures + (rounded > asked / ROUNDED_AT_MOST)


def main():
    peer = os.environ.get("TRIBUTARY_PEER_PROMETHEUS")
    everything = bool(peer)
    servers.need(peer or "prometheus")
    flags = [*servers.SERVER_FLAGS, "--storage.tsdb.retention.time=100y"]
    if everything:
        flags.append(f"--enable-feature={FEATURES}")
    ours = servers.Server([servers.tributary(), *flags])
    theirs = servers.Server([peer or "prometheus", *flags])
    try:
        with tempfile.TemporaryDirectory(prefix="tributary-interop-") as folder:
            subprocess.run([os.environ["TRIBUTARY_RANDOM_QUERIES_BINARY"], folder, str(SEED),
                            str(COUNT), "full" if everything else "version2"], check=True)
            for server in (ours, theirs):
                push(server, folder)
            with open(os.path.join(folder, "queries.jsonl"), encoding="utf-8") as lines:
                failures = compare(ours, theirs, map(json.loads, lines), everything)
    finally:
        ours.close()
        theirs.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
