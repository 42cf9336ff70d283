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
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
from free_port import free_port

TRIBUTARY = os.path.join(ROOT, "build", "tributary")
LOADGEN = os.path.join(ROOT, "build", "benchmarks", "loadgen")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


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

    def peak_rss_bytes(self):
        with open(f"/proc/{self.child.pid}/status", encoding="utf-8") as status:
            for line in status:
                if line.startswith("VmHWM:"):
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


def start_receiver(name, data="{folder}/data", extra=()):
    """`extra` are flags of Prometheus."""
    port = free_port()
    if name in ("tributary", "prometheus"):
        argv = [TRIBUTARY if name == "tributary" else name, "--config.file=/dev/null",
                f"--storage.tsdb.path={data}", "--storage.tsdb.retention.time=1y",
                f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
                *extra]
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


# ---- million ----------------------------------------------------------------------------------

SHORT_BLOCKS = ["--storage.tsdb.min-block-duration=4m", "--storage.tsdb.max-block-duration=12m"]


def million(name, series, minutes):
    """Live ingest at a 15 s interval, with blocks of four minutes so that compaction runs."""
    server, path = start_receiver(name, extra=SHORT_BLOCKS)
    try:
        load = subprocess.Popen(
            [LOADGEN, "live", f"http://127.0.0.1:{server.port}{path}", str(series),
             str(minutes * 4), "15000", "2000", "2"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        load.stdout.readline()
        first = server.cpu_seconds()
        load.stdin.write("\n")
        load.stdin.flush()
        result = json.loads(load.stdout.readline())
        if load.wait() != 0:
            raise SystemExit(f"the load on {name} failed")
        return {
            "CPU-s per million samples of known series":
                (server.cpu_seconds() - first) / (result["samples"] - series) * 1e6,
            "RSS bytes per series at the end": server.rss_bytes() / series,
            "peak RSS, MB": server.peak_rss_bytes() / 1e6,
            "slowest request, ms": result["slowest_ms"],
            "slowest request of known series, ms": result["slowest_known_ms"],
            "on disk at the end, bytes per sample": server.disk_bytes() / result["samples"],
        }
    finally:
        server.stop()


# ---- replaced ---------------------------------------------------------------------------------

TEN_MINUTES = 40  # ticks


def replaced(name, series, cycles):
    """A fifth of the series is replaced every ten minutes of the samples' time; blocks of twenty
    minutes, so that what is gone can be forgotten. Memory after each ten minutes."""
    server, path = start_receiver(name, extra=BLOCKS_OF_20M)
    try:
        load = subprocess.Popen(
            [LOADGEN, "ingest", f"http://127.0.0.1:{server.port}{path}", str(series),
             str(cycles * TEN_MINUTES + 1), "15000", "2000", "2", str(TEN_MINUTES)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        load.stdout.readline()
        result = {}
        for cycle in range(cycles):
            load.stdin.write("\n")
            load.stdin.flush()
            load.stdout.readline()
            wait_for_blocks(name, server)
            result[f"RSS after {10 * (cycle + 1)} min, MB"] = server.rss_bytes() / 1e6
        load.communicate("\n")
        if load.returncode != 0:
            raise SystemExit(f"the load on {name} failed")
        result["peak RSS, MB"] = server.peak_rss_bytes() / 1e6
        result["CPU-s"] = server.cpu_seconds()
        return result
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


def agent_config(port, targets, interval, sink_port):
    lines = "".join(
        f'  - {{targets: ["127.0.0.1:{port}"], labels: {{__metrics_path__: /t/{i}, '
        f'instance: "target-{i}"}}}}\n' for i in range(targets))
    text = SCRAPE.format(interval=interval, targets=lines)
    return text + (REMOTE_WRITE.format(port=sink_port) if sink_port else "")


def start_agent(name, sink_port, config_path):
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
            f"-remoteWrite.url=http://127.0.0.1:{sink_port}/write",
            "-remoteWrite.tmpDataPath={folder}/data", f"-httpListenAddr={listen}"]
    return Server(name, argv, port, "/health")


def start_farm(targets, samples, churn=False):
    port = free_port()
    argv = [LOADGEN, "farm", str(port), str(targets), str(samples)]
    return Server("farm", argv + (["churn"] if churn else []), port, "/count")


def write_agent_config(name, farm, sink_port, targets, interval):
    path = os.path.join(farm.folder, "agent.yml")
    with open(path, "w", encoding="utf-8") as out:
        out.write(agent_config(farm.port, targets, interval, sink_port if name != "vmagent" else 0))
    return path


def agent(name, targets, samples, interval, seconds, churn=False):
    farm = start_farm(targets, samples, churn)
    farm_port = farm.port
    config_path = write_agent_config(name, farm, farm_port, targets, interval)
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


def outage(name, targets, samples, interval, down_s):
    """The receiver is gone for a while, and comes back."""
    farm = start_farm(targets, samples)
    sink = start_farm(0, 0)
    server = None
    try:
        server = start_agent(name, sink.port,
                             write_agent_config(name, farm, sink.port, targets, interval))
        time.sleep(4 * interval)
        before = server.peak_rss_bytes()
        sink.kill()
        went = time.monotonic()
        cpu = server.cpu_seconds()
        time.sleep(down_s)
        cpu_down = server.cpu_seconds() - cpu
        sink.start()
        came = time.monotonic()
        # All that was scraped since it went, save what was under way or is of the newest round.
        while True:
            taken = json.loads(get(f"http://127.0.0.1:{sink.port}/count"))["samples"]
            now = time.monotonic()
            if taken >= ((now - went) / interval - 2) * targets * samples:
                break
            if now - came > max(60, down_s):
                raise SystemExit(f"{name} is not current {now - came:.0f} s after the outage")
            time.sleep(0.1)
        return {
            "seconds until current": now - came,
            "peak RSS before, MB": before / 1e6,
            "peak RSS in the end, MB": server.peak_rss_bytes() / 1e6,
            "CPU-s per minute of outage": cpu_down / down_s * 60,
        }
    finally:
        if server:
            server.stop()
        sink.stop()
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


def load(server, path, series, ticks, interval_s=15):
    """Fills a server with the ingest workload."""
    child = subprocess.Popen(
        [LOADGEN, "ingest", f"http://127.0.0.1:{server.port}{path}", str(series), str(ticks),
         str(interval_s * 1000), "2000", "2"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    child.communicate("\n")
    if child.returncode != 0:
        raise SystemExit(f"the load on {server.name} failed")


def ask(server, query, start, end, extra, step=15):
    params = urllib.parse.urlencode(
        {"query": query, "start": start, "end": end, "step": step, **extra})
    began = time.monotonic()
    body = get(f"http://127.0.0.1:{server.port}/api/v1/query_range?{params}", timeout=600)
    return (time.monotonic() - began) * 1000, json.loads(body)["data"]["result"]


def head_span_ms(server):
    values = {}
    for line in get(f"http://127.0.0.1:{server.port}/metrics").decode().splitlines():
        if line.startswith("prometheus_tsdb_head_m"):
            name, value = line.split()
            values[name] = float(value)
    return values["prometheus_tsdb_head_max_time"] - values["prometheus_tsdb_head_min_time"]


# A head of at most 30 minutes, blocks before it.
BLOCKS_OF_20M = ["--storage.tsdb.min-block-duration=20m", "--storage.tsdb.max-block-duration=20m"]


def wait_for_blocks(name, server):
    """Until no more is in the head than BLOCKS_OF_20M says."""
    deadline = time.monotonic() + 180
    while name != "victoria-metrics" and head_span_ms(server) > 30 * 60_000:
        if time.monotonic() > deadline:
            raise SystemExit(f"{name} cut no block in three minutes")
        time.sleep(1)


def queries(name, series, ticks, mixed=False):
    """Median wall milliseconds of each dashboard query over 50 minutes at 15 s; `mixed`: half of
    it in blocks."""
    server, path = start_receiver(name, extra=BLOCKS_OF_20M if mixed else ())
    extra = {"nocache": 1} if name == "victoria-metrics" else {}
    try:
        load(server, path, series, ticks)
        if name == "victoria-metrics":
            get(f"http://127.0.0.1:{server.port}/internal/force_flush")
        end = int(time.time()) // 15 * 15 - 53  # no sample lies on a window's end
        if mixed:
            wait_for_blocks(name, server)
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
            "peak RSS until ready, MB": server.peak_rss_bytes() / 1e6,
            "on disk at the kill, MB": disk / 1e6,
        }
    finally:
        server.stop()


# ---- blocks -----------------------------------------------------------------------------------

OVER_A_MONTH = {
    "sum of rate over 1h": "sum by (cluster) (rate(node_cpu_seconds_total[1h]))",
    "max_over_time over 1h": "max by (namespace) (max_over_time("
                             "container_memory_working_set_bytes[1h]))",
    "avg_over_time over 1h": "sum(avg_over_time(node_memory_MemAvailable_bytes[1h]))",
}
# Over a million series some of the queries are beyond the default limits of all.
NO_LIMITS = ["--query.max-samples=2000000000", "--query.timeout=10m"]
# VictoriaMetrics reads blocks of its own: it is loaded instead, which takes this many series.
MOST_LOADED = 200_000


def snapshot(server, folder):
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1/admin/tsdb/snapshot", method="POST")
    with urllib.request.urlopen(request, timeout=600) as answer:
        return os.path.join(folder, "snapshots", json.loads(answer.read())["data"]["name"])


def make_blocks(folder, series, ticks, interval_s):
    """Blocks of all samples, made as a snapshot: (directory, time of the newest sample)."""
    server, path = start_receiver("tributary", folder, ["--web.enable-admin-api"])
    try:
        load(server, path, series, ticks, interval_s)
        end = int(time.time())
        return snapshot(server, folder), end
    finally:
        server.stop()


def bytes_of(folder, name=""):
    """Of the files below whose path has `name`."""
    paths = (os.path.join(where, file) for where, _, files in os.walk(folder) for file in files)
    return sum(os.path.getsize(path) for path in paths if name in path)


def disk(name, series, ticks):
    """What the same samples need on the disk once they are at rest."""
    server, path = start_receiver(
        name, extra=["--web.enable-admin-api"] if name != "victoria-metrics" else ())
    samples = series * ticks
    try:
        load(server, path, series, ticks)
        if name == "victoria-metrics":
            get(f"http://127.0.0.1:{server.port}/internal/force_flush")
            get(f"http://127.0.0.1:{server.port}/internal/force_merge", timeout=300)
            time.sleep(15)
            data = os.path.join(server.folder, "data")
            # Its index is in data/indexdb, its samples are in data/data.
            return {"bytes per sample": bytes_of(data) / samples,
                    "of them samples": bytes_of(os.path.join(data, "data")) / samples}
        blocks = snapshot(server, os.path.join(server.folder, "data"))
        return {"bytes per sample": bytes_of(blocks) / samples,
                "of them samples": bytes_of(blocks, "/chunks/") / samples}
    finally:
        server.stop()


def blocks(name, shape, made, board, span_s, step):
    """CPU, wall and memory of each query over the same blocks, and of all at four times the step."""
    series, ticks, interval_s = shape
    folder, end = made
    copy = tempfile.mkdtemp(prefix="tributary-bench-")
    server = None
    extra = {"nocache": 1} if name == "victoria-metrics" else {}
    try:
        if name == "victoria-metrics":
            server, path = start_receiver(name)
            load(server, path, series, ticks, interval_s)
            get(f"http://127.0.0.1:{server.port}/internal/force_flush")
            end = int(time.time())
        else:
            # Files of blocks are never written again, only replaced.
            shutil.copytree(folder, copy, dirs_exist_ok=True, copy_function=os.link)
            server, _ = start_receiver(name, copy, NO_LIMITS)
        end = end // 15 * 15 - 53  # no sample lies on a window's end
        result = {}
        for title, query in board.items():
            cpu = server.cpu_seconds()
            runs = [ask(server, query, end - span_s, end, extra, step) for _ in range(3)]
            if not runs[0][1]:
                raise SystemExit(f"{name} answers nothing to {query}")
            result[title + ", ms"] = statistics.median(ms for ms, _ in runs)
            result[title + ", CPU-ms"] = (server.cpu_seconds() - cpu) / len(runs) * 1000
        for unit in ("ms", "CPU-ms"):
            result[f"all, {unit}"] = sum(result[f"{title}, {unit}"] for title in board)
        result["all at four times the step, ms"] = sum(
            ask(server, query, end - span_s, end, extra, 4 * step)[0] for query in board.values())
        result["peak RSS, MB"] = server.peak_rss_bytes() / 1e6
        return result
    finally:
        if server:
            server.stop()
        shutil.rmtree(copy, ignore_errors=True)


def compare_blocks(title, names, shape, board, span_s, step):
    folder = tempfile.mkdtemp(prefix="tributary-bench-")
    if shape[0] > MOST_LOADED and "victoria-metrics" in names:
        names = [name for name in names if name != "victoria-metrics"]
        print(f"\n(victoria-metrics is left out: loading {shape[0]} series takes too long)")
    try:
        made = make_blocks(folder, *shape)
        compare(title, names, lambda name: blocks(name, shape, made, board, span_s, step), 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
                        choices=["ingest", "million", "agent", "queries", "restart", "blocks",
                                 "month", "mixed",
                                 "disk", "churn", "replaced", "outage"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only-tributary", action="store_true", help="leave the peers out")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--ticks", type=int, default=40)
    options = parser.parse_args()
    if "ingest" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare(f"ingest: remote write 1.0, {options.series} series, {options.ticks} ticks, "
                "2000 samples a request, 2 connections", names,
                lambda name: ingest(name, options.series, options.ticks), options.repeats)
    if "million" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare(f"million: live ingest of {options.series} series at 15 s for {options.minutes} "
                "minutes, compaction running", names,
                lambda name: million(name, options.series, options.minutes), 1)
    if "queries" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("queries: 40,000 series x 240 ticks, 50 minutes at a 15 s step", names,
                lambda name: queries(name, 40_000, 240), 1)
    if "mixed" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("mixed: the same queries, with the older half in blocks and the newer in the head",
                names, lambda name: queries(name, 40_000, 240, mixed=True), 1)
    if "restart" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("restart after kill -9: 40,000 series x 240 ticks", names,
                lambda name: restart(name, 40_000, 240), 1)
    if "blocks" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare_blocks(f"blocks: {options.series} series x 1 h, 50 minutes at a 15 s step", names,
                       (options.series, 240, 15), DASHBOARD, 3000, 15)
    if "disk" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("disk: 20,000 series x 240 ticks in blocks", names,
                lambda name: disk(name, 20_000, 240), 1)
    if "month" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare_blocks("a month: 2,000 series x 30 d at 60 s, a 5 min step, windows of 1 h", names,
                       (2_000, 43_200, 60), OVER_A_MONTH, 30 * 86400 - 7200, 300)
    if "agent" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else ["prometheus", "vmagent"])
        compare("agent: 200 targets x 1,010 samples every 5 s to a sink", names,
                lambda name: agent(name, 200, 1010, 5, 30), options.repeats)
    if "churn" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else ["prometheus", "vmagent"])
        compare("churn: 1,000 targets x 1,010 samples every 15 s, 5 % new series a minute", names,
                lambda name: agent(name, 1000, 1010, 15, 60 * options.minutes, churn=True), 1)
    if "replaced" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else
                                 ["prometheus", "victoria-metrics"])
        compare("replaced: 200,000 series, a fifth of them replaced every 10 minutes, for two "
                "hours of samples' time", names, lambda name: replaced(name, 200_000, 12), 1)
    if "outage" in options.workload:
        names = ["tributary"] + ([] if options.only_tributary else ["prometheus", "vmagent"])
        compare(f"outage: 200 targets x 1,010 samples every 5 s, the receiver gone for "
                f"{options.minutes} minutes", names,
                lambda name: outage(name, 200, 1010, 5, 60 * options.minutes), 1)


if __name__ == "__main__":
    main()
