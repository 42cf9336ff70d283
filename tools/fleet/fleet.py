"""The demo fleet: a centre and two downstream clusters on loopback, all real.

Everything lives in one folder: certificates, credentials, configuration, data, logs. Starting
again in the same folder goes on with what is there.
"""

import crypt
import os
import secrets
import shutil
import socket
import subprocess
import sys

from client import Centre
from procs import Process, fail, stop_all, wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from free_port import free_port

CENTRAL = "central-monitoring"
DOWNSTREAM = ("downstream-one", "downstream-two")
USER = "fleet"

CENTRAL_CONFIG = """\
# The centre: takes what the agents push, and scrapes itself and its own machine.
global:
  scrape_interval: {interval}
scrape_configs:
  - job_name: tributary
    scheme: https
    tls_config:
      ca_file: ../pki/ca.pem
    basic_auth:
      username: {user}
      password_file: ../password
    static_configs:
      - targets: ["{central}"]
        labels: {{cluster: {cluster}}}
  - job_name: node
    static_configs:
      - targets: ["{exporter}"]
        labels: {{cluster: {cluster}}}
# After an outage agents send what they scrape now first, and the backlog beside it.
storage:
  tsdb:
    out_of_order_time_window: 2h
"""

AGENT_CONFIG = """\
# The agent of cluster {cluster}: scrapes the node and itself, pushes to the centre.
global:
  scrape_interval: {interval}
  external_labels:
    cluster: {cluster}
scrape_configs:
  - job_name: tributary
    static_configs:
      - targets: ["{agent}"]
  - job_name: node
    static_configs:
      - targets: ["{exporter}"]
remote_write:
  - url: https://{central}/api/v1/write
    name: centre
    tls_config:
      ca_file: ../pki/ca.pem
    basic_auth:
      username: {user}
      password_file: ../password
    queue_config:
      batch_send_deadline: 1s
"""

WEB_CONFIG = """\
tls_server_config:
  cert_file: ../pki/server.crt
  key_file: ../pki/server.key
basic_auth_users:
  {user}: {hash}
"""


def port_taken(host, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def write_file(path, text, mode=0o644):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w",
              encoding="utf-8") as out:
        out.write(text)
    os.chmod(path, mode)


def openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail("openssl could not make the demo's certificates.", done.stderr)


