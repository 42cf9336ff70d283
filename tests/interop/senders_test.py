"""Who can send to whom: a stock Prometheus agent and vmagent into our centre, our agent into a
stock Prometheus. Every sender scrapes itself; what it says of itself must arrive under its
external label and keep arriving, and our centre must know the types and helps of what came."""

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
    metadata_config: {{send_interval: 1s}}
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


def expect_metadata(receiver, cluster):
    """Of a family that no server but the sender has: the centre scrapes nothing."""
    family = "prometheus_remote_storage_samples_in_total"

    def known():
        told = receiver.api("/metadata", metric=family)[1]["data"].get(family)
        return told and told[0]["type"] == "counter" and told[0]["help"]

    if not servers.wait_until(known):
        raise SystemExit(f"{cluster} told nothing of {family}: {receiver.api('/metadata')}")
    print(f"ok: {cluster} tells of its families")


def run(make_receiver, senders, metadata=False):
    receiver = make_receiver()
    try:
        for name, make_sender in senders:
            sender = make_sender(name, receiver.url)
            try:
                expect_delivery(receiver, name, sender)
                if metadata:
                    expect_metadata(receiver, name)
            finally:
                sender.close()
    finally:
        receiver.close()


def main():
    servers.need("prometheus", "vmagent")
    prometheus = ("prometheus",
                  lambda name, url: servers.prometheus_agent(agent_config(name, url)))
    vmagent = ("vmagent", lambda name, url: servers.vmagent(VMAGENT_CONFIG, url + "/api/v1/write"))
    ours = ("tributary", lambda name, url: servers.our_agent(agent_config(name, url)))
    second = "    protobuf_message: io.prometheus.write.v2.Request\n"
    ours_by_hand = ("tributary with 2.0 configured",
                    lambda name, url: servers.our_agent(agent_config(name, url) + second))
    run(servers.our_server, [vmagent])
    run(servers.our_server, [prometheus], metadata=True)
    run(servers.our_server, [ours], metadata=True)
    run(servers.our_server, [ours_by_hand], metadata=True)
    run(servers.prometheus_server, [ours])


if __name__ == "__main__":
    main()
