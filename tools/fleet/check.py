"""./run --check: what the demo fleet promises, seen from outside over HTTPS."""

import re
import time
import urllib.request

from fleet import CENTRAL, DOWNSTREAM
from procs import fail, wait_until

# The fleet scrapes every second here; what a check allows is said in intervals.
INTERVAL = 1.0


def passed(sentence):
    print("  ok  " + sentence, flush=True)


def expect(condition, sentence, detail=""):
    if not condition:
        fail("FAILED: " + sentence, detail)
    passed(sentence)


def gaps(samples):
    """Seconds between neighbours."""
    return [later[0] - earlier[0] for earlier, later in zip(samples, samples[1:])]


def one_series(fleet, selector, seconds):
    series = fleet.client.samples(selector, seconds)
    if len(series) != 1:
        fail(f"FAILED: {selector} is {len(series)} series instead of one")
    return next(iter(series.values()))


def check_credentials(fleet):
    client = fleet.client
    for path in ("/api/v1/query?query=up", "/-/ready", "/metrics"):
        expect(client.status(path) == 401, f"{path} without credentials answers 401")
        expect(client.status(path, client.user, "wrong") == 401,
               f"{path} with a wrong password answers 401")
    expect(client.status("/api/v1/write", "stranger", client.password, b"x") == 401,
           "writing as an unknown user answers 401")
    expect(client.status("/api/v1/query?query=up", client.user, client.password) == 200,
           "the right credentials answer 200")


def check_clusters(fleet):
    counts = fleet.client.by_cluster("count by (cluster) (up)")
    wanted = {name: 2.0 for name in (CENTRAL, *DOWNSTREAM)}
    expect(counts == wanted, "count by (cluster) (up) answers three clusters", str(counts))


def exporter_cpu_seconds(address):
    """Sum of node_cpu_seconds_total as the exporter itself says it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{address}/metrics", timeout=10) as response:
        page = response.read().decode()
    values = re.findall(r"^node_cpu_seconds_total\{[^}]*\} (\S+)$", page, re.MULTILINE)
    return sum(float(value) for value in values)


def check_rates(fleet):
    window = 62  # rate(…[1m]) of a shorter history is less than the truth
    began = time.monotonic()
    first = {name: exporter_cpu_seconds(a) for name, a in fleet.exporters.items()}
    time.sleep(window)
    elapsed = time.monotonic() - began
    own = {name: (exporter_cpu_seconds(a) - first[name]) / elapsed
           for name, a in fleet.exporters.items()}
    asked = fleet.client.by_cluster("sum by (cluster) (rate(node_cpu_seconds_total[1m]))")
    for name, value in own.items():
        answer = asked.get(name, 0.0)
        expect(value > 0 and abs(answer - value) <= 0.2 * value,
               f"the CPU rate of {name} is what its exporter says "
               f"({answer:.2f} against {value:.2f} seconds a second)")


def answers(address):
    """Whether an agent says that it is ready."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/-/ready", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def check_agent_restart(fleet):
    name = DOWNSTREAM[0]
    agent = fleet.processes[name]
    began = time.monotonic()
    code = agent.stop()
    expect(code == 0, f"agent {name} ends with exit code 0 when told to", agent.last_lines())
    time.sleep(6)
    agent.start()
    if not wait_until(lambda: answers(fleet.agents[name]), 30, [agent]):
        fail(f"FAILED: agent {name} does not become ready", agent.last_lines())
    down = time.monotonic() - began
    selector = f'up{{cluster="{name}",job="node"}}'
    newest = time.time()
    if not wait_until(lambda: one_series(fleet, selector, 60)[-1][0] > newest + 2 * INTERVAL, 30,
                      [agent]):
        fail(f"FAILED: agent {name} does not deliver after its restart", agent.last_lines())
    widest = max(gaps(one_series(fleet, selector, int(down) + 30)))
    expect(widest <= down + 2.5 * INTERVAL,
           f"stopped for {down:.1f} s, agent {name} left a gap of {widest:.1f} s and no more")


def check_centre_outage(fleet):
    centre = fleet.processes["central"]
    began = time.time()
    expect(centre.stop() == 0, "the centre ends with exit code 0 when told to")
    time.sleep(20)
    centre.start()
    fleet.wait_ready()
    ended = time.time()
    seconds = int(ended - began) + 40

    def arrived():
        return all(
            one_series(fleet, f'up{{cluster="{name}",job="node"}}', seconds)[-1][0] > ended
            for name in DOWNSTREAM)

    if not wait_until(arrived, 60, fleet.processes.values()):
        fail("FAILED: the agents did not catch up after the centre's outage",
             fleet.processes[DOWNSTREAM[0]].last_lines())
    outage = ended - began
    for name in DOWNSTREAM:
        for metric in ("up", "node_load1", "node_cpu_seconds_total"):
            series = fleet.client.samples(f'{metric}{{cluster="{name}",job="node"}}', seconds)
            for samples in series.values():
                missed = [s for s in samples if began <= s[0] <= ended]
                steps = gaps([s for s in samples if s[0] >= began - 3 * INTERVAL])
                if len(missed) < outage / INTERVAL - 2.5 or max(steps) > 2.5 * INTERVAL:
                    fail(f"FAILED: {metric} of {name} has {len(missed)} samples from an outage of "
                         f"{outage:.1f} s, its widest gap is {max(steps):.1f} s")
                if min(steps) <= 0:
                    fail(f"FAILED: {metric} of {name} has a sample twice")
        passed(f"the samples that {name} scraped while the centre was away "
               f"({outage:.0f} s) all arrived, none twice")


def check_centre_crash(fleet):
    centre = fleet.processes["central"]
    selector = '{cluster=~"downstream-.*"}'
    before = fleet.client.samples(selector, 60)
    count = sum(len(samples) for samples in before.values())
    centre.kill()
    centre.start()
    fleet.wait_ready()
    after = fleet.client.samples(selector, 120)
    lost = 0
    for key, samples in before.items():
        kept = set(after.get(key, ()))
        # What left the longer window of the second question is no loss.
        lost += sum(1 for sample in samples if sample not in kept)
    expect(count > 1000 and lost == 0,
           f"kill -9 of the centre lost none of {count} acknowledged samples in "
           f"{len(before)} series", f"{lost} samples are gone")
    newest = time.time()
    ok = wait_until(
        lambda: fleet.client.by_cluster("min by (cluster) (timestamp(up))").get(
            DOWNSTREAM[0], 0) > newest, 30, fleet.processes.values())
    expect(ok, "and the agents go on delivering")


def run(fleet):
    print("starting the fleet", flush=True)
    fleet.start()
    fleet.wait_for_data()
    passed("three clusters deliver")
    for step in (check_credentials, check_clusters, check_rates, check_agent_restart,
                 check_centre_outage, check_centre_crash):
        print(step.__name__.replace("check_", "").replace("_", " "), flush=True)
        step(fleet)
    print("all checks passed", flush=True)
