"""Kubernetes discovery against a real API server, beside a new Prometheus: all roles find the same targets with the same labels, and go on doing so while objects come, change and
go, the server is killed, history is compacted away, credentials are replaced and rights are missing.

  TRIBUTARY_KUBE_APISERVER   a kube-apiserver (1.34 was tried; etcd and etcdctl are in the path)
  TRIBUTARY_PEER_PROMETHEUS  the Prometheus (3.15 was tried; 3.14 has the older loadbalancer_ip of
                             services), built with enable_kubernetes_sd
The test is skipped without them."""

import os
import signal
import sys
import time

import servers
from kube_api import KubeApi

CROWD = 620  # pods: more than a page of a list

JOBS = {
    "node": "role: node",
    "pod": "role: pod, attach_metadata: {node: true, namespace: true}",
    "pod-owners": "role: pod, namespaces: {names: [shop]}, "
                  "attach_metadata: {deployment: true, job: true, cronjob: true}",
    "pod-selected": "role: pod, namespaces: {names: [shop, crowd]}, selectors: [{role: pod, "
                    'label: "app in (web,crowd)", field: "status.phase=Running"}]',
    "service": "role: service, attach_metadata: {namespace: true}",
    "endpoints": "role: endpoints, attach_metadata: {node: true}",
    "endpointslice": "role: endpointslice, attach_metadata: {node: true, namespace: true}",
    "ingress": "role: ingress",
}

# Nothing is really scraped: each target is a refused port, told apart by its labels.
JOB = """
  - job_name: {name}
    scrape_interval: 1h
    relabel_configs:
      - {{action: labelmap, regex: "__meta_(.+)"}}
      - {{source_labels: [__address__], target_label: found_address}}
      - {{target_label: __address__, replacement: "127.0.0.1:1"}}
    kubernetes_sd_configs: [{{{access}, {what}}}]
"""


