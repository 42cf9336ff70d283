// Role pod: one target for each declared container port, or one for a container without ports.
#include "base/strings.h"
#include "discovery/kubernetes/json.h"
#include "discovery/kubernetes/roles.h"

namespace tributary::discovery::kubernetes {
namespace {

void ReadContainers(const Json& specs, const Json& statuses, bool init,
                    std::vector<Container>* out) {
  specs.Each([&](const Json& spec) {
    Container& container = out->emplace_back();
    container.name = spec["name"].String();
    container.image = spec["image"].String();
    container.init = init;
    spec["ports"].Each([&](const Json& port) {
      container.ports.push_back({port["name"].String(), port["protocol"].String(),
                                 port["containerPort"].Int().value_or(0)});
    });
    statuses.Each([&](const Json& status) {
      if (container.id.empty() && status["name"].Text() == container.name) {
        container.id = status["containerID"].String();
      }
    });
  });
}

// Name of what controls the pod's controller, when that is a T under an object of `kind`.
template <class T>
const std::string* NameAbove(const Pod& pod, std::string_view kind, ClusterView& view) {
  const auto* between = view.Find<T>(NamespacedName(pod.meta.name_space, pod.controller.name));
  if (between == nullptr || between->controller.kind != kind) return nullptr;
  return &between->controller.name;
}

void AddWorkloadLabels(const Pod& pod, ClusterView& view, const RoleOptions& options,
                       MetaLabels* labels) {
  if (pod.controller.kind == "ReplicaSet" && options.attach_deployment) {
    const std::string* name = NameAbove<ReplicaSet>(pod, "Deployment", view);
    if (name != nullptr) labels->Add("pod_deployment_name", *name);
  }
  if (pod.controller.kind == "Job") {
    if (options.attach_job) labels->Add("pod_job_name", pod.controller.name);
    if (!options.attach_cronjob) return;
    const std::string* name = NameAbove<Job>(pod, "CronJob", view);
    if (name != nullptr) labels->Add("pod_cronjob_name", *name);
  }
}

}  // namespace

std::shared_ptr<Object> ReadPod(const Json& json) {
  auto pod = std::make_shared<Pod>();
  const Json meta = json["metadata"];
  const Json spec = json["spec"];
  const Json status = json["status"];
  pod->uid = meta["uid"].String();
  pod->ip = status["podIP"].String();
  pod->host_ip = status["hostIP"].String();
  pod->phase = status["phase"].String();
  pod->node_name = spec["nodeName"].String();
  bool ready_known = false;
  status["conditions"].Each([&](const Json& condition) {
    if (ready_known || condition["type"].Text() != "Ready") return;
    ready_known = true;
    pod->ready = base::ToLower(condition["status"].Text());
  });
  pod->controller = ReadController(meta);
  ReadContainers(spec["containers"], status["containerStatuses"], false, &pod->containers);
  ReadContainers(spec["initContainers"], status["initContainerStatuses"], true, &pod->containers);
  pod->containers.shrink_to_fit();
  return pod;
}

void AddPodLabels(const Pod& pod, ClusterView& view, const RoleOptions& options,
                  MetaLabels* labels) {
  labels->Add("pod_ip", pod.ip);
  labels->Add("pod_ready", pod.ready);
  labels->Add("pod_phase", pod.phase);
  labels->Add("pod_node_name", pod.node_name);
  labels->Add("pod_host_ip", pod.host_ip);
  labels->Add("pod_uid", pod.uid);
  labels->AddMeta("pod", pod.meta);
  labels->Add("pod_controller_kind", pod.controller.kind);
  labels->Add("pod_controller_name", pod.controller.name);
  AddWorkloadLabels(pod, view, options, labels);
}

void AddContainerLabels(const Container& container, const ContainerPort& port, MetaLabels* labels) {
  labels->Add("pod_container_name", container.name);
  labels->Add("pod_container_image", container.image);
  labels->Add("pod_container_port_name", port.name);
  labels->Add("pod_container_port_number", std::to_string(port.port));
  labels->Add("pod_container_port_protocol", port.protocol);
  labels->AddBool("pod_container_init", container.init);
}

std::optional<config::TargetGroup> BuildPod(const Object& object, ClusterView& view,
                                            const RoleOptions& options) {
  const auto& pod = static_cast<const Pod&>(object);
  config::TargetGroup group;
  // A pod without address is starting or was evicted.
  if (pod.ip.empty()) return group;
  // The node selector hides nodes, and with them their pods.
  if (options.attach_node && view.Find<Node>(pod.node_name) == nullptr) return group;

  MetaLabels labels;
  AddPodLabels(pod, view, options, &labels);
  labels.Add("namespace", pod.meta.name_space);
  if (options.attach_node) AddNodeLabels(pod.node_name, view, &labels);
  AddNamespaceLabels(pod.meta, view, options, &labels);
  group.labels = labels.Build();

  for (const Container& container : pod.containers) {
    if (container.ports.empty()) {
      labels.AddPlain("__address__", pod.ip);
      labels.Add("pod_container_name", container.name);
      labels.Add("pod_container_id", container.id);
      labels.Add("pod_container_image", container.image);
      labels.AddBool("pod_container_init", container.init);
      group.targets.push_back(labels.Build());
    }
    for (const ContainerPort& port : container.ports) {
      labels.AddPlain("__address__", JoinHostPort(pod.ip, port.port));
      labels.Add("pod_container_id", container.id);
      AddContainerLabels(container, port, &labels);
      group.targets.push_back(labels.Build());
    }
  }
  return group;
}

}  // namespace tributary::discovery::kubernetes
