"""Real servers for interop tests: ours and Debian's, each in a temporary folder on a free port."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools"))
from free_port import free_port

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SKIP = 77


def need(*programs):
    """Skips the test, saying why, when a program is not installed."""
    for program in programs:
        if shutil.which(program) is None:
            print(f"skipped: {program} is not installed (tools/install test installs it)")
            sys.exit(SKIP)


def wait_until(condition, timeout=60):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            if condition():
                return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


class Server:
    def __init__(self, argv, config="", ready="/-/ready", port=None):
        self.folder = tempfile.mkdtemp(prefix="tributary-interop-")
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config_path = os.path.join(self.folder, "config.yml")
        with open(config_path, "w", encoding="utf-8") as out:
            out.write(config.format(port=self.port))
        self.argv = [a.format(port=self.port, folder=self.folder, config=config_path)
                     for a in argv]
        self.ready = ready
        self.start()

    def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.child = subprocess.Popen(self.argv, stdout=log, stderr=log, cwd=self.folder)
        if not wait_until(lambda: self.get(self.ready) is not None):
            self.stop()
            raise SystemExit(f"{self.argv[0]} did not become ready:\n{self.log()}")

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as text:
            return text.read()[-3000:]

    def get(self, path, **params):
        query = "?" + urllib.parse.urlencode(params, doseq=True) if params else ""
        with OPENER.open(self.url + path + query, timeout=30) as response:
            return response.read()

    def api(self, path, **params):
        """(status, answer) of an API call, whatever the status."""
        try:
            return 200, json.loads(self.get("/api/v1" + path, **params))
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def query(self, expression, **params):
        status, answer = self.api("/query", query=expression, **params)
        if status != 200:
            raise OSError(f"{expression}: {answer}")
        return answer["data"]["result"]

    def counter(self, name):
        """The sum of one of its own counters over all labels."""
        return sum(float(line.rsplit(" ", 1)[1])
                   for line in self.get("/metrics").decode().splitlines()
                   if line.split("{")[0].split(" ")[0] == name)

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def tributary():
    return os.environ.get("TRIBUTARY_BINARY", "tributary")


SERVER_FLAGS = ["--config.file={config}", "--storage.tsdb.path={folder}/data",
                "--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver"]
AGENT_FLAGS = ["--config.file={config}", "--storage.agent.path={folder}/data",
               "--web.listen-address=127.0.0.1:{port}"]


def our_server(config=""):
    return Server([tributary(), *SERVER_FLAGS], config)


def our_agent(config):
    return Server([tributary(), "--agent", *AGENT_FLAGS], config)


def prometheus_server(config=""):
    return Server(["prometheus", *SERVER_FLAGS], config)


def prometheus_agent(config):
    return Server(["prometheus", "--enable-feature=agent", *AGENT_FLAGS], config)


def vmagent(scrape_config, remote_write_url):
    return Server(["vmagent", "-promscrape.config={config}",
                   f"-remoteWrite.url={remote_write_url}",
                   "-remoteWrite.tmpDataPath={folder}/data",
                   "-httpListenAddr=127.0.0.1:{port}"], scrape_config, ready="/health")


def victoria_metrics():
    return Server(["victoria-metrics", "-storageDataPath={folder}/data",
                   "-httpListenAddr=127.0.0.1:{port}", "-search.latencyOffset=0s"],
                  ready="/health")
