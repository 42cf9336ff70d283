"""An agent with --memory.limit, and a target that brings thousands of new series with every scrape: the
agent stays below its limit, gives up what it says it gives up, and what the other targets say goes on
arriving."""

import http.server
import threading
import time

import servers

LIMIT_MIB = 80
SECONDS = 30
NEW_EACH_SCRAPE = 15_000
NEIGHBOURS = 5

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: farm
    static_configs:
TARGETS
remote_write:
  - url: URL/api/v1/write
"""


class Exporter:
    """/t/0 grows, the others stay as they are."""

    def __init__(self):
        scrapes = [0]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if self.path == "/t/0":
                    scrapes[0] += 1
                    first = scrapes[0] * NEW_EACH_SCRAPE
                    text = "# HELP grows Grows.\n# TYPE grows gauge\n" + "".join(
                        f'grows{{pod="some-deployment-with-a-long-name-{i}",namespace="team"}} {i}\n'
                        for i in range(first, first + NEW_EACH_SCRAPE))
                else:
                    text = "# HELP stays Stays.\n# TYPE stays gauge\n" + "".join(
                        f'stays{{i="{i}"}} {i}\n' for i in range(100))
                body = text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def resident(server):
    with open(f"/proc/{server.child.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def shed(server):
    values = {}
    for line in server.get("/metrics").decode().splitlines():
        if line.startswith("tributary_memory_shed_total"):
            values[line.split('"')[1]] = float(line.rsplit(" ", 1)[1])
    return values


def main():
    exporter = Exporter()
    receiver = agent = None
    try:
        receiver = servers.our_server()
        targets = "".join(
            f'      - {{{{targets: ["127.0.0.1:{exporter.port}"], labels: {{{{__metrics_path__: /t/{i}, '
            f'instance: "target-{i}"}}}}}}}}\n' for i in range(NEIGHBOURS + 1))
        agent = servers.Server(
            [servers.tributary(), "--agent", *servers.AGENT_FLAGS, f"--memory.limit={LIMIT_MIB}MiB"],
            CONFIG.replace("TARGETS", targets).replace("URL", receiver.url))
        most = 0.0
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            most = max(most, resident(agent))
            time.sleep(0.05)
        given_up = shed(agent)
        print(f"most memory {most:.1f} MiB of {LIMIT_MIB}; given up: {given_up}")
        if most > LIMIT_MIB:
            raise SystemExit(f"the agent had {most:.1f} MiB\n{agent.log()}")
        if not all(given_up.get(what, 0) > 0 for what in ("metadata", "caches",
                                                          "samples_of_new_series")):
            raise SystemExit(f"not everything was given up: {given_up}\n{agent.log()}")
        arrived = receiver.query("min(count_over_time(stays[20s]))")
        if float(arrived[0]["value"][1]) < 12:  # of 20, where other tests run beside
            raise SystemExit(f"its neighbours suffer: {arrived}")
        series = receiver.query("count(stays)")
        if float(series[0]["value"][1]) != 100 * NEIGHBOURS:
            raise SystemExit(f"its neighbours lost series: {series}")
        print("ok: the agent stays below its limit, and the other targets go on")
    finally:
        for server in (agent, receiver):
            if server:
                server.close()


if __name__ == "__main__":
    main()
