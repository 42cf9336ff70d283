"""Two servers with the same configuration, data and target, for tests that replay requests."""

import time

import exposition
import queries_test
import remote_write
import servers

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{cluster: north}}}}
scrape_configs:
  - job_name: fixed
    static_configs: [{{targets: ["TARGET"], labels: {{env: test}}}}]
  - job_name: relabelled
    scrape_interval: 1h
    static_configs: [{{targets: ["lose:1"]}}]
    relabel_configs:
      - {{source_labels: [__address__], regex: "keep.*", action: keep}}
      - {{source_labels: [env], target_label: stage}}
      - {{regex: env, action: labeldrop}}
      - {{source_labels: [__address__], modulus: 8, target_label: shard, action: hashmod}}
"""


def odd_names(end):
    """Series that only UTF-8 exposition can write."""
    return [({"__name__": "odd name.total", "job": "odd", "a b": "c\nd\"e\\"}, [(end * 1000, 1.5)]),
            ({"__name__": "plain", "job": "odd", "ö": "ü"}, [(end * 1000, 2.0)])]


class Pair:
    """Ours and theirs; close() when done."""

    def __init__(self, peer, more_data=()):
        self.end = int(time.time()) // 15 * 15
        self.target = exposition.Target(self.end - 60)
        config = CONFIG.replace("TARGET", self.target.address)
        flags = [*servers.SERVER_FLAGS, "--enable-feature=exemplar-storage,promql-per-step-stats,search-api"]
        self.ours = servers.Server([servers.tributary(), *flags], config)
        self.theirs = servers.Server([peer, *flags], config)
        queries_test.START = self.end - queries_test.SAMPLES * queries_test.STEP
        for server in (self.ours, self.theirs):
            remote_write.push(server.url + "/api/v1/write",
                              [*queries_test.data(), *(more_data and more_data(self.end))])
            if not servers.wait_until(lambda: server.query('queue_length{job="fixed"}')):
                raise SystemExit(f"{server.argv[0]} does not scrape:\n{server.log()}")

    def times(self):
        """What stands in braces in a file of requests. No sample of the data lies on `mid`, nor
        one step of 30 s from there, so that it does not matter on which side a range is open."""
        def text(t):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))
        start, mid = self.end - 2100, self.end - 907
        return {"start": start, "end": self.end, "mid": mid, "now": self.end + 600,
                "off_start": start + 7, "off_end": self.end - 8,
                "start_rfc3339": text(start), "mid_rfc3339": text(mid),
                "end_rfc3339": text(self.end)}

    def close(self):
        self.ours.close()
        self.theirs.close()
        self.target.close()
