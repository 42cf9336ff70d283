"""Who can send to whom: a stock Prometheus agent and vmagent into our centre, our agent into a
stock Prometheus. Every sender scrapes itself; what it says of itself must arrive under its
external label and keep arriving."""

import servers

# {port} is filled in by the server that gets the file, as its own.
AGENT_CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{cluster: NAME}}}}
scrape_configs:
  - job_name: self
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
remote_write:
  - url: URL/api/v1/write
    queue_config: {{batch_send_deadline: 1s}}
"""

VMAGENT_CONFIG = AGENT_CONFIG.replace("NAME", "vmagent").split("remote_write", maxsplit=1)[0]


def agent_config(name, url):
    return AGENT_CONFIG.replace("NAME", name).replace("URL", url)


def expect_delivery(receiver, cluster, sender):
    def arrived():
        up = receiver.query(f'count_over_time(up{{cluster="{cluster}",job="self"}}[1m])')
        return len(up) == 1 and float(up[0]["value"][1]) >= 5

    if not servers.wait_until(arrived):
        raise SystemExit(f"nothing arrived from {cluster}: {receiver.query('up')}\n{sender.log()}")
    values = receiver.query(f'up{{cluster="{cluster}",job="self"}}[1m]')[0]["values"]
    times = [t for t, _ in values]
    if times != sorted(set(times)) or any(v != "1" for _, v in values):
        raise SystemExit(f"{cluster} delivered wrong samples: {values}")
    metrics = receiver.query(f'count({{cluster="{cluster}"}})')
    if float(metrics[0]["value"][1]) < 30:
        raise SystemExit(f"{cluster} delivered too few series: {metrics}")
    print(f"ok: {cluster} delivers to {receiver.argv[0]}")


def run(make_receiver, senders):
    receiver = make_receiver()
    try:
        for name, make_sender in senders:
            sender = make_sender(name, receiver.url)
            try:
                expect_delivery(receiver, name, sender)
            finally:
                sender.close()
    finally:
        receiver.close()


def main():
    servers.need("prometheus", "vmagent")
    run(servers.our_server, [
        ("prometheus", lambda name, url: servers.prometheus_agent(
            agent_config(name, url))),
        ("vmagent", lambda name, url: servers.vmagent(VMAGENT_CONFIG, url + "/api/v1/write")),
        ("tributary", lambda name, url: servers.our_agent(
            agent_config(name, url)))])
    run(servers.prometheus_server, [
        ("tributary", lambda name, url: servers.our_agent(
            agent_config(name, url)))])


if __name__ == "__main__":
    main()
