"""After an outage fresh samples go out at once, the backlog beside them, and nothing is missing.

The receiver is away for a while. When it is back, what is scraped then must be stored within
seconds, long before the backlog is, if the receiver takes samples out of order: ours says so, a
Prometheus is asked for its configuration, VictoriaMetrics is known by its answers. A Prometheus that
takes samples in order only gets them in order. In the end every scrape is stored, once.

  TRIBUTARY_OUTAGE_SECONDS  how long each receiver is away (default 45)
"""

import concurrent.futures
import os
import time

import servers
from counted import TARGETS, Exporter, agent_config, check_stored, stored

AWAY_S = float(os.environ.get("TRIBUTARY_OUTAGE_SECONDS", "45"))
WINDOW = "storage: {{tsdb: {{out_of_order_time_window: 30m}}}}\n"

# So narrow that the backlog takes seconds.
QUEUE = ("{{batch_send_deadline: 1s, min_backoff: 30ms, max_backoff: 1s, max_shards: 1, "
         "max_samples_per_send: 50}}")


def series(receiver, start):
    return [stored(receiver, target, start) for target in range(TARGETS)]


def is_whole(values):
    counts = [v for _, v in values]
    return counts == list(range(counts[0], counts[-1] + 1))


def run(name, receiver, fresh_first):
    exporter = Exporter()
    agent = None
    start = time.time()
    try:
        agent = servers.our_agent(agent_config(exporter, receiver, QUEUE))
        if not servers.wait_until(lambda: len(receiver.query("served")) == 10 * TARGETS):
            raise SystemExit(f"{name}: nothing arrives\n{agent.log()}")
        receiver.stop()
        time.sleep(AWAY_S)
        receiver.start()
        came = time.time()

        def is_fresh():
            return all(values[-1][0] > came for values in series(receiver, start))

        if not servers.wait_until(is_fresh):
            raise SystemExit(f"{name}: nothing fresh in a minute\n{agent.log()}")
        until_fresh = time.time() - came
        holes = sum(not is_whole(values) for values in series(receiver, start))
        if fresh_first != (holes > 0):
            raise SystemExit(f"{name}: fresh samples after {until_fresh:.1f} s, while the backlog "
                             f"of {holes} of {TARGETS} targets was missing\n{agent.log()}")
        if not servers.wait_until(lambda: all(map(is_whole, series(receiver, start)))):
            raise SystemExit(f"{name}: the backlog is not there after a minute\n{agent.log()}")
        until_whole = time.time() - came

        time.sleep(2)
        scrapes = check_stored(name, exporter, receiver, agent, start)
        print(f"ok: {name}: current {until_fresh:.1f} s after it was back, "
              f"whole after {until_whole:.1f} s; {scrapes} scrapes stored", flush=True)
    finally:
        if agent:
            agent.close()
        receiver.close()
        exporter.close()


def main():
    servers.need("prometheus", "victoria-metrics")
    print(f"each receiver is away for {AWAY_S:.0f} s", flush=True)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = [
            pool.submit(run, "tributary", servers.our_server(WINDOW), True),
            pool.submit(run, "prometheus", servers.prometheus_server(WINDOW), True),
            pool.submit(run, "victoria-metrics", servers.victoria_metrics(), True),
            pool.submit(run, "prometheus, in order only", servers.prometheus_server(), False),
        ]
        failures = [str(run.exception()) for run in runs if run.exception()]
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
