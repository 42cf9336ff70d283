#!/usr/bin/env python3
"""Runs the program as the Prometheus Operator runs it.

The argument lists are those that prometheus-operator 0.93 builds for a Prometheus and a
PrometheusAgent of version 3, with paths and ports of this machine put in. Checked: probes, the
reload of config-reloader, runtimeinfo, flags, exit codes, and the end by SIGTERM.

usage: operator_args_test.py PATH_TO_TRIBUTARY
"""

import http.client
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
from free_port import free_port

BINARY = None
START_SECONDS = 60

CONFIG = """\
global:
  scrape_interval: 30s
  external_labels:
    prometheus: monitoring/k8s
    prometheus_replica: prometheus-k8s-0
  evaluation_interval: 30s
runtime:
  gogc: 75
scrape_configs:
- job_name: serviceMonitor/monitoring/self/0
  honor_labels: false
  scrape_interval: 1s
  static_configs:
  - targets: ["127.0.0.1:{port}"]
  relabel_configs:
  - source_labels: [job]
    target_label: __tmp_prometheus_job_name
  - source_labels: [__address__, __tmp_hash]
    regex: (.+);
    target_label: __tmp_hash
    replacement: $1
    action: replace
  - source_labels: [__tmp_hash]
    target_label: __tmp_hash
    modulus: 1
    action: hashmod
  - source_labels: [__tmp_hash, __tmp_disable_sharding]
    regex: 0;|.+;.+
    action: keep
  metric_relabel_configs: []
storage:
  tsdb:
    {storage}
"""

ALERTING = """\
alerting:
  alert_relabel_configs:
  - action: labeldrop
    regex: prometheus_replica
  alertmanagers: []
rule_files:
- {dir}/rules/*.yaml
"""


class Instance:
    """One running program in a directory of its own."""

    def __init__(self, agent=False, prefix="/", extra=(), config=None, web_config=""):
        self.dir = tempfile.mkdtemp(prefix="operator_args.")
        self.port = free_port()
        self.prefix = prefix
        self.config_file = os.path.join(self.dir, "prometheus.env.yaml")
        self.web_config_file = os.path.join(self.dir, "web-config.yaml")
        storage = "out_of_order_time_window: 0s" if agent else "retention: {time: 10d}"
        self.good_config = CONFIG.format(port=self.port, storage=storage)
        if not agent:
            self.good_config += ALERTING.format(dir=self.dir)
        self.write(self.config_file, self.good_config if config is None else config)
        self.write(self.web_config_file, web_config)
        arguments = [
            f"--config.file={self.config_file}",
            "--web.enable-lifecycle",
            f"--web.external-url=http://kps-prometheus.monitoring:9090{prefix}",
            f"--web.route-prefix={prefix}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.config.file={self.web_config_file}",
        ]
        if agent:
            arguments += ["--agent", f"--storage.agent.path={self.dir}/data",
                          "--storage.agent.wal-compression"]
        else:
            arguments += [f"--storage.tsdb.path={self.dir}/data", "--storage.tsdb.wal-compression",
                          "--web.enable-remote-write-receiver"]
        self.log = open(os.path.join(self.dir, "log"), "wb")
        self.process = subprocess.Popen([BINARY, *arguments, *extra], stdout=self.log,
                                        stderr=self.log)

    @staticmethod
    def write(path, text):
        with open(path + ".tmp", "w") as f:
            f.write(text)
        os.rename(path + ".tmp", path)

    def log_text(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as f:
            return f.read()

    def request(self, path, method="GET", body=None, headers=None):
        """Status and body; status 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, self.prefix.rstrip("/") + path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def data(self, path):
        status, body = self.request(path)
        assert status == 200, f"{path}: {status} {body}"
        return json.loads(body)["data"]

    def wait_until(self, condition, what):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.log_text()}")
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError(f"not in time: {what}\n{self.log_text()}")

    def wait_ready(self):
        self.wait_until(lambda: self.request("/-/ready")[0] == 200, "/-/ready")

    def end(self, how=signal.SIGTERM):
        """Asks for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout=60)
        finally:
            self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)


