"""Our API beside that of a Prometheus of the release we follow: the same configuration, the same
data, the same target to scrape, and every endpoint asked in every way.

The binary to compare with is named by TRIBUTARY_PEER_PROMETHEUS; the test is skipped without."""

import os
import sys

import fixture
import replay
import servers


def main():
    peer = os.environ.get("TRIBUTARY_PEER_PROMETHEUS")
    if not peer or not os.access(peer, os.X_OK):
        print("skipped: TRIBUTARY_PEER_PROMETHEUS names no binary to compare with")
        sys.exit(servers.SKIP)
    pair = fixture.Pair(peer, fixture.odd_names)
    try:
        failures = replay.compare(replay.load("api_requests.txt", pair.times()), pair.ours,
                                  pair.theirs)
    finally:
        pair.close()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
