"""./run: the demo fleet, for people (start) or for CI (--check)."""

import os
import shutil
import sys
import tempfile
import time

import check
from fleet import DOWNSTREAM, USER, Fleet
from procs import fail, ignore_terminal_signals_in_children

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "build", "tributary")

WELCOME = """
The fleet is up: {clusters} push to the centre over TLS with basic auth.

  address    {url}
  user       {user}
  password   {password}     (kept in {folder}/password)
  CA         {folder}/pki/ca.pem

Ask it:
  curl -s --cacert {folder}/pki/ca.pem -u {user}:{password} '{url}/api/v1/query' \\
       --data-urlencode 'query=count by (cluster) (up)'
  curl -s --cacert {folder}/pki/ca.pem -u {user}:{password} '{url}/api/v1/query' \\
       --data-urlencode 'query=sum by (cluster) (rate(node_cpu_seconds_total{{mode!="idle"}}[1m]))'
  curl -s --cacert {folder}/pki/ca.pem -u {user}:{password} '{url}/api/v1/label/cluster/values'

In Grafana: add a data source of type Prometheus, URL {url}, HTTP method POST, basic auth with the
user and password above, and paste the CA certificate under "TLS/SSL Auth Details -> CA Cert".

Logs are in {folder}/logs. Ctrl-C stops everything; the next ./run goes on with this data."""


def serve():
    fleet = Fleet(BINARY, os.path.join(ROOT, "demo"), free_ports=False, interval="5s")
    fleet.prepare()
    try:
        print("starting the centre, two agents and three node exporters …", flush=True)
        fleet.start()
        print("waiting for data from every cluster …", flush=True)
        fleet.wait_for_data()
        print(WELCOME.format(clusters=" and ".join(DOWNSTREAM), url=fleet.client.url, user=USER,
                             password=fleet.client.password, folder=fleet.folder), flush=True)
        while True:
            time.sleep(1)
            for process in fleet.processes.values():
                if not process.running():
                    fail(f"{process.name} ended by itself; the end of {process.log_path}:",
                         process.last_lines())
    except KeyboardInterrupt:
        print("\nstopping …", flush=True)
    finally:
        fleet.stop()


def verify():
    folder = tempfile.mkdtemp(prefix="tributary-check-")
    fleet = Fleet(BINARY, folder, free_ports=True, interval="1s")
    passed = False
    try:
        fleet.prepare()
        check.run(fleet)
        passed = True
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        fleet.stop()
        if passed:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"the fleet's files and logs are kept in {folder}", file=sys.stderr)


if __name__ == "__main__":
    ignore_terminal_signals_in_children()
    if sys.argv[1:] == ["--check"]:
        verify()
    else:
        serve()
