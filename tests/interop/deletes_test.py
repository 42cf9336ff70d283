"""Deleted samples stay deleted when a directory changes hands: deleted through the admin API of a
Prometheus, in blocks and in the head, and read by us, and the reverse; also after the tombstones
are cleaned. PROMETHEUS_BINARIES may name other peers than the installed one, separated by colons."""

import os
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import servers
from out_of_order_test import HOUR, NAMES, STEP, Writer, await_compaction, expect_all, key
from queries_test import difference


def post(server, path, **params):
    """The status of a call of the admin API."""
    request = urllib.request.Request(
        f"{server.url}/api/v1/admin/tsdb/{path}", method="POST",
        data=urllib.parse.urlencode(params, doseq=True).encode())
    with servers.OPENER.open(request, timeout=60) as response:
        return response.status


def delete(server, sent, i, begin, end):
    """Deletes [begin, end] of one series, or all series, and forgets it in `sent`."""
    match = "late_total" if i is None else f'late_total{{i="{i}"}}'
    if post(server, "delete_series", **{"match[]": match, "start": begin, "end": end}) != 204:
        raise SystemExit("delete_series was not answered with 204")
    for labels in NAMES if i is None else [NAMES[i]]:
        samples = sent[key(labels)]
        for t in [t for t in samples if begin * 1000 <= t <= end * 1000]:
            del samples[t]


def answers(server, now):
    """All windows begin before what was deleted: 2.42 shows some of it to those that begin inside."""
    asked = ["count_over_time(late_total[30h])", "sum by (job) (sum_over_time(late_total[30h]))",
             "rate(late_total[30h])", "changes(late_total[30h])", "max_over_time(late_total[30h])"]
    return [(expression, server.api("/query", query=expression, time=now + 607))
            for expression in asked]


def fill(server, now):
    writer = Writer(server)
    writer.in_order(now - 9 * HOUR, now)
    await_compaction(server)
    sent = writer.sent
    delete(server, sent, 1, now - 8 * HOUR, now - 7 * HOUR)     # of blocks
    delete(server, sent, 1, now - 7 * HOUR, now - 6 * HOUR)     # an interval that touches it
    delete(server, sent, 2, now - 5 * HOUR, now - HOUR // 2)    # of blocks and head
    delete(server, sent, 3, now - HOUR // 2, now)               # of the head
    delete(server, sent, None, now - 4 * HOUR, now - 4 * HOUR + 300)
    writer.send([(NAMES[3], [((now + STEP) * 1000, 1.0)])])     # after what was deleted
    return sent


def hand_over(make_writer, make_reader, what):
    now = int(time.time()) // STEP * STEP
    writer = make_writer()
    copy = tempfile.mkdtemp(prefix="tributary-interop-")
    try:
        sent = fill(writer, now)
        expect_all(writer, sent, now, what + ", the writer")
        before = answers(writer, now)
        writer.child.kill()  # no shutdown: what was deleted of the head is in the log
        writer.child.wait()
        shutil.copytree(os.path.join(writer.folder, "data"), os.path.join(copy, "data"))
        reader = make_reader(os.path.join(copy, "data"))
        try:
            for again in ("", ", cleaned", ", started again"):
                if again == ", cleaned" and post(reader, "clean_tombstones") != 204:
                    raise SystemExit("clean_tombstones was not answered with 204")
                if again == ", started again":
                    reader.stop()
                    reader.start()
                expect_all(reader, sent, now, what + again)
                for (expression, ours), (_, theirs) in zip(answers(reader, now), before):
                    if difference(expression, ours, theirs):
                        raise SystemExit(f"{what}{again}: {expression}: "
                                         f"{difference(expression, ours, theirs)}")
        finally:
            reader.close()
    finally:
        writer.close()
        shutil.rmtree(copy, ignore_errors=True)
    print(f"ok: {what}: {sum(len(samples) for samples in sent.values())} samples are left")


def server_on(binary, data="{folder}/data"):
    flags = [f"--storage.tsdb.path={data}" if flag.startswith("--storage.tsdb.path") else flag
             for flag in servers.SERVER_FLAGS]
    return servers.Server([binary, *flags, "--web.enable-admin-api"])


def main():
    ours = servers.tributary()
    for peer in os.environ.get("PROMETHEUS_BINARIES", "prometheus").split(":"):
        servers.need(peer)
        hand_over(lambda: server_on(peer), lambda data: server_on(ours, data),
                  f"{peer} to tributary")
        hand_over(lambda: server_on(ours), lambda data: server_on(peer, data),
                  f"tributary to {peer}")
        hand_over(lambda: server_on(ours), lambda data: server_on(ours, data),
                  "tributary to tributary")


if __name__ == "__main__":
    sys.exit(main())
