"""What Grafana's Prometheus data source asks, answered by our server and by Debian's Prometheus
from the same data: Grafana must not be able to tell them apart.

The sequences were written down from the data source's source (pkg/promlib and
packages/grafana-prometheus of Grafana 12)."""

import sys

import fixture
import replay
import servers


def main():
    servers.need("prometheus")
    pair = fixture.Pair("prometheus")
    try:
        failures = replay.compare(replay.load("grafana_requests.txt", pair.times()), pair.ours,
                                  pair.theirs)
    finally:
        pair.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
