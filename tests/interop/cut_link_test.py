"""The link between agent and receiver is cut as links are: nobody is told. For a while nothing gets
through, or only the answers get lost, or connections are reset in the middle; then all is well again.
In the end every scrape is stored, once and in order.

What is sent again because its answer was lost is harmless to our centre alone: a Prometheus calls the
older samples of it out of order, which counts as failed although they are stored, and VictoriaMetrics
stores them once more.

  TRIBUTARY_CUT_SECONDS  how long each cut lasts (default 8)
"""

import concurrent.futures
import os
import select
import socket
import struct
import threading
import time

import servers
from counted import TARGETS, Exporter, agent_config, check_stored

CUT_S = float(os.environ.get("TRIBUTARY_CUT_SECONDS", "8"))
QUEUE = "{{batch_send_deadline: 1s, min_backoff: 30ms, max_backoff: 1s}}\n    remote_timeout: 2s"


class Link:
    """A way to a port on loopback, whose `state` is "up", "silent", "deaf" (answers get lost) or
    "resets". What was swallowed does not come later, as little as on a real link whose connection
    is given up: connections of a cut stay dead."""

    def __init__(self, port):
        self.port = port
        self.state = "up"
        self.swallowed = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(near,), daemon=True).start()

    def carry(self, near):
        try:
            with near, socket.create_connection(("127.0.0.1", self.port)) as far:
                dead = False
                while True:
                    for end in select.select([near, far], [], [], 60)[0]:
                        data = end.recv(1 << 16)
                        if not data:
                            return
                        state = self.state
                        if state == "resets":
                            # Half of it arrives, then both ends are told off.
                            (far if end is near else near).sendall(data[:len(data) // 2])
                            for one in (near, far):
                                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))
                            return
                        dead = dead or state == "silent" or (state == "deaf" and end is far)
                        if dead:
                            self.swallowed += 1
                        else:
                            (far if end is near else near).sendall(data)
        except OSError:
            pass

    def close(self):
        self.listener.close()


def run(name, make_receiver, repeats=False, complains=False):
    exporter = Exporter()
    receiver = link = agent = None
    start = time.time()
    try:
        receiver = make_receiver()
        link = Link(receiver.port)
        agent = servers.our_agent(agent_config(exporter, link, QUEUE))
        if not servers.wait_until(lambda: len(receiver.query("served")) == 10 * TARGETS):
            raise SystemExit(f"{name}: nothing arrives\n{agent.log()}")
        for state in ("silent", "deaf", "resets"):
            retried = agent.counter("prometheus_remote_storage_samples_retried_total")
            link.state = state
            time.sleep(CUT_S)
            link.state = "up"
            if agent.counter("prometheus_remote_storage_samples_retried_total") == retried:
                raise SystemExit(f"{name}: the cut ({state}) was not noticed: nothing was tested")
            time.sleep(2)
        scrapes = check_stored(name, exporter, receiver, agent, start, repeats)
        for what in ("dropped",) if complains else ("failed", "dropped"):
            count = agent.counter(f"prometheus_remote_storage_samples_{what}_total")
            if count:
                raise SystemExit(f"{name}: {count:.0f} samples {what}\n{agent.log()}")
        print(f"ok: {name}: {scrapes} scrapes stored, over three cuts of {CUT_S:.0f} s; "
              f"{link.swallowed} pieces were swallowed", flush=True)
    finally:
        for one in (agent, receiver, link, exporter):
            if one:
                one.close()


def main():
    servers.need("prometheus", "victoria-metrics")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [pool.submit(run, "tributary", servers.our_server),
                pool.submit(run, "prometheus", servers.prometheus_server, complains=True),
                pool.submit(run, "victoria-metrics", servers.victoria_metrics, repeats=True)]
        failures = [str(one.exception()) for one in runs if one.exception()]
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