class OperatorArgsTest(unittest.TestCase):

    def start(self, **arguments):
        instance = Instance(**arguments)
        self.addCleanup(instance.close)
        return instance

    def test_server(self):
        server = self.start()
        server.wait_ready()
        self.assertIn("Server is ready to receive web requests.", server.log_text())
        self.assertEqual(server.request("/-/healthy")[0], 200)
        info = server.data("/api/v1/status/runtimeinfo")
        self.assertTrue(info["reloadConfigSuccess"])
        self.assertEqual(info["storageRetention"], "10d")
        self.assertIn("lastConfigTime", info)
        flags = server.data("/api/v1/status/flags")
        self.assertEqual(flags["web.enable-lifecycle"], "true")
        self.assertEqual(flags["storage.tsdb.path"], server.dir + "/data")
        self.assertEqual(flags["query.lookback-delta"], "5m")
        config = server.data("/api/v1/status/config")["yaml"]
        self.assertIn("prometheus_replica: prometheus-k8s-0", config)
        metrics = server.request("/metrics")[1]
        for line in ("prometheus_ready 1", "prometheus_config_last_reload_successful 1"):
            self.assertIn("\n" + line + "\n", metrics)
        self.assertIn("prometheus_build_info{", metrics)
        server.wait_until(
            lambda: server.data("/api/v1/query?query=up")["result"] != [], "a scrape of itself")
        self.assertEqual(server.end(), 0)

    def test_reload(self):
        server = self.start()
        server.wait_ready()
        before = server.data("/api/v1/status/runtimeinfo")["lastConfigTime"]
        time.sleep(1.1)  # lastConfigTime has seconds
        status, body = server.request("/-/reload", "POST")
        self.assertEqual(status, 200, body)
        self.assertNotEqual(server.data("/api/v1/status/runtimeinfo")["lastConfigTime"], before)
        server.write(server.config_file, "scrape_configs: [{job: typo}]")
        status, body = server.request("/-/reload", "POST")
        self.assertEqual(status, 500)
        self.assertIn("did you mean job_name?", body)
        self.assertFalse(server.data("/api/v1/status/runtimeinfo")["reloadConfigSuccess"])
        server.write(server.config_file, server.good_config)
        server.process.send_signal(signal.SIGHUP)
        server.wait_until(
            lambda: server.data("/api/v1/status/runtimeinfo")["reloadConfigSuccess"], "SIGHUP")
        self.assertEqual(server.request("/-/quit", "POST")[0], 200)
        self.assertEqual(server.process.wait(timeout=60), 0)

    def test_auto_reload(self):
        server = self.start(extra=["--config.auto-reload", "--config.auto-reload-interval=1s"])
        server.wait_ready()
        server.write(server.config_file, server.good_config.replace("k8s-0", "k8s-7"))
        server.wait_until(
            lambda: "k8s-7" in server.data("/api/v1/status/config")["yaml"], "auto-reload")
        self.assertEqual(server.end(signal.SIGINT), 0)

    def test_route_prefix(self):
        server = self.start(prefix="/prom")
        server.wait_ready()
        self.assertEqual(server.request("/api/v1/status/buildinfo")[0], 200)
        self.assertEqual(server.end(), 0)

    def test_lifecycle_is_off_without_its_flag(self):
        server = self.start(extra=["--no-web.enable-lifecycle"])
        # The operator's list has the flag; given twice it is a mistake.
        self.assertEqual(server.process.wait(timeout=60), 2)
        self.assertIn("cannot be repeated", server.log_text())

    def test_agent(self):
        received = []

        class Receiver(http.server.BaseHTTPRequestHandler):

            def do_POST(self):
                received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        self.addCleanup(receiver.server_close)
        self.addCleanup(receiver.shutdown)
        agent = self.start(agent=True)
        agent.wait_ready()
        self.assertIn("Agent", agent.request("/-/healthy")[1])
        url = f"http://127.0.0.1:{receiver.server_address[1]}/api/v1/write"
        agent.write(agent.config_file,
                    agent.good_config + f"remote_write:\n- url: {url}\n")
        self.assertEqual(agent.request("/-/reload", "POST")[0], 200)
        agent.wait_until(lambda: received, "a remote write")
        self.assertNotEqual(agent.request("/api/v1/query?query=up")[0], 200)
        self.assertEqual(agent.end(), 0)

    def test_the_store_is_found_again(self):
        server = self.start()
        server.wait_ready()
        server.wait_until(
            lambda: server.data("/api/v1/query?query=up")["result"] != [], "a scrape of itself")
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        server.process = subprocess.Popen(server.process.args, stdout=server.log,
                                          stderr=server.log)
        server.wait_ready()
        self.assertNotEqual(
            server.data("/api/v1/query?query=last_over_time(up[5m])")["result"], [])
        self.assertEqual(server.end(), 0)

    def exit_code_and_log(self, **arguments):
        instance = self.start(**arguments)
        return instance.process.wait(timeout=60), instance.log_text()

    def test_exit_codes(self):
        def f(code, part, **arguments):
            with self.subTest(part):
                got, log = self.exit_code_and_log(**arguments)
                self.assertEqual(got, code, log)
                self.assertIn(part, log)

        f(2, "unknown long flag '--nonsense'", extra=["--nonsense"])
        f(2, "did you mean job_name", config="scrape_configs: [{job: a}]")
        f(2, "--web.cors.origin", extra=["--web.cors.origin=("])
        f(3, "can not be used in agent mode", agent=True, extra=["--storage.tsdb.path=x"])
        f(3, "can only be used in agent mode", extra=["--storage.agent.path=x"])
        f(1, "web-config.yaml", web_config="tls: {}")
        f(2, "is not allowed in agent mode", agent=True, config="rule_files: [a.yaml]")

    def test_a_taken_port_and_a_locked_directory(self):
        first = self.start()
        first.wait_ready()
        code, log = self.exit_code_and_log(
            extra=[f"--web.listen-address=127.0.0.1:{first.port}"])
        self.assertEqual(code, 1, log)
        second = subprocess.run(
            [argument.replace(f":{first.port}", f":{free_port()}")
             for argument in first.process.args],
            capture_output=True, timeout=60)
        self.assertEqual(second.returncode, 1, second.stderr)
        self.assertEqual(first.end(), 0)

    def test_users_may_be_added_and_removed_while_running(self):
        # The password is "pass".
        users = ("basic_auth_users:\n"
                 "  alice: $2b$04$27iFdd2vr/tcHg7pJhw8UemEG.9M5unOdzCFQEq1ccjMm3WDb5sLq\n")
        server = self.start()
        server.wait_ready()
        server.write(server.web_config_file, users)
        server.wait_until(lambda: server.request("/-/healthy")[0] == 401, "auth")
        server.write(server.web_config_file, "basic_auth_users: [")
        time.sleep(1.5)
        self.assertEqual(server.request("/-/healthy")[0], 401)
        server.write(server.web_config_file, "")
        server.wait_until(lambda: server.request("/-/healthy")[0] == 200, "no auth")
        self.assertEqual(server.end(), 0)

    def test_version_and_help(self):
        for argument, part in (("--version", b", version "), ("--help", b"--config.file")):
            done = subprocess.run([BINARY, argument], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0)
            self.assertIn(part, done.stdout)

    def test_called_promtool(self):
        with tempfile.TemporaryDirectory() as directory:
            tool = os.path.join(directory, "promtool")
            os.symlink(os.path.abspath(BINARY), tool)
            good = os.path.join(directory, "good.yml")
            Instance.write(good, "scrape_configs: [{job_name: a}]")
            done = subprocess.run([tool, "check", "config", good], capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"SUCCESS", done.stdout)


if __name__ == "__main__":
    BINARY = sys.argv.pop(1)
    unittest.main(verbosity=2)
