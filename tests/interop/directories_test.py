"""Two directories with blocks, head, logs, tombstones and samples that came late, one written by us
and one by Debian's Prometheus, change hands after a kill: each is opened by the other. All of
queries.txt is asked before and after, and always answered alike."""

import os
import shutil
import sys
import time
import urllib.parse
import urllib.request

import queries_test
import remote_write
import servers
from out_of_order_test import await_compaction, log_bytes

CONFIG = "storage: {{tsdb: {{out_of_order_time_window: 1d}}}}\n"
FLAGS = servers.SERVER_FLAGS + ["--web.enable-admin-api", "--storage.tsdb.min-block-duration=10m",
                                "--storage.tsdb.max-block-duration=10m"]
DOOMED = {"__name__": "doomed", "job": "web"}


def is_late(n):
    return n % 9 in (4, 5) and n < queries_test.SAMPLES - 20


def in_two_parts(all_series):
    """What is sent in order, and what is sent when that is in blocks already."""
    parts = ([], [])
    for i, (labels, samples) in enumerate(all_series):
        # 2.42 deletes nothing of what is still out of order.
        has_late = i % 2 == 1 and labels is not DOOMED
        for late in (False, True):
            some = [s for n, s in enumerate(samples) if (has_late and is_late(n)) == late]
            if some:
                parts[late].append((labels, some))
    return parts


def fill(server):
    everything = queries_test.data()
    everything.append((DOOMED, [(t, v + 1.0) for t, v in everything[0][1]]))
    in_order, late = in_two_parts(everything)
    remote_write.push(server.url + "/api/v1/write", in_order)
    await_compaction(server)
    remote_write.push(server.url + "/api/v1/write", late)
    form = urllib.parse.urlencode({"match[]": "doomed"}).encode()
    urllib.request.urlopen(server.url + "/api/v1/admin/tsdb/delete_series", form, 30).close()
    if log_bytes(server.folder, "wbl") < 1000:
        raise SystemExit(f"{server.argv[0]}: nothing in wbl")


def main():
    servers.need("prometheus")
    step = queries_test.STEP
    queries_test.START = (int(time.time()) - queries_test.SAMPLES * step) // step * step
    asked = list(queries_test.calls())
    ours = servers.Server([servers.tributary(), *FLAGS], CONFIG)
    theirs = servers.Server(["prometheus", *FLAGS], CONFIG)
    differences = 0

    def compare(what, expected):
        nonlocal differences
        for server, name in ((ours, "tributary"), (theirs, "prometheus")):
            for (path, params), want in zip(asked, expected):
                said = queries_test.difference(params["query"], server.api(path, **params), want)
                if said:
                    differences += 1
                    print(f"{what}, {name}: {path} {params}: {said}")

    try:
        for server in (ours, theirs):
            fill(server)
            if server.query("doomed", time=queries_test.START + 1207):
                raise SystemExit(f"{server.argv[0]}: what was deleted is still there")
        expected = [theirs.api(path, **params) for path, params in asked]
        compare("each on its own directory", expected)
        for server in (ours, theirs):
            server.child.kill()  # no shutdown: all is in the logs
            server.child.wait()
        data = [os.path.join(server.folder, "data") for server in (ours, theirs)]
        away = data[0] + ".away"
        shutil.move(data[0], away)
        shutil.move(data[1], data[0])
        shutil.move(away, data[1])
        for server in (ours, theirs):
            server.start()
        compare("each on the other's directory", expected)
    finally:
        ours.close()
        theirs.close()
    print(f"{len(asked)} questions, asked twice of each: {differences} differences")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
