"""What our server does for whole clusters, run as a user would: a cluster is deleted while the server is
killed again and again, and the fleet file says how long a cluster is kept."""

import json
import os
import random
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import remote_write
import servers

HOUR = 3600
CLUSTERS = ("lab", "production", "shop")
SERIES = 200  # of each cluster
FLEET = """
retention:
  - match: '{cluster="lab"}'
    keep: %s
"""


def admin(server, method, **params):
    request = urllib.request.Request(
        f"{server.url}/api/v1/admin/tsdb/delete_cluster", method=method,
        data=urllib.parse.urlencode(params).encode() if params else None)
    with servers.OPENER.open(request, timeout=60) as response:
        return response.status, json.loads(response.read())["data"]


def counts(server, now, over="20h"):
    """Samples of each cluster."""
    result = server.query(f"sum by (cluster) (count_over_time(m[{over}]))", time=now)
    return {row["metric"]["cluster"]: int(row["value"][1]) for row in result}


def fill(server, now):
    """Nine hours of a sample every five minutes, most of them in blocks."""
    for begin in range(now - 9 * HOUR, now, HOUR):
        remote_write.push(server.url + "/api/v1/write", [
            ({"__name__": "m", "cluster": cluster, "i": str(i)},
             [(t * 1000, float(i)) for t in range(begin, begin + HOUR, 300)])
            for cluster in CLUSTERS for i in range(SERIES)])

    def compacted():
        lines = server.get("/metrics").decode().splitlines()
        loaded = [l for l in lines if l.startswith("prometheus_tsdb_blocks_loaded ")]
        return float(loaded[0].split()[1]) >= 3

    if not servers.wait_until(compacted):
        raise SystemExit(f"no blocks were made\n{server.log()}")


def start(extra=()):
    return servers.Server([servers.tributary(), *servers.SERVER_FLAGS, "--web.enable-admin-api",
                           "--web.enable-lifecycle", *extra])


def deletion(now):
    server = start()
    try:
        fill(server, now)
        before = counts(server, now)
        rng = random.Random(1)
        status, pending = admin(server, "POST", cluster="shop")
        if status != 202 or pending[-1]["cluster"] != "shop":
            raise SystemExit(f"the deletion was not accepted: {status} {pending}")
        for _ in range(10):
            time.sleep(rng.uniform(0, 1.3))
            server.child.send_signal(signal.SIGKILL)
            server.child.wait()
            server.start()
        if not servers.wait_until(lambda: admin(server, "GET")[1] == []):
            raise SystemExit(f"still pending: {admin(server, 'GET')}\n{server.log()}")
        del before["shop"]
        after = counts(server, now)
        if after != before:
            raise SystemExit(f"after the deletion {after}, expected {before}")
        blocks = os.path.join(server.folder, "data")
        for name in os.listdir(blocks):
            index = os.path.join(blocks, name, "index")
            if os.path.exists(index):
                with open(index, "rb") as data:
                    if b"shop" in data.read():
                        raise SystemExit(f"block {name} still knows the cluster")
        # A cluster of the same name that joins later is another one.
        remote_write.push(server.url + "/api/v1/write", [
            ({"__name__": "m", "cluster": "shop", "i": "0"}, [((now + 60) * 1000, 1.0)])])
        server.stop()
        server.start()
        if counts(server, now + 60, "5m").get("shop") != 1:
            raise SystemExit("what came after the deletion was deleted, too")
        print(f"ok: a cluster was deleted across ten kills; {sum(after.values())} samples are left")
    finally:
        server.close()


def retention(now):
    server = None
    folder = tempfile.mkdtemp(prefix="tributary-interop-")
    try:
        path = os.path.join(folder, "fleet.yml")
        with open(path, "w", encoding="utf-8") as out:
            out.write(FLEET % "1d")
        server = start([f"--fleet.config.file={path}"])
        fill(server, now)
        before = counts(server, now)
        with open(path, "w", encoding="utf-8") as out:
            out.write(FLEET % "often")
        try:
            urllib.request.urlopen(urllib.request.Request(server.url + "/-/reload", method="POST"))
            raise SystemExit("a broken fleet file was taken")
        except urllib.error.HTTPError as error:
            if error.code != 500:
                raise
        with open(path, "w", encoding="utf-8") as out:
            out.write(FLEET % "1h")
        servers.OPENER.open(urllib.request.Request(server.url + "/-/reload", method="POST")).close()

        def shrunk():
            return counts(server, now)["lab"] < before["lab"]

        if not servers.wait_until(shrunk, 180):  # it looks once a minute
            raise SystemExit(f"nothing was dropped: {counts(server, now)}\n{server.log()}")
        after = counts(server, now)
        if after["lab"] == 0 or any(after[c] != before[c] for c in ("production", "shop")):
            raise SystemExit(f"after a shorter retention {after}, before {before}")
        print(f"ok: the fleet file keeps {after['lab']} of {before['lab']} samples of one cluster")
    finally:
        if server:
            server.close()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    now = int(time.time()) // 300 * 300
    deletion(now)
    retention(now)


if __name__ == "__main__":
    main()