def config_for(api, token_file, kubeconfig):
    access = (f'api_server: "{api.url}", tls_config: {{ca_file: "{api.path("tls.crt")}"}}, '
              f'authorization: {{credentials_file: "{token_file}"}}')
    jobs = [JOB.format(name=name, access=access, what=what) for name, what in JOBS.items()]
    jobs.append(JOB.format(name="by-kubeconfig", access=f'kubeconfig_file: "{kubeconfig}"',
                           what="role: service"))
    text = "global: {scrape_interval: 1h}\nscrape_configs:" + "".join(jobs)
    return text.replace("{", "{{").replace("}", "}}")


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{{name: here, context: {{cluster: local, user: admin}}}}]
clusters: [{{name: local, cluster: {{server: "{url}", certificate-authority: "{ca}"}}}}]
users: [{{name: admin, user: {{tokenFile: "{token}"}}}}]
"""


def node(name, address):
    return {"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "zone": "a"},
                         "annotations": {"example.com/rack": "r-1"}},
            "spec": {"providerID": f"demo:///{name}"},
            "status": {"addresses": [{"type": "Hostname", "address": name},
                                     {"type": "InternalIP", "address": address},
                                     {"type": "ExternalIP", "address": "203.0.113.7"}],
                       "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}}


def pod(name, address, app="web", on="n1", owner=None, phase="Running", containers=None,
        host_network=False, init=()):
    containers = containers or [{"name": "main", "image": "example.com/web:1", "ports": [
        {"name": "http", "containerPort": 8080}, {"name": "metrics", "containerPort": 9090},
        {"name": "dns", "containerPort": 53, "protocol": "UDP"}]}]
    spec = {"containers": containers, "nodeName": on, "hostNetwork": host_network}
    if init:
        spec["initContainers"] = list(init)
    metadata = {"name": name, "labels": {"app": app, "app.kubernetes.io/part-of": "shop"},
                "annotations": {"prometheus.io/scrape": "true"}}
    if owner:
        metadata["ownerReferences"] = [owner]
    status = {"phase": phase, "hostIP": "10.0.0.1",
              "conditions": [{"type": "Ready", "status": "True" if phase == "Running" else "False"}]}
    if address:
        status |= {"podIP": address, "podIPs": [{"ip": address}],
                   "containerStatuses": [
                       {"name": c["name"], "image": c["image"], "imageID": "i", "ready": True,
                        "restartCount": 0, "containerID": f"containerd://{name}-{c['name']}"}
                       for c in containers]}
    return {"metadata": metadata, "spec": spec, "status": status}


def owner_of(kind, made, api_version):
    return {"kind": kind, "name": made["metadata"]["name"], "uid": made["metadata"]["uid"],
            "apiVersion": api_version, "controller": True}


def ref(made, kind="Pod"):
    return {"kind": kind, "name": made["metadata"]["name"],
            "namespace": made["metadata"].get("namespace", ""), "uid": made["metadata"]["uid"]}


def template(app):
    return {"metadata": {"labels": {"app": app}},
            "spec": {"containers": [{"name": "main", "image": "example.com/x:1"}]}}


def fill(api):
    """A small cluster; its shop has all that the roles tell apart."""
    for name in ("shop", "crowd"):
        api.create("namespaces", {"metadata": {"name": name, "labels": {"team": name + "-team"},
                                               "annotations": {"owner": "someone"}}})
    for number in (1, 2):
        api.create("nodes", node(f"n{number}", f"10.0.0.{number}"))

    deployment = {"kind": "Deployment", "apiVersion": "apps/v1", "name": "web", "uid": "d-1",
                  "controller": True}
    replicas = api.create("replicasets", {
        "metadata": {"name": "web-5d4", "ownerReferences": [deployment]},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template("web")}}, "shop")
    cron = {"kind": "CronJob", "apiVersion": "batch/v1", "name": "nightly", "uid": "c-1",
            "controller": True}
    run = template("job")
    run["spec"]["restartPolicy"] = "Never"
    job = api.create("jobs", {"metadata": {"name": "nightly-28", "ownerReferences": [cron]},
                              "spec": {"template": run}}, "shop")

    web = [api.create("pods", pod(f"web-5d4-{i}", f"10.1.0.{i + 1}",
                                  owner=owner_of("ReplicaSet", replicas, "apps/v1")), "shop")
           for i in range(2)]
    api.create("pods", pod("nightly-28-x", "10.1.0.9", app="job",
                           owner=owner_of("Job", job, "batch/v1")), "shop")
    db = api.create("pods", pod(
        "db-0", "fd00::5", app="db", on="n2",
        containers=[{"name": "db", "image": "example.com/db:2"},
                    {"name": "exporter", "image": "example.com/exporter:3",
                     "ports": [{"containerPort": 9187}]}],
        init=[{"name": "wait", "image": "example.com/wait:1", "ports": [{"containerPort": 1234}]}]),
        "shop")
    api.create("pods", pod("host", "10.0.0.2", app="host", on="n2", host_network=True,
                           containers=[{"name": "main", "image": "example.com/host:1",
                                        "ports": [{"containerPort": 9100}]}]), "shop")
    api.create("pods", pod("pending", "", app="web", phase="Pending"), "shop")
    for i in range(CROWD):
        api.create("pods", pod(f"crowd-{i:03}", f"10.2.{i // 250}.{i % 250 + 1}", app="crowd"),
                   "crowd")

    api.create("services", {
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"a/b": "c"}},
        "spec": {"selector": {"app": "web"}, "ports": [
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "dns", "port": 53, "protocol": "UDP"}]}}, "shop")
    api.create("services", {
        "metadata": {"name": "front"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 443}]},
        "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.9"}]}}}, "shop")
    api.create("services", {
        "metadata": {"name": "outside"},
        "spec": {"type": "ExternalName", "externalName": "db.example.com",
                 "ports": [{"name": "sql", "port": 5432}]}}, "shop")
    api.create("services", {"metadata": {"name": "headless"},
                            "spec": {"clusterIP": "None", "ports": [{"port": 9187}]}}, "shop")

    api.create("endpoints", {
        "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"e": "f"}},
        "subsets": [{"addresses": [
            {"ip": "10.1.0.1", "nodeName": "n1", "targetRef": ref(web[0])},
            {"ip": "10.1.9.9", "hostname": "odd-one"}],
            "notReadyAddresses": [{"ip": "10.1.0.2", "nodeName": "n1", "targetRef": ref(web[1])}],
            "ports": [{"name": "http", "port": 8080}, {"name": "dns", "port": 53,
                                                       "protocol": "UDP"}]}]}, "shop")
    api.create("endpointslices", {
        "metadata": {"name": "web-abc", "labels": {"kubernetes.io/service-name": "web"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.1.0.1"], "nodeName": "n1", "zone": "a", "targetRef": ref(web[0]),
             "conditions": {"ready": True, "serving": True, "terminating": False},
             "hints": {"forZones": [{"name": "a"}]}},
            {"addresses": ["10.1.0.2"], "targetRef": ref(web[1]), "conditions": {"ready": False}},
            {"addresses": ["10.0.0.2"], "hostname": "by-node",
             "targetRef": {"kind": "Node", "name": "n2"}}],
        "ports": [{"name": "http", "port": 8080, "appProtocol": "http"}]}, "shop")
    api.create("endpointslices", {
        "metadata": {"name": "db-six", "labels": {"kubernetes.io/service-name": "headless"}},
        "addressType": "IPv6",
        "endpoints": [{"addresses": ["fd00::5"], "nodeName": "n2", "targetRef": ref(db)}],
        "ports": [{"port": 9187}]}, "shop")

    def backend(name):
        return {"service": {"name": name, "port": {"number": 80}}}
    api.create("ingresses", {
        "metadata": {"name": "shop", "labels": {"app": "web"}},
        "spec": {"ingressClassName": "nginx",
                 "tls": [{"hosts": ["shop.example.com"]}],
                 "rules": [
                     {"host": "shop.example.com", "http": {"paths": [
                         {"path": "/", "pathType": "Prefix", "backend": backend("web")},
                         {"path": "/api", "pathType": "Exact", "backend": backend("web")}]}},
                     {"host": "plain.example.com", "http": {"paths": [
                         {"pathType": "ImplementationSpecific", "backend": backend("web")}]}},
                     {"http": {"paths": [
                         {"path": "/any", "pathType": "Prefix", "backend": backend("web")}]}}]}},
        "shop")


def found(server):
    """job -> the label sets that discovery found."""
    _, answer = server.api("/targets", state="any")
    sets = {}
    for target in answer["data"]["activeTargets"] + answer["data"]["droppedTargets"]:
        labels = target["discoveredLabels"]
        sets.setdefault(labels["job"], []).append(tuple(sorted(labels.items())))
    return {job: sorted(targets) for job, targets in sets.items()}


class Check:
    def __init__(self, ours, theirs):
        self.ours, self.theirs = ours, theirs

    def same(self, when, also=lambda targets: True):
        """Waits until both have found the same, and what `also` asks for; a Prometheus that was refused
        may ask again after more than a minute only."""
        last = {}

        def is_same():
            last["ours"], last["theirs"] = found(self.ours), found(self.theirs)
            return (set(last["ours"]) == {*JOBS, "by-kubeconfig"} and
                    last["ours"] == last["theirs"] and also(last["ours"]))
        began = time.monotonic()
        if servers.wait_until(is_same, 150):
            counts = {job: len(targets) for job, targets in last["ours"].items()}
            print(f"ok: {when}: {counts}, after {time.monotonic() - began:.1f} s", flush=True)
            return
        for job in sorted({*JOBS, *last["ours"], *last["theirs"]}):
            ours, theirs = (set(last[who].get(job, [])) for who in ("ours", "theirs"))
            for who, sets in (("ours", ours - theirs), ("theirs", theirs - ours)):
                for labels in sorted(sets)[:3]:
                    print(f"{job}: only {who}: {dict(labels)}")
        raise SystemExit(f"{when}: not the same after 150 s\n{self.ours.log()}")


def has(job, name, value):
    return lambda targets: any((name, value) in labels for labels in targets[job])


def lacks(job, name, value):
    return lambda targets: not has(job, name, value)(targets)


POD_NAME = "__meta_kubernetes_pod_name"


def failures(server):
    return server.counter("prometheus_sd_kubernetes_failures_total")


def check_changes(api, check):
    api.patch("pods", "web-5d4-0", {"metadata": {"labels": {"canary": "yes"}}}, "shop")
    api.delete("pods", "db-0", "shop")
    api.create("pods", pod("late", "10.1.0.77", app="web"), "shop")
    api.patch("nodes", "n1", {"metadata": {"labels": {"zone": "b"}}})
    api.patch("namespaces", "shop", {"metadata": {"labels": {"team": "other"}}})
    api.patch("services", "web", {"metadata": {"annotations": {"a/b": "d"}}}, "shop")
    api.delete("services", "front", "shop")
    api.patch("endpoints", "web", {"subsets": [{"addresses": [{"ip": "10.1.9.10"}],
                                                "ports": [{"port": 1}]}]}, "shop")
    api.delete("endpointslices", "db-six", "shop")
    api.delete("ingresses", "shop", "shop")
    api.create("ingresses", {"metadata": {"name": "again"}, "spec": {"rules": [
        {"host": "again.example.com", "http": {"paths": [
            {"path": "/", "pathType": "Prefix",
             "backend": {"service": {"name": "web", "port": {"number": 80}}}}]}}]}}, "shop")
    check.same("after changes", has("pod", POD_NAME, "late"))


def check_outage(api, check):
    api.kill()
    time.sleep(3)
    api.start()
    api.create("pods", pod("after-kill", "10.1.0.78", app="web"), "shop")
    check.same("after the server was killed", has("pod", POD_NAME, "after-kill"))


def check_compaction(api, check):
    """While ours sleeps, history goes on and is forgotten."""
    check.ours.child.send_signal(signal.SIGSTOP)
    try:
        api.delete("pods", "after-kill", "shop")
        api.create("pods", pod("unseen", "10.1.0.79", app="web"), "shop")
        for i in range(50):
            api.patch("pods", "unseen", {"metadata": {"annotations": {"n": str(i)}}}, "shop")
        api.kill()
        api.compact()
        api.start()
        servers.wait_until(lambda: has("pod", POD_NAME, "unseen")(found(check.theirs)))
        lists = api.lists_of("pods")
    finally:
        check.ours.child.send_signal(signal.SIGCONT)
    check.same("after history was compacted away",
               lambda targets: has("pod", POD_NAME, "unseen")(targets) and
               lacks("pod", POD_NAME, "after-kill")(targets))
    if api.lists_of("pods") <= lists:
        raise SystemExit("nobody has listed again: the watch was not refused, nothing was tested")


def check_new_token(api, check, token_file):
    """The old one is refused from the server's restart on; the new one is in the file by then."""
    api.kill()
    api.set_tokens(admin="another-token", watcher="watcher-token")
    with open(token_file, "w", encoding="utf-8") as out:
        out.write("another-token")
    api.start()
    api.create("pods", pod("after-rotation", "10.1.0.80", app="web"), "shop")
    check.same("with another token", has("pod", POD_NAME, "after-rotation"))


