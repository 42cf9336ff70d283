"""./bench: Tributary beside Debian's Prometheus and VictoriaMetrics, same bytes, one run.

CPU is user + system time of the whole server process, so it does not depend on who else uses the
machine; RSS is read at the end of the load. Each workload is repeated in alternating order and the
median is shown.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TRIBUTARY = os.path.join(ROOT, "build", "tributary")
LOADGEN = os.path.join(ROOT, "build", "benchmarks", "loadgen")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url, timeout=10):
    with OPENER.open(url, timeout=timeout) as response:
        return response.read()


class Server:
    """A server under test, in a temporary folder."""

    def __init__(self, name, argv, port, ready_path):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="tributary-bench-")
        self.port = port
        self.argv = [a.format(folder=self.folder) for a in argv]
        self.ready_path = ready_path
        self.start()

    def start(self):
        """Starts the process and waits until it says that it is ready."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.child = subprocess.Popen(self.argv, stdout=log, stderr=log, cwd=self.folder)
        deadline = time.monotonic() + 120
        while True:
            try:
                get(f"http://127.0.0.1:{self.port}{self.ready_path}", timeout=2)
                return
            except OSError:
                if time.monotonic() > deadline or self.child.poll() is not None:
                    with open(os.path.join(self.folder, "log"), encoding="utf-8",
                              errors="replace") as log:
                        sys.stderr.write(log.read()[-2000:])
                    self.stop()
                    raise SystemExit(f"{self.name} did not start") from None
                time.sleep(0.005)

    def kill(self):
        """kill -9, and waits for the end of it."""
        self.child.kill()
        self.child.wait()

    def disk_bytes(self):
        return sum(os.path.getsize(os.path.join(folder, name))
                   for folder, _, names in os.walk(os.path.join(self.folder, "data"))
                   for name in names)

    def cpu_seconds(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def rss_bytes(self):
        with open(f"/proc/{self.child.pid}/status", encoding="utf-8") as status:
            for line in status:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


# ---- ingest -----------------------------------------------------------------------------------


def start_receiver(name):
    port = free_port()
    if name == "tributary":
        argv = [TRIBUTARY, "--config.file=/dev/null", "--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"]
        return Server(name, argv, port, "/-/ready"), "/api/v1/write"
    if name == "prometheus":
        argv = ["prometheus", "--config.file=/dev/null", "--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"]
        return Server(name, argv, port, "/-/ready"), "/api/v1/write"
    argv = ["victoria-metrics", "-storageDataPath={folder}/data",
            f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=1y",
            "-search.latencyOffset=0s"]
    return Server(name, argv, port, "/health"), "/api/v1/write"


def ingest(name, series, ticks):
    """One run of the ingest workload: CPU-s per million samples, RSS per series, …"""
    server, path = start_receiver(name)
    try:
        load = subprocess.Popen(
            [LOADGEN, "ingest", f"http://127.0.0.1:{server.port}{path}", str(series), str(ticks),
             "15000", "2000", "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        before = server.cpu_seconds()
        load.stdout.readline()  # the first tick is in: every series was new
        first = server.cpu_seconds() - before
        load.stdin.write("\n")
        load.stdin.flush()
        result = json.loads(load.stdout.readline())
        if load.wait() != 0:
            raise SystemExit(f"the load on {name} failed")
        total = server.cpu_seconds() - before
        known = result["samples"] - series
        return {
            "CPU-s per million samples": total / result["samples"] * 1e6,
            "CPU-s per million samples of known series": (total - first) / known * 1e6,
            "us CPU per new series": first / series * 1e6,
            "RSS bytes per series": server.rss_bytes() / series,
            "slowest request, ms": result["slowest_ms"],
            "samples/s (wall, load beside it)": result["samples"] / result["seconds"],
        }
    finally:
        server.stop()


# ---- agent ------------------------------------------------------------------------------------

SCRAPE = """
global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s, external_labels: {{cluster: bench}}}}
scrape_configs:
- job_name: farm
  static_configs:
{targets}
"""

REMOTE_WRITE = """
remote_write:
- url: http://127.0.0.1:{port}/write
"""


def agent_config(port, targets, interval, remote_write):
    lines = "".join(
        f'  - {{targets: ["127.0.0.1:{port}"], labels: {{__metrics_path__: /t/{i}, '
        f'instance: "target-{i}"}}}}\n' for i in range(targets))
    text = SCRAPE.format(interval=interval, targets=lines)
    return text + (REMOTE_WRITE.format(port=port) if remote_write else "")


def start_agent(name, farm_port, config_path):
    port = free_port()
    listen = f"127.0.0.1:{port}"
    if name == "tributary":
        argv = [TRIBUTARY, "--agent", f"--config.file={config_path}",
                "--storage.agent.path={folder}/data", f"--web.listen-address={listen}"]
        return Server(name, argv, port, "/-/ready")
    if name == "prometheus":
        argv = ["prometheus", "--enable-feature=agent", f"--config.file={config_path}",
                "--storage.agent.path={folder}/data", f"--web.listen-address={listen}"]
        return Server(name, argv, port, "/-/ready")
    argv = ["vmagent", f"-promscrape.config={config_path}",
            f"-remoteWrite.url=http://127.0.0.1:{farm_port}/write",
            "-remoteWrite.tmpDataPath={folder}/data", f"-httpListenAddr={listen}"]
    return Server(name, argv, port, "/health")


def agent(name, targets, samples, interval, seconds):
    farm_port = free_port()
    farm = Server("farm", [LOADGEN, "farm", str(farm_port), str(targets), str(samples)],
                  farm_port, "/count")
    config_path = os.path.join(farm.folder, "agent.yml")
    with open(config_path, "w", encoding="utf-8") as out:
        out.write(agent_config(farm_port, targets, interval, remote_write=name != "vmagent"))
    server = None
    try:
        server = start_agent(name, farm_port, config_path)
        time.sleep(3 * interval)
        cpu = server.cpu_seconds()
        first = json.loads(get(f"http://127.0.0.1:{farm_port}/count"))
        time.sleep(seconds)
        cpu = server.cpu_seconds() - cpu
        last = json.loads(get(f"http://127.0.0.1:{farm_port}/count"))
        delivered = last["samples"] - first["samples"]
        if delivered < targets * samples * (seconds / interval - 2):
            raise SystemExit(f"{name} delivered only {delivered} samples in {seconds} s")
        return {
            "CPU-s per million samples": cpu / delivered * 1e6,
            "RSS bytes per series": server.rss_bytes() / (targets * samples),
            "wire bytes per sample": (last["bytes"] - first["bytes"]) / delivered,
        }
    finally:
        if server:
            server.stop()
        farm.stop()


# ---- queries ----------------------------------------------------------------------------------

DASHBOARD = {
    "sum by of rate": "sum by (cluster) (rate(node_cpu_seconds_total[5m]))",
    "sum by of gauge": "sum by (namespace) (container_memory_working_set_bytes)",
    "topk of sum by of rate":
        "topk(5, sum by (namespace) (rate(container_network_receive_bytes_total[5m])))",
    "avg by": "avg by (cluster) (node_memory_MemAvailable_bytes)",
    "1 - avg by of idle rate":
        '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
    "rate filtered by regexp":
        'sum by (pod) (rate(container_cpu_usage_seconds_total{namespace=~"team-[1-3]"}[5m]))',
    "quantile by": "quantile by (cluster) (0.9, kube_pod_container_resource_requests)",
    "count by": "count by (node) (kube_pod_status_phase)",
    "ratio with group_left":
        "sum by (namespace, pod) (container_memory_working_set_bytes) / on (namespace) "
        "group_left () sum by (namespace) (container_spec_memory_limit_bytes)",
    "max_over_time": 'max_over_time(node_filesystem_avail_bytes{cluster="downstream-1"}[10m])',
    "count by name over regexp": 'count by (__name__) ({__name__=~"node_.*"})',
    "increase over 30m": "sum by (cluster) (increase(node_network_receive_bytes_total[30m]))",
}


def load(server, path, series, ticks):
    """Fills a server with the ingest workload."""
    child = subprocess.Popen(
        [LOADGEN, "ingest", f"http://127.0.0.1:{server.port}{path}", str(series), str(ticks),
         "15000", "2000", "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    child.communicate("\n")
    if child.returncode != 0:
        raise SystemExit(f"the load on {server.name} failed")


def ask(server, query, start, end, extra):
    params = urllib.parse.urlencode(
        {"query": query, "start": start, "end": end, "step": 15, **extra})
    began = time.monotonic()
    body = get(f"http://127.0.0.1:{server.port}/api/v1/query_range?{params}", timeout=120)
    return (time.monotonic() - began) * 1000, json.loads(body)["data"]["result"]


def queries(name, series, ticks):
    """Median wall milliseconds of each dashboard query over 50 minutes at 15 s."""
    server, path = start_receiver(name)
    extra = {"nocache": 1} if name == "victoria-metrics" else {}
    try:
        load(server, path, series, ticks)
        if name == "victoria-metrics":
            get(f"http://127.0.0.1:{server.port}/internal/force_flush")
        end = int(time.time()) // 15 * 15 - 53  # no sample lies on a window's end
        result = {}
        cpu = server.cpu_seconds()
        for title, query in DASHBOARD.items():
            runs = [ask(server, query, end - 3000, end, extra) for _ in range(5)]
            if not runs[0][1]:
                raise SystemExit(f"{name} answers nothing to {query}")
            result[title + ", ms"] = statistics.median(ms for ms, _ in runs)
        result["all twelve, ms"] = sum(result.values())
        result["CPU-s of five rounds"] = server.cpu_seconds() - cpu
        result["RSS afterwards, MB"] = server.rss_bytes() / 1e6
        return result
    finally:
        server.stop()


# ---- restart ----------------------------------------------------------------------------------


def restart(name, series, ticks):
    """Wall and CPU seconds from kill -9 until the server says that it is ready again."""
    server, path = start_receiver(name)
    try:
        load(server, path, series, ticks)
        before = server.rss_bytes()
        disk = server.disk_bytes()
        server.kill()
        began = time.monotonic()
        server.start()
        seconds = time.monotonic() - began
        return {
            "seconds until ready": seconds,
            "CPU-s until ready": server.cpu_seconds(),
            "RSS before the kill, MB": before / 1e6,
            "RSS when ready, MB": server.rss_bytes() / 1e6,
            "on disk at the kill, MB": disk / 1e6,
        }
    finally:
        server.stop()


# ---- report -----------------------------------------------------------------------------------


def compare(title, names, run, repeats):
    print(f"\n{title}", flush=True)
    runs = {name: [] for name in names}
    for repeat in range(repeats):
        for name in names if repeat % 2 == 0 else reversed(names):
            print(f"  run {repeat + 1} of {repeats}: {name} …", flush=True)
            runs[name].append(run(name))
    peers = names[1:]
    header = f"| {'figure (median of ' + str(repeats) + ')':46} |" + "".join(
        f" {name:>16} |" for name in names) + "".join(
        f" {'vs ' + peer:>20} |" for peer in peers)
    print(header)
    print("|" + "|".join("-" * len(cell) for cell in header.split("|")[1:-1]) + "|")
    for figure in runs[names[0]][0]:
        medians = {name: statistics.median(r[figure] for r in runs[name]) for name in names}
        row = f"| {figure:46} |" + "".join(f" {medians[n]:16.4g} |" for n in names)
        for peer in peers:
            ours = medians[names[0]]
            row += f" {medians[peer] / ours if ours else 0:19.2f}x |"
        print(row)
    print("(the ratio is peer / tributary: above 1 we use less, save in rows of samples/s)")


def main():
    parser = argparse.ArgumentParser(prog="./bench", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("workload", nargs="*", default=["ingest", "agent", "queries"],
                        choices=["ingest", "agent", "queries", "restart"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only-tributary", action="store_true", help="leave the peers out")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--ticks", type=int, default=40)
    options = parser.parse_args()
    if "ingest" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare(f"ingest: remote write 1.0, {options.series} series, {options.ticks} ticks, "
                "2000 samples a request, 2 connections", names,
                lambda name: ingest(name, options.series, options.ticks), options.repeats)
    if "queries" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("queries: 40,000 series x 240 ticks, 50 minutes at a 15 s step", names,
                lambda name: queries(name, 40_000, 240), 1)
    if "restart" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("restart after kill -9: 40,000 series x 240 ticks", names,
                lambda name: restart(name, 40_000, 240), 1)
    if "agent" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else ["prometheus", "vmagent"])
        compare("agent: 200 targets x 1,010 samples every 5 s to a sink", names,
                lambda name: agent(name, 200, 1010, 5, 30), options.repeats)


if __name__ == "__main__":
    main()
