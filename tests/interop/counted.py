"""Scrapes that are counted: an exporter that numbers them, an agent that scrapes it, and what of it a
receiver has."""

import http.server
import threading
import time

import servers

TARGETS = 20
INTERVAL_S = 1.0

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{cluster: counted}}}}
scrape_configs:
  - job_name: counted
    static_configs:
TARGETS
remote_write:
  - url: URL/api/v1/write
    queue_config: QUEUE
"""


class Exporter:
    """served[i] is a list of (count, monotonic time) of the scrapes of target i."""

    def __init__(self):
        self.served = [[] for _ in range(TARGETS)]
        self.lock = threading.Lock()
        self.open = True
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                served = exporter.served[int(self.path.rsplit("/", 1)[1])]
                with exporter.lock:
                    if not exporter.open:
                        self.close_connection = True
                        return
                    count = len(served) + 1
                    served.append((count, time.monotonic()))
                text = "".join(f'served{{copy="{i}"}} {count}\n' for i in range(10)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                try:
                    self.wfile.write(text)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # the agent died in the middle of a scrape

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """From here on no scrape is served, not even over connections that stay open."""
        with self.lock:
            self.open = False
        self.server.shutdown()
        self.server.server_close()


def agent_config(exporter, receiver, queue):
    """Of an agent that scrapes all targets; `queue` is its queue_config, braces doubled."""
    targets = "".join(
        f'      - {{{{targets: ["127.0.0.1:{exporter.port}"], labels: {{{{__metrics_path__: /t/{i}, '
        f'instance: "target-{i}"}}}}}}}}\n' for i in range(TARGETS))
    return (CONFIG.replace("TARGETS", targets).replace("URL", receiver.url)
            .replace("QUEUE", queue))


def check_stored(name, exporter, receiver, agent, start, repeats=False):
    """Ends the scrapes, and waits until each that was served is stored, once and in order; with
    `repeats`, the same sample may be stored again. Returns how many there are."""
    exporter.close()
    asked = [len(served) for served in exporter.served]

    def all_series():
        series = [stored(receiver, target, start) for target in range(TARGETS)]
        return [list(dict.fromkeys(values)) for values in series] if repeats else series

    if not servers.wait_until(lambda: [values[-1][1] for values in all_series()] == asked):
        raise SystemExit(f"{name}: the last scrapes are not there\n{agent.log()}")
    for target, values in enumerate(all_series()):
        times = [t for t, _ in values]
        if times != sorted(set(times)) or [v for _, v in values] != list(
                range(1, asked[target] + 1)):
            raise SystemExit(f"{name}: target {target}: not all, or not once: {values}")
    return sum(asked)


def stored(receiver, target, start):
    """Values of one series by time; VictoriaMetrics shows staleness markers, as NaN."""
    window = int(time.time() - start) + 60
    result = receiver.query(f'served{{copy="7",instance="target-{target}"}}[{window}s]')
    if len(result) != 1:
        raise SystemExit(f"target {target} has {len(result)} series")
    return [(float(t), int(v)) for t, v in result[0]["values"] if v != "NaN"]
