"""Agent and receiver are killed again and again, and nothing is missing afterwards.

An exporter counts the scrapes of each of its targets and notes when it served which count. In the
meantime agent and receiver are killed (SIGKILL), in no order, and started again after a while. In the
end every count that was served must be stored, in order and once; a scrape that was under way when
the agent was killed may be missing, for nobody has seen it. With our centre as the receiver nothing
may have been called out of order or been given up either: there, what is sent again is harmless.

  TRIBUTARY_KILL_SECONDS  how long to go on with each receiver (default 25; a long run has 900)
  TRIBUTARY_SEED          of the times of the kills (default: another each time, printed)
"""

import os
import random
import signal
import time

import servers
from counted import INTERVAL_S, TARGETS, Exporter, agent_config, stored

SECONDS = float(os.environ.get("TRIBUTARY_KILL_SECONDS", "25"))
SEED = int(os.environ.get("TRIBUTARY_SEED", str(int(time.time()))))
# Between the answer to a scrape and its samples in the agent's log.
UNDER_WAY_S = 0.5

QUEUE = "{{batch_send_deadline: 1s, min_backoff: 30ms, max_backoff: 1s}}"


class Victim:
    """A server that is killed now and then. What its counters said before it died is summed up."""

    def __init__(self, server, counters):
        self.server = server
        self.counters = dict.fromkeys(counters, 0.0)
        self.kills = []  # (monotonic time of the kill, of the next start)

    def count(self):
        for name in self.counters:
            self.counters[name] += self.server.counter(name)

    def kill(self, down_s):
        self.count()
        killed = time.monotonic()
        self.server.child.send_signal(signal.SIGKILL)
        self.server.child.wait()
        time.sleep(down_s)
        self.server.start()
        self.kills.append((killed, time.monotonic()))


def check(exporter, receiver, agent, start):
    missing_allowed = 0
    total = 0
    for target in range(TARGETS):
        values = stored(receiver, target, start)
        counts = [v for _, v in values]
        times = [t for t, _ in values]
        if times != sorted(set(times)) or counts != sorted(set(counts)):
            raise SystemExit(f"target {target}: not once and in order: {values}")
        total += len(counts)
        have = set(counts)
        for count, at in exporter.served[target]:
            if count in have:
                continue
            if not any(killed - UNDER_WAY_S <= at <= killed + 0.05 for killed, _ in agent.kills):
                raise SystemExit(f"target {target}: the scrape {count} is missing, with no kill of "
                                 f"the agent near it; stored: {values[-5:]}")
            missing_allowed += 1
    if missing_allowed > TARGETS * len(agent.kills):
        raise SystemExit(f"{missing_allowed} scrapes are missing at {len(agent.kills)} kills")
    return total, missing_allowed


def run(name, make_receiver):
    rng = random.Random(SEED)
    exporter = Exporter()
    receiver_server = agent_server = None
    start = time.time()
    try:
        receiver_server = make_receiver()
        agent_server = servers.our_agent(agent_config(exporter, receiver_server, QUEUE))
        receiver = Victim(receiver_server, ["prometheus_tsdb_out_of_order_samples_total"])
        agent = Victim(agent_server, ["prometheus_remote_storage_samples_failed_total",
                                      "prometheus_remote_storage_samples_dropped_total"])
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            time.sleep(rng.uniform(0.5, 6))
            rng.choice((receiver, agent)).kill(rng.choice((0, 0, rng.uniform(0, 4))))

        # The exporter is asked no more; the agent delivers what is left.
        time.sleep(2 * INTERVAL_S)
        exporter.close()
        asked = [len(s) for s in exporter.served]

        def delivered():
            return all(stored(receiver_server, i, start)[-1][1] >= asked[i] for i in range(TARGETS))

        if not servers.wait_until(delivered, 60):
            raise SystemExit(f"not everything was delivered in a minute\n{agent_server.log()}")
        receiver.count()
        agent.count()
        total, missing = check(exporter, receiver_server, agent, start)
        print(f"ok: {name}: {len(agent.kills)} kills of the agent, {len(receiver.kills)} of the "
              f"receiver; {total} of {sum(asked)} scrapes stored, {missing} were under way at a kill",
              flush=True)
        counted = {**receiver.counters, **agent.counters}
        if name == "tributary" and any(counted.values()):
            raise SystemExit(f"counted: {counted}\n{agent_server.log()}")
    finally:
        for server in (agent_server, receiver_server):
            if server:
                server.close()


def main():
    print(f"seed {SEED}, {SECONDS:.0f} s with each receiver", flush=True)
    run("tributary", servers.our_server)
    servers.need("prometheus")
    run("prometheus", servers.prometheus_server)


if __name__ == "__main__":
    main()