class Fleet:
    def __init__(self, binary, folder, free_ports, interval):
        self.binary = binary
        self.folder = folder
        self.interval = interval
        self.exporter_hosts = {CENTRAL: "127.0.0.2", DOWNSTREAM[0]: "127.0.0.3",
                               DOWNSTREAM[1]: "127.0.0.4"}
        pick = free_port if free_ports else None
        self.central = self._address("127.0.0.1", 19090, pick)
        self.agents = {name: self._address("127.0.0.1", 19091 + i, pick)
                       for i, name in enumerate(DOWNSTREAM)}
        self.exporters = {name: self._address(host, 19100, pick)
                          for name, host in self.exporter_hosts.items()}
        self.processes = {}

    @staticmethod
    def _address(host, port, pick):
        return f"{host}:{pick(host) if pick else port}"

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def prepare(self):
        """Writes what is missing; keys and the password of an earlier start stay."""
        try:
            for name in ("pki", "logs", CENTRAL, *DOWNSTREAM):
                os.makedirs(self.path(name), exist_ok=True)
            os.chmod(self.folder, 0o700)
        except OSError as error:
            fail(f"cannot make the demo folder {self.folder}: {error.strerror}.")
        free = shutil.disk_usage(self.folder).free
        if free < 500 << 20:
            fail(f"{self.folder} has only {free >> 20} MB free; the demo needs 500 MB: make room.")
        self._check_ports()
        self._make_certificates()
        password = self._password()
        hashed = crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 8))
        values = {"interval": self.interval, "user": USER, "central": self.central}
        write_file(self.path(CENTRAL, "web.yml"), WEB_CONFIG.format(user=USER, hash=hashed), 0o600)
        write_file(self.path(CENTRAL, "prometheus.yml"), CENTRAL_CONFIG.format(
            cluster=CENTRAL, exporter=self.exporters[CENTRAL], **values))
        for name in DOWNSTREAM:
            write_file(self.path(name, "prometheus.yml"), AGENT_CONFIG.format(
                cluster=name, agent=self.agents[name], exporter=self.exporters[name], **values))
        self._define_processes()
        self.client = Centre(f"https://{self.central}", self.path("pki", "ca.pem"), USER, password)

    def _check_ports(self):
        for address in (self.central, *self.agents.values(), *self.exporters.values()):
            host, port = address.rsplit(":", 1)
            if port_taken(host, int(port)):
                fail(f"{address} is in use: stop what listens there "
                     f"(`ss -ltnp 'sport = :{port}'` names it), perhaps an earlier ./run.")

    def _make_certificates(self):
        pki = self.path("pki")
        if os.path.exists(os.path.join(pki, "server.crt")):
            return
        ca_key, ca = os.path.join(pki, "ca.key"), os.path.join(pki, "ca.pem")
        key, csr = os.path.join(pki, "server.key"), os.path.join(pki, "server.csr")
        ext = os.path.join(pki, "server.ext")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-days", "365", "-subj", "/CN=Tributary demo CA", "-keyout", ca_key, "-out", ca)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=localhost", "-keyout", key, "-out", csr)
        write_file(ext, "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
                        "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
                "-days", "365", "-extfile", ext, "-out", os.path.join(pki, "server.crt"))
        for secret in (ca_key, key):
            os.chmod(secret, 0o600)

    def _password(self):
        path = self.path("password")
        if not os.path.exists(path):
            write_file(path, secrets.token_urlsafe(18), 0o600)
        with open(path, encoding="utf-8") as text:
            return text.read().strip()

    def _define_processes(self):
        def log(name):
            return self.path("logs", name + ".log")

        for name, address in self.exporters.items():
            self.processes["exporter " + name] = Process(
                "exporter of " + name,
                ["prometheus-node-exporter", f"--web.listen-address={address}",
                 "--log.level=error"], log("exporter-" + name))
        self.processes["central"] = Process(
            "the centre",
            [self.binary, f"--config.file={self.path(CENTRAL, 'prometheus.yml')}",
             f"--web.config.file={self.path(CENTRAL, 'web.yml')}",
             f"--web.listen-address={self.central}",
             f"--storage.tsdb.path={self.path(CENTRAL, 'data')}",
             "--web.enable-remote-write-receiver", "--web.enable-lifecycle"], log(CENTRAL))
        for name, address in self.agents.items():
            self.processes[name] = Process(
                "agent " + name,
                [self.binary, "--agent", f"--config.file={self.path(name, 'prometheus.yml')}",
                 f"--web.listen-address={address}",
                 f"--storage.agent.path={self.path(name, 'data')}"], log(name))

    def start(self):
        for process in self.processes.values():
            process.start()
        self.wait_ready()

    def wait_ready(self, timeout=60):
        process = self.processes["central"]
        if not wait_until(self.client.ready, timeout, [process]):
            fail(f"the centre did not become ready; the end of {process.log_path}:",
                 process.last_lines())

    def wait_for_data(self, timeout=60):
        """Until every cluster's two targets are up at the centre."""
        wanted = {name: 2 for name in (CENTRAL, *DOWNSTREAM)}

        def flowing():
            return self.client.by_cluster("sum by (cluster) (up)") == wanted

        if not wait_until(flowing, timeout, self.processes.values()):
            dead = [p for p in self.processes.values() if not p.running()]
            if dead:
                fail(f"{dead[0].name} ended by itself; the end of {dead[0].log_path}:",
                     dead[0].last_lines())
            seen = self.client.by_cluster("sum by (cluster) (up)")
            fail(f"data did not arrive from every cluster within {timeout} s: {seen}. "
                 f"The logs are in {self.path('logs')}.")

    def stop(self):
        stop_all(list(self.processes.values()))
