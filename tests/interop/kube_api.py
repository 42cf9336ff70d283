"""A real kube-apiserver over Debian's etcd, on loopback, with nobody else in the cluster: what a
controller or kubelet would write is written by the test."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import urllib.error
import urllib.request

import servers
from free_port import free_port

PATHS = {"namespaces": "/api/v1", "nodes": "/api/v1", "pods": "/api/v1", "services": "/api/v1",
         "endpoints": "/api/v1", "endpointslices": "/apis/discovery.k8s.io/v1",
         "ingresses": "/apis/networking.k8s.io/v1", "replicasets": "/apis/apps/v1",
         "jobs": "/apis/batch/v1",
         "clusterrolebindings": "/apis/rbac.authorization.k8s.io/v1"}


class KubeApi:
    """close() when done."""

    def __init__(self, binary):
        self.binary = binary
        self.folder = tempfile.mkdtemp(prefix="tributary-kube-")
        self.etcd_port, peer_port, self.port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.children = []
        try:
            self.begin(peer_port)
        except BaseException:
            self.close()
            raise

    def begin(self, peer_port):
        self.make_keys()
        self.set_tokens(admin="admin-token", watcher="watcher-token")
        client = f"http://127.0.0.1:{self.etcd_port}"
        self.etcd = self.spawn("etcd", ["etcd", "--data-dir", self.path("etcd"),
                                        "--listen-client-urls", client,
                                        "--advertise-client-urls", client,
                                        "--listen-peer-urls", f"http://127.0.0.1:{peer_port}",
                                        "--initial-advertise-peer-urls",
                                        f"http://127.0.0.1:{peer_port}",
                                        "--initial-cluster", f"default=http://127.0.0.1:{peer_port}",
                                        "--unsafe-no-fsync"])
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def make_keys(self):
        def openssl(*args):
            subprocess.run(["openssl", *args], check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=kube-apiserver", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", self.path("tls.key"), "-out", self.path("tls.crt"))
        openssl("genrsa", "-out", self.path("sa.key"), "2048")
        openssl("rsa", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub"))

    def set_tokens(self, **tokens):
        """Of users; `admin` may do all. In force from the next start on."""
        with open(self.path("tokens.csv"), "w", encoding="utf-8") as out:
            for user, token in tokens.items():
                group = ',"system:masters"' if user == "admin" else ""
                out.write(f"{token},{user},{user}{group}\n")
        self.token = tokens["admin"]

    def spawn(self, name, argv):
        with open(self.path(name + ".log"), "ab") as log:
            child = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder)
        self.children.append(child)
        return child

    def start(self):
        self.server = self.spawn("kube-apiserver", [
            self.binary, f"--etcd-servers=http://127.0.0.1:{self.etcd_port}",
            f"--secure-port={self.port}", "--bind-address=127.0.0.1",
            "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/24",
            f"--tls-cert-file={self.path('tls.crt')}",
            f"--tls-private-key-file={self.path('tls.key')}",
            f"--token-auth-file={self.path('tokens.csv')}", "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount", "--etcd-compaction-interval=0",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.path('sa.pub')}",
            f"--service-account-signing-key-file={self.path('sa.key')}"])
        if not servers.wait_until(lambda: self.get("/readyz") == b"ok", 90):
            raise SystemExit(f"kube-apiserver did not become ready:\n{self.log()}")

    def kill(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()

    def log(self):
        with open(self.path("kube-apiserver.log"), encoding="utf-8", errors="replace") as text:
            return text.read()[-3000:]

    def compact(self):
        """etcd forgets all that was before now: who watched from there has to list again."""
        endpoint = f"--endpoints=http://127.0.0.1:{self.etcd_port}"
        environment = {**os.environ, "ETCDCTL_API": "3"}
        status = subprocess.run(["etcdctl", endpoint, "endpoint", "status", "-w", "json"],
                                env=environment, check=True, capture_output=True)
        revision = json.loads(status.stdout)[0]["Status"]["header"]["revision"]
        subprocess.run(["etcdctl", endpoint, "compact", "--physical", str(revision)],
                       env=environment, check=True, capture_output=True)

    def get(self, path):
        return self.call("GET", path)

    def call(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": kind})
        context = ssl.create_default_context(cafile=self.path("tls.crt"))
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            if error.code >= 500:
                raise  # not ready yet: an OSError, as one that refuses
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error

    @staticmethod
    def collection(plural, namespace):
        return PATHS[plural] + (f"/namespaces/{namespace}" if namespace else "") + "/" + plural

    def create(self, plural, item, namespace=""):
        """With its status, which the API takes in a second step only. Returns what was stored."""
        path = self.collection(plural, namespace)
        made = json.loads(self.call("POST", path, item))
        if "status" not in item:
            return made
        return json.loads(self.call("PATCH", f"{path}/{item['metadata']['name']}/status",
                                    {"status": item["status"]}, "application/merge-patch+json"))

    def patch(self, plural, name, change, namespace=""):
        self.call("PATCH", f"{self.collection(plural, namespace)}/{name}", change,
                  "application/merge-patch+json")

    def delete(self, plural, name, namespace=""):
        self.call("DELETE", f"{self.collection(plural, namespace)}/{name}",
                  {"gracePeriodSeconds": 0})

    def lists_of(self, plural):
        """How many lists of it the server has answered since its start."""
        count = 0
        for line in self.get("/metrics").decode().splitlines():
            if (line.startswith("apiserver_request_total{") and f'resource="{plural}"' in line and
                    'verb="LIST"' in line):
                count += float(line.rsplit(" ", 1)[1])
        return count

    def close(self):
        for child in reversed(self.children):
            child.kill()
            child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
