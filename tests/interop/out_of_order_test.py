"""Samples out of order, and the directory they leave: blocks that overlapped, a log (wal) and a log
of what came out of order (wbl). Written by a Prometheus and opened by us, and the reverse; every
sample must be there and questions be answered alike. PROMETHEUS_BINARIES may name other peers
than the installed one, separated by colons."""

import os
import random
import shutil
import sys
import tempfile
import time

import remote_write
import servers
from queries_test import difference

CONFIG = "storage: {{tsdb: {{out_of_order_time_window: 1d}}}}\n"
STEP = 60
HOUR = 3600
NAMES = [{"__name__": "late_total", "i": str(i), "job": "push"} for i in range(5)]


def points(begin, end, shift):
    """{t_ms: value}, one a STEP, `shift` seconds beside the round ones."""
    first = (begin // STEP + 1) * STEP + shift
    return {t * 1000: float(t % 86_400) for t in range(first, end, STEP)}


def key(labels):
    return tuple(sorted(labels.items()))


class Writer:
    def __init__(self, server):
        self.url = server.url + "/api/v1/write"
        self.sent = {key(labels): {} for labels in NAMES}

    def in_order(self, begin, end):
        for start in range(begin, end, HOUR):
            self.send([(labels, sorted(points(start, min(end, start + HOUR), 0).items()))
                       for labels in NAMES])

    def out_of_order(self, begin, end, shift):
        chaos = random.Random(shift)
        for labels in NAMES:
            samples = list(points(begin, end, shift).items())
            chaos.shuffle(samples)
            for at in range(0, len(samples), 50):
                self.send([(labels, samples[at:at + 50])])

    def send(self, all_series):
        remote_write.push(self.url, all_series)
        for labels, samples in all_series:
            self.sent[key(labels)].update(samples)


def blocks(folder):
    data = os.path.join(folder, "data")
    return sorted(name for name in os.listdir(data)
                  if os.path.exists(f"{data}/{name}/meta.json"))


def log_bytes(folder, log):
    path = os.path.join(folder, "data", log)
    return sum(os.path.getsize(os.path.join(path, name)) for name in os.listdir(path)
               if os.path.isfile(os.path.join(path, name)))


def expect_all(server, sent, now, what):
    got = {key(item["metric"]): {round(float(t) * 1000): float(v) for t, v in item["values"]}
           for item in server.query('late_total[30h]', time=now + 600)}
    for labels, samples in sent.items():
        if got.get(labels) == samples:
            continue
        there = got.get(labels, {})
        missing = sorted(samples.keys() - there.keys())
        wrong = sorted(t for t in there if samples.get(t) != there[t])
        raise SystemExit(f"{what}: {labels}: {len(missing)} of {len(samples)} samples missing "
                         f"{missing[:3]}, {len(wrong)} wrong {wrong[:3]}\n{server.log()}")


def answers(server, now):
    asked = ["late_total", "rate(late_total[7m])", "count_over_time(late_total[20m])",
             "sum by (job) (late_total)", "max_over_time(late_total[1h] offset 2h)",
             "changes(late_total[3h])"]
    out = []
    for expression in asked:
        # 7 s beside every sample: range selectors of 2.x include their left end.
        out.append((expression, server.api("/query", query=expression, time=now - 5 * HOUR + 7)))
        out.append((expression, server.api("/query_range", query=expression,
                                           start=now - 10 * HOUR + 7, end=now + 7, step=300)))
    return out


def await_compaction(server):
    """How many blocks are left in the end depends on the hour: until they stay the same."""
    seen = []

    def settled():
        seen.append(blocks(server.folder))
        return len(seen) > 15 and seen[-1] and seen[-1] == seen[-15]

    if not servers.wait_until(settled):
        raise SystemExit(f"the blocks do not settle: {seen[-1]}\n{server.log()}")


def fill(server, now):
    writer = Writer(server)
    writer.in_order(now - 9 * HOUR, now - 4 * HOUR)
    writer.out_of_order(now - 11 * HOUR, now - 4 * HOUR, 20)
    writer.in_order(now - 4 * HOUR, now)  # the head is cut, and what came out of order with it
    await_compaction(server)
    writer.out_of_order(now - 8 * HOUR, now, 40)
    # Repeated, as a sender does that missed the answer.
    writer.out_of_order(now - 2 * HOUR, now, 40)
    return writer.sent


def hand_over(make_writer, make_reader, what):
    now = int(time.time()) // STEP * STEP
    writer = make_writer()
    copy = tempfile.mkdtemp(prefix="tributary-interop-")
    try:
        sent = fill(writer, now)
        expect_all(writer, sent, now, what + ", the writer")
        before = answers(writer, now)
        if log_bytes(writer.folder, "wbl") < 1000:
            raise SystemExit(f"{what}: nothing in wbl")
        writer.child.kill()  # no shutdown: all is in the logs
        writer.child.wait()
        shutil.copytree(os.path.join(writer.folder, "data"), os.path.join(copy, "data"))
        reader = make_reader(os.path.join(copy, "data"))
        try:
            for again in ("", ", started again"):
                expect_all(reader, sent, now, what + again)
                for (expression, ours), (_, theirs) in zip(answers(reader, now), before):
                    if difference(expression, ours, theirs):
                        raise SystemExit(f"{what}{again}: {expression}: "
                                         f"{difference(expression, ours, theirs)}")
                reader.stop()
                reader.start()
            expect_all(reader, sent, now, what + ", at the end")
        finally:
            reader.close()
    finally:
        writer.close()
        shutil.rmtree(copy, ignore_errors=True)
    print(f"ok: {what}: {sum(len(samples) for samples in sent.values())} samples")


def server_on(binary, data="{folder}/data"):
    flags = [f"--storage.tsdb.path={data}" if flag.startswith("--storage.tsdb.path") else flag
             for flag in servers.SERVER_FLAGS]
    return servers.Server([binary, *flags], CONFIG)


def main():
    ours = servers.tributary()
    peers = os.environ.get("PROMETHEUS_BINARIES", "prometheus").split(":")
    for peer in peers:
        servers.need(peer)
        hand_over(lambda: server_on(peer), lambda data: server_on(ours, data),
                  f"{peer} to tributary")
        hand_over(lambda: server_on(ours), lambda data: server_on(peer, data),
                  f"tributary to {peer}")
        hand_over(lambda: server_on(ours), lambda data: server_on(ours, data),
                  "tributary to tributary")


if __name__ == "__main__":
    sys.exit(main())