def check_rights(api, check, token_file):
    """Who may not list is told so and goes on asking, and all that was found stays."""
    before = failures(check.ours)
    api.kill()
    api.set_tokens(admin="admin-token", watcher="watcher-token")
    with open(token_file, "w", encoding="utf-8") as out:
        out.write("watcher-token")
    api.start()
    if not servers.wait_until(lambda: failures(check.ours) > before):
        raise SystemExit("being refused is not counted in prometheus_sd_kubernetes_failures_total")
    check.same("while refused", has("pod", POD_NAME, "after-rotation"))
    api.create("clusterrolebindings", {
        "metadata": {"name": "watcher"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                    "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User",
                      "name": "watcher"}]})
    api.create("pods", pod("after-rights", "10.1.0.81", app="web"), "shop")
    check.same("with rights again", has("pod", POD_NAME, "after-rights"))


def main():
    binary, peer = (os.environ.get(name, "")
                    for name in ("TRIBUTARY_KUBE_APISERVER", "TRIBUTARY_PEER_PROMETHEUS"))
    if not os.access(binary, os.X_OK) or not os.access(peer, os.X_OK):
        print("skipped: TRIBUTARY_KUBE_APISERVER and TRIBUTARY_PEER_PROMETHEUS do not name a "
              "kube-apiserver and a Prometheus")
        sys.exit(servers.SKIP)
    servers.need("etcd", "etcdctl", "openssl")
    api = KubeApi(binary)
    pair = []
    try:
        fill(api)
        token_file, kubeconfig = api.path("token"), api.path("kubeconfig")
        with open(token_file, "w", encoding="utf-8") as out:
            out.write("admin-token")
        with open(kubeconfig, "w", encoding="utf-8") as out:
            out.write(KUBECONFIG.format(url=api.url, ca=api.path("tls.crt"), token=token_file))
        config = config_for(api, token_file, kubeconfig)
        for program in (servers.tributary(), peer):
            pair.append(servers.Server([program, *servers.SERVER_FLAGS], config))
        check = Check(*pair)
        check.same("at first", lambda targets: len(targets["pod-selected"]) > CROWD)
        check_changes(api, check)
        check_outage(api, check)
        check_compaction(api, check)
        check_new_token(api, check, token_file)
        check_rights(api, check, token_file)
    finally:
        for server in pair:
            server.close()
        api.close()


if __name__ == "__main__":
    main()
