"""Pages of all kinds, hostile ones above all, scraped by us and by Prometheus: the same pages must
be accepted and the same samples stored. Debian's `prometheus` reads the text formats; one of
version 3.14 or later, named by PROMETHEUS_3, also protobuf and UTF-8 names."""

import http.server
import os
import shutil
import struct
import sys
import threading

import servers

TEXT = "text/plain; version=0.0.4"
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
PROTOBUF = ("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
            "encoding=delimited")


# ---- protobuf ---------------------------------------------------------------------------------

def varint(n):
    n &= 2**64 - 1
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def zigzag(n):
    return varint(n << 1 if n >= 0 else (-n << 1) - 1)


def string(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def integer(field, value):
    return varint(field << 3) + varint(value)


def signed(field, value):
    return varint(field << 3) + zigzag(value)


def number(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def family(name, kind, *metrics, unit=None):
    message = string(1, name) + string(2, "help") + integer(3, kind)
    message += b"".join(string(4, metric) for metric in metrics)
    message += string(5, unit) if unit else b""
    return varint(len(message)) + message


def label(name, value):
    return string(1, string(1, name) + string(2, value))


def bucket(count, bound):
    return string(3, integer(1, count) + number(2, bound))


def span(field, offset, length):
    return string(field, signed(1, offset) + integer(2, length))


NATIVE = (integer(1, 6) + number(2, 9.5) + signed(5, 1) + number(6, 0.001) + integer(7, 1) +
          span(12, 0, 2) + span(12, 3, 1) + string(13, zigzag(1) + zigzag(1) + zigzag(0)))
CLASSIC = integer(1, 4) + number(2, 9) + bucket(1, 0.5) + bucket(3, 1)
FLOAT = (number(4, 2.5) + number(2, 1) + number(8, 0.5) + number(6, 0.1) + span(9, 0, 1) +
         number(11, 2.0))

PROTOBUF_PAGES = [
    family("c", 0, label("a", "b") + string(3, number(1, 5))) + family("none", 1),
    family("g", 1, string(2, number(1, -1)), label("x", "y") + string(2, b"")),
    family("s", 2, string(4, integer(1, 2) + number(2, 3) +
                          string(3, number(1, 0.5) + number(2, 1)))),
    family("u", 3, string(5, number(1, 7)), unit="u"),
    family("h", 4, string(7, CLASSIC), label("a", "b") + string(7, CLASSIC + bucket(4, 1e999))),
    family("n", 4, string(7, NATIVE)) + family("m", 5, string(7, FLOAT)),
    family("both", 4, string(7, NATIVE + bucket(2, 1) + bucket(6, 2))),
    family("spans", 4, string(7, span(12, 0, 5) + string(13, zigzag(1)))),
    family("negative", 4, string(7, integer(1, 1) + span(12, 0, 1) + string(13, zigzag(-1)))),
    family("dup", 1, label("a", "1") + label("a", "2") + string(2, number(1, 1))),
    family("le", 4, label("le", "1") + string(7, CLASSIC)),
    family("noname", 1, label("", "v") + string(2, number(1, 1))),
    family("", 1, string(2, number(1, 1))),
    family("kind", 9, string(2, number(1, 1))),
    family("wrong", 0, string(2, number(1, 1))),
    family("utf8", 1, label("a", b"\xff") + string(2, number(1, 1))),
    family("with.dots", 1, label("a.b", "c") + string(2, number(1, 1))),
    family("repeated", 1, string(2, number(1, 1)), string(2, number(1, 2))),
    family("cut", 1, string(2, number(1, 1)))[:-3],
    b"\xff" * 12,
    b"\x00\x00",
]

# ---- text -------------------------------------------------------------------------------------

TEXT_PAGES = [
    "", "\n", "# only a comment\n", "a 1", "a 1\n", "a 1\n\n\nb 2\n", "a\t1\t\n",
    "a 1\r\n", "a  1\n", "a{} 1\n", "a{ } 1\n", 'a{x="1",} 1\n', 'a{,x="1"} 1\n',
    'a{x="1",,y="2"} 1\n', 'a{x="1" y="2"} 1\n', 'a{x = "1" , y = "2" } 1\n', 'a {x="1"} 1\n',
    'a{x="1"}1\n', 'a{x="\\"\\\\\\n\\t"} 1\n', 'a{x="two\nlines"} 1\n', 'a{x="open} 1\n',
    'a{x="1"\n', "a{x='1'} 1\n", 'a{x=1} 1\n', 'a{"x"="1"} 1\n'.replace('"x"', "x"),
    'a{x=""} 1\n', 'a{x="1",x="2"} 1\n', 'a{__name__="b"} 1\n', '{x="1"} 1\n', "1a 2\n", "a-b 1\n",
    ":a:b 1\n", "_ 1\n", "a NaN\n", "a nan\n", "a +Inf\n", "a -inf\n", "a Infinity\n", "a 1e3\n",
    "a 1E-3\n", "a .5\n", "a 5.\n", "a 1e\n", "a 0x10\n", "a 0x1p-2\n", "a 1_000\n", "a 1e400\n",
    "a 4.9e-324\n", "a 1e-400\n", "a 123456789012345678901234567890\n", "a 0.1\n", "a -0\n",
    "a +1\n", "a --1\n", "a 1 2 3\n", "a 1 x\n", "a 1 1.5\n", "a 1 99999999999999999999\n", "a\n",
    "a x\n", "a 1 # {x=\"1\"} 1\n", "a 1\na 2\n", "a 1\na 1\n", 'a{x="1",y="2"} 1\na{y="2",x="1"} 2\n',
    "# TYPE a counter\na 1\n", "# TYPE a wrong\na 1\n", "# TYPE a\na 1\n", "# TYPE\na 1\n",
    "#TYPE a counter\na 1\n", "# HELP a\na 1\n", "# HELP a \\n\\x\na 1\n", "# HELP 1a x\na 1\n",
    "#\na 1\n", "# EOF\na 1\n", "a 1\n# EOF\n", "a\x001 1\n", 'a{x="\x00"} 1\n', "\ufeffa 1\n",
    'a{x="\u00e4"} 1\n', b'a{x="\xff"} 1\n', b"# HELP a \xff\na 1\n", b"\xff 1\n",
    'a{x="' + "v" * 70000 + '"} 1\n', "a" * 70000 + " 1\n",
    "".join(f'a{{n="{n}"}} {n}\n' for n in range(500)),
]
# Known to differ, on purpose: " a 1" (Prometheus 2 rejects it, 3 keeps the blank in the name; here
# it is the series a), and in OpenMetrics "a 1 " (rejected by all, but counted by Prometheus).

# Where Prometheus 3 changed its mind.
TEXT_PAGES_3 = [
    '{"a.b"} 1\n', '{"a.b",x="1"} 1\n', '{x="1","a.b"} 1\n', 'a{"x.y"="1"} 1\n', '{"a","b"} 1\n',
    'a{"b"} 1\n', '{"a\\"b"} 1\n', '{""} 1\n', b'{"\xff"} 1\n', '# TYPE "a.b" counter\n{"a.b"} 1\n',
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 1\nh_count 2\n',
    '# TYPE s summary\ns{quantile="1"} 1\ns_sum 1\ns_count 2\n',
]
OPEN_METRICS_PAGES = [
    "# EOF", "# EOF\n", "# EOF\n\n", "a 1\n", "a 1\n# EOF\n", "a 1\n# EOF\na 2\n", "a 1\n\n# EOF\n",
    "a  1\n# EOF\n", 'a\t1\n# EOF\n', 'a{x="1"} 1\n# EOF\n',
    'a{ x="1"} 1\n# EOF\n', "a{} 1\n# EOF\n", "a 1 1.5\n# EOF\n", "a 1 x\n# EOF\n", "a 1 NaN\n# EOF\n",
    "a 1 1e400\n# EOF\n", "a 1 -1.5\n# EOF\n", "# TYPE a counter\na_total 1\na_created 5\n# EOF\n",
    '# TYPE a counter\na_total 1 # {t="1"} 0.5\n# EOF\n',
    '# TYPE a counter\na_total 1 # {t="1"} 0.5 12.5\n# EOF\n',
    "# TYPE a counter\na_total 1 # {} 1\n# EOF\n", "# TYPE a counter\na_total 1 # {t=1} 1\n# EOF\n",
    "# TYPE a counter\na_total 1 #\n# EOF\n", "a 1 # {t=\"1\"}\n# EOF\n",
    "# UNIT a_seconds seconds\na_seconds 1\n# EOF\n", "# UNIT a seconds\na 1\n# EOF\n",
    "# UNIT seconds seconds\n# EOF\n", "# TYPE a stateset\na{a=\"x\"} 1\n# EOF\n",
    "# TYPE a info\na_info{x=\"1\"} 1\n# EOF\n", "# TYPE a unknown\na 1\n# EOF\n",
    "# TYPE a untyped\na 1\n# EOF\n", "# TYPE a gaugehistogram\na_bucket{le=\"1\"} 1\n# EOF\n",
    "# HELP a x\\n\\\"\na 1\n# EOF\n", "# comment\na 1\n# EOF\n", "a NaN\nb +Inf\nc 1e3\n# EOF\n",
    "a 0x1p3\n# EOF\n", "a 1_0\n# EOF\n", "a{x=\"1\",x=\"2\"} 1\n# EOF\n", b'a{x="\xff"} 1\n# EOF\n',
]


OPEN_METRICS_PAGES_3 = ["", 'a{x="1",} 1\n# EOF\n', '{"a.b",x="1"} 1\n# EOF\n']


class Page:
    def __init__(self, kind, body, only_3=False):
        self.kind = kind
        self.body = body if isinstance(body, bytes) else body.encode()
        self.only_3 = only_3


def all_pages():
    pages = [Page(TEXT, body) for body in TEXT_PAGES]
    pages += [Page(TEXT, body, True) for body in TEXT_PAGES_3]
    pages += [Page(OPEN_METRICS, body) for body in OPEN_METRICS_PAGES]
    pages += [Page(OPEN_METRICS, body, True) for body in OPEN_METRICS_PAGES_3]
    pages += [Page(PROTOBUF, body, True) for body in PROTOBUF_PAGES]
    return pages


def serve(pages):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            page = pages[int(self.path.split("/")[2])]
            self.send_response(200)
            self.send_header("Content-Type", page.kind)
            self.send_header("Content-Length", str(len(page.body)))
            self.end_headers()
            self.wfile.write(page.body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def config(port, indexes, extra):
    # Each page again and again: the second time is the one that reads what is remembered.
    text = "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n- job_name: p\n"
    text += extra + "  static_configs:\n"
    for i in indexes:
        text += (f'  - {{{{targets: ["127.0.0.1:{port}"], labels: {{{{__metrics_path__: /p/{i}, '
                 f'page: "{i}"}}}}}}}}\n')
    return text


IGNORED = {"scrape_duration_seconds", "scrape_series_added"}


def stored(server, indexes):
    """page -> {series: value}, once every page was scraped three times."""
    def ready():
        counts = server.query('count_over_time(up{job="p"}[1m])')
        return len(counts) == len(indexes) and all(int(c["value"][1]) >= 3 for c in counts)

    if not servers.wait_until(ready, 60):
        raise SystemExit(f"{server.argv[0]} does not scrape:\n{server.log()}")
    found = {i: {} for i in indexes}
    for result in server.query('last_over_time({job="p",__name__=~".+"}[1m])'):
        labels = result["metric"]
        page = int(labels["page"])
        if labels.get("__name__") in IGNORED:
            continue
        key = tuple(sorted(labels.items()))
        found[page][key] = (result["value"][1] if "value" in result
                            else str(sorted(result["histogram"][1].items())))
    return found


def compare(pages, port, peer, indexes, extra, name):
    text = config(port, indexes, extra)
    flags = ["--config.file={config}", "--storage.tsdb.path={folder}/data",
             "--web.listen-address=127.0.0.1:{port}"]
    ours = servers.Server([servers.tributary()] + flags, text)
    try:
        theirs = servers.Server([peer] + flags, text)
        try:
            a, b = stored(ours, indexes), stored(theirs, indexes)
        finally:
            theirs.close()
    finally:
        ours.close()
    wrong = 0
    for i in indexes:
        if a[i] == b[i]:
            continue
        wrong += 1
        print(f"{name}: page {i} ({pages[i].kind}) {pages[i].body[:200]!r}")
        for key in sorted(set(a[i]) | set(b[i])):
            if a[i].get(key) != b[i].get(key):
                shown = str(dict(key))[:300]
                print(f"    {shown}: ours {a[i].get(key)}, theirs {b[i].get(key)}")
    print(f"{name}: {len(indexes) - wrong} of {len(indexes)} pages alike")
    return wrong


def main():
    pages = all_pages()
    server = serve(pages)
    port = server.server_address[1]
    wrong = peers = 0
    if shutil.which("prometheus"):
        peers += 1
        old = [i for i, page in enumerate(pages) if not page.only_3]
        wrong += compare(pages, port, "prometheus", old, "", "Debian's Prometheus")
    newest = os.environ.get("PROMETHEUS_3")
    if newest:
        peers += 1
        both = "  scrape_native_histograms: true\n"
        for name, extra in [("native", both),
                            ("classic too", both + "  always_scrape_classic_histograms: true\n"),
                            ("custom buckets", "  convert_classic_histograms_to_nhcb: true\n")]:
            wrong += compare(pages, port, newest, list(range(len(pages))), extra,
                             f"Prometheus 3, {name}")
    server.shutdown()
    if peers == 0:
        print("skipped: no prometheus installed (tools/install test installs Debian's)")
        sys.exit(servers.SKIP)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
