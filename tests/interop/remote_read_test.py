"""Debian's Prometheus reads from our server by remote read, as chunks and, through a proxy that
hides that it could take chunks, as samples; what it then answers must be what we answer."""

import http.server
import sys
import threading
import time
import urllib.request

import queries_test
import remote_write
import servers

OUR_CONFIG = "global: {{external_labels: {{cluster: north}}}}\n"
READER_CONFIG = """
remote_read:
  - url: URL/api/v1/read
    read_recent: true
    filter_external_labels: false
"""

QUESTIONS = ["temperature", 'requests_total{code=~"5.."}', "sum by (job) (rate(requests_total[5m]))",
             'load{cluster="north",job="web"}', 'load{cluster="south"}', "special", "stale_series",
             'count({__name__=~".+"})']


class SamplesOnly(http.server.BaseHTTPRequestHandler):
    """Passes a read request on without its accepted_response_types, which end the message."""

    target = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = unpack(body)
        at = 0
        kept = b""
        while at < len(message):
            tag, after = message[at], at + 1
            if tag >> 3 == 2:  # accepted_response_types, packed or one by one
                at = after + 1 + (message[after] if tag & 7 == 2 else 0)
                continue
            size, start = varint(message, after)
            kept += message[at:start + size]
            at = start + size
        request = urllib.request.Request(self.target + self.path, data=remote_write.snappy(kept))
        with servers.OPENER.open(request, timeout=30) as response:
            answer = response.read()
            self.send_response(response.status)
            for name in ("Content-Type", "Content-Encoding"):
                if response.headers.get(name):
                    self.send_header(name, response.headers[name])
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_):
        pass


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def unpack(data):
    """Snappy's block format."""
    size, at = varint(data, 0)
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        if tag & 3 == 0:
            length = (tag >> 2) + 1
            if length > 60:
                more = length - 60
                length = int.from_bytes(data[at:at + more], "little") + 1
                at += more
            out += data[at:at + length]
            at += length
            continue
        if tag & 3 == 1:
            length, offset = (tag >> 2 & 7) + 4, (tag >> 5) << 8 | data[at]
            at += 1
        else:
            width = 2 if tag & 3 == 2 else 4
            length, offset = (tag >> 2) + 1, int.from_bytes(data[at:at + width], "little")
            at += width
        for _ in range(length):
            out.append(out[-offset])
    assert len(out) == size
    return bytes(out)


def with_cluster(result):
    for item in result:
        item["metric"]["cluster"] = "north"
    return result


def compare(name, ours, reader, end):
    failures = 0
    for question in QUESTIONS:
        plain = question.replace('cluster="north",', "")
        for params in ({"time": end - 907}, {"start": end - 1793, "end": end - 8, "step": 45}):
            path = "/query" if "time" in params else "/query_range"
            _, wanted = ours.api(path, query=plain, **params)
            _, got = reader.api(path, query=question, **params)
            if not question.startswith(("sum", "count")):
                with_cluster(wanted["data"]["result"])
            what = queries_test.difference(question, (200, got), (200, wanted))
            if what:
                failures += 1
                print(f"{name}: {question} {params}: {what}")
    print(f"{name}: {len(QUESTIONS)} questions, each asked twice: {failures} differences")
    return failures


def main():
    servers.need("prometheus")
    end = int(time.time()) // 15 * 15
    queries_test.START = end - queries_test.SAMPLES * queries_test.STEP
    ours = servers.our_server(OUR_CONFIG)
    proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), SamplesOnly)
    SamplesOnly.target = ours.url
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    failures = 0
    try:
        remote_write.push(ours.url + "/api/v1/write", queries_test.data())
        for name, url in (("chunks", ours.url),
                          ("samples", f"http://127.0.0.1:{proxy.server_address[1]}")):
            reader = servers.prometheus_server(READER_CONFIG.replace("URL", url))
            try:
                failures += compare(name, ours, reader, end)
            finally:
                reader.close()
    finally:
        proxy.shutdown()
        ours.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
