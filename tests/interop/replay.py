"""Recorded HTTP requests, replayed against two servers whose answers must say the same.

A file of requests has one a line: METHOD PATH[?QUERY] [FORM], with headers before the method as
[Name: value] and, in front of everything, what to compare:

  =  status, headers that clients look at, and the whole answer (the default)
  ~  status, and the shape of the answer: keys and types, not values
  !  status and, of an error, its kind, not its text
  #  status only

Lines that begin with "--" are comments. {start}, {end}, {now} and {mid} become times."""

import gzip
import json
import os
import re
import urllib.error
import urllib.request
import zlib

HEADERS = ("Content-Type", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
           "Access-Control-Allow-Headers", "Access-Control-Expose-Headers", "Content-Encoding",
           "Allow", "Location", "X-Prometheus-Stopping")
# What no two servers, or no two moments, agree on.
NUMBER = re.compile(r"^-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?$")
VOLATILE = {"lastScrape", "lastScrapeDuration", "scrapeUrl", "globalUrl", "timings", "peakSamples"}
LINE = re.compile(r"^(?:([=~!#]) )?((?:\[[^]]*: [^]]*\] )*)(GET|POST|PUT|HEAD|OPTIONS|DELETE) "
                  r"(\S+)(?: (\S+))?$")


class Request:
    def __init__(self, line, times):
        found = LINE.match(line)
        if not found:
            raise SystemExit(f"not a request: {line}")
        mode, headers, self.method, path, form = found.groups()
        self.line = line
        self.mode = mode or "="
        self.headers = dict(h.split(": ", 1) for h in re.findall(r"\[([^]]*)\] ", headers))
        self.path = fill(path, times)
        self.form = fill(form, times) if form is not None else None

    def send(self, server):
        """(status, headers, body)"""
        data = self.form.encode() if self.form is not None else None
        headers = {"Accept-Encoding": "identity", **self.headers}
        if data is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = urllib.request.Request(server.url + self.path, data=data, method=self.method,
                                         headers=headers)
        try:
            with NO_REDIRECT.open(request, timeout=30) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


NO_REDIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)


def fill(text, times):
    for name, value in times.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def load(name, times):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    with open(path, encoding="utf-8") as lines:
        return [Request(line.strip(), times) for line in lines
                if line.strip() and not line.startswith("--")]


def unpack(headers, body):
    coding = headers.get("Content-Encoding")
    if coding == "gzip":
        return gzip.decompress(body)
    return zlib.decompress(body) if coding == "deflate" else body


def number(text):
    """A sample's value, rounded where two orders of addition may differ; other texts stay."""
    if not NUMBER.match(text):
        return text
    return f"{float(text):.12g}"


def canonical(value):
    """Without what is volatile, and with lists that have no order in one."""
    if isinstance(value, dict):
        return {k: "…" if k in VOLATILE else canonical(v) for k, v in value.items()}
    if isinstance(value, list):
        items = [canonical(item) for item in value]
        # Series of a query, targets and metadata come in no order that is promised.
        if items and all(isinstance(item, dict) for item in items):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        return items
    return number(value) if isinstance(value, str) else value


def shape(value):
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items()}
    if isinstance(value, list):
        shapes = [shape(item) for item in value]
        return [s for i, s in enumerate(shapes) if s not in shapes[:i]]
    return type(value).__name__


def body_of(server, headers, body, keep):
    text = unpack(headers, body).decode("utf-8", "replace")
    text = text.replace(f":{server.port}", ":PORT").replace(server.folder, "FOLDER")
    if not headers.get("Content-Type", "").startswith("application/json") or not text:
        return text if keep == "=" else ""
    value = json.loads(text)
    if keep == "!":
        return {key: value.get(key) for key in ("status", "errorType")}
    return canonical(value) if keep == "=" else shape(value)


def first_difference(ours, theirs, where=""):
    if type(ours) is not type(theirs):
        return f"{where}: {str(ours)[:300]}, expected {str(theirs)[:300]}"
    if isinstance(ours, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key not in ours:
                return f"{where}.{key} is missing, expected {str(theirs[key])[:300]}"
            if key not in theirs:
                return f"{where}.{key} is too much: {str(ours[key])[:300]}"
            what = first_difference(ours[key], theirs[key], f"{where}.{key}")
            if what:
                return what
        return None
    if isinstance(ours, list):
        if len(ours) != len(theirs):
            return f"{where}: {len(ours)} items, expected {len(theirs)}: {str(ours)[:300]} / {str(theirs)[:300]}"
        for i, (a, b) in enumerate(zip(ours, theirs)):
            what = first_difference(a, b, f"{where}[{i}]")
            if what:
                return what
        return None
    return None if ours == theirs else f"{where}: {str(ours)[:300]!r}, expected {str(theirs)[:300]!r}"


def difference(request, ours, theirs):
    """None when both servers answer the same, else what differs."""
    our_status, our_headers, our_body = request.send(ours)
    their_status, their_headers, their_body = request.send(theirs)
    if our_status != their_status:
        return (f"status {our_status} ({our_body[:200]!r}), "
                f"expected {their_status} ({their_body[:200]!r})")
    if request.mode == "#":
        return None
    for name in HEADERS:
        a, b = our_headers.get(name), their_headers.get(name)
        if a and b:
            a, b = a.replace(str(ours.port), "PORT"), b.replace(str(theirs.port), "PORT")
        if a != b:
            return f"{name}: {a}, expected {b}"
    return first_difference(body_of(ours, our_headers, our_body, request.mode),
                            body_of(theirs, their_headers, their_body, request.mode))


def compare(requests, ours, theirs):
    """How many requests were answered differently; prints each."""
    failures = 0
    for request in requests:
        what = difference(request, ours, theirs)
        if what:
            failures += 1
            print(f"{request.line}\n    {what}")
    print(f"{len(requests)} requests: {failures} differences")
    return failures
