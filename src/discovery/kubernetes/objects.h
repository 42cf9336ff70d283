// Kubernetes objects, reduced to the fields that target groups are made of: a cluster's fifty
// thousand pods are held in memory. Source of fields: k8s.io/api core/v1, discovery/v1,
// networking/v1. Immutable once read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tributary::discovery::kubernetes {

class Json;

enum class Kind : unsigned char {
  kPod,
  kService,
  kNode,
  kNamespace,
  kEndpoints,
  kEndpointSlice,
  kIngress,
  kReplicaSet,
  kJob,
};
inline constexpr size_t kKindCount = 9;

using NameValues = std::vector<std::pair<std::string, std::string>>;

struct Meta {
  std::string name_space;  // "" for nodes and namespaces
  std::string name;
  NameValues labels, annotations;
  std::string_view Label(std::string_view label_name) const;  // "" when absent
  // "ns/name", or "name" for what lives in no namespace: unique within a kind.
  std::string Key() const;
};
std::string NamespacedName(std::string_view name_space, std::string_view name);

struct Object {
  virtual ~Object() = default;
  Meta meta;
};
using ObjectPtr = std::shared_ptr<const Object>;

// What made an object and looks after it; empty when nothing does.
struct Controller {
  std::string kind, name;
};

struct ContainerPort {
  std::string name, protocol;
  int64_t port = 0;
};
struct Container {
  std::string name, id, image;
  bool init = false;
  std::vector<ContainerPort> ports;
};
struct Pod final : Object {
  static constexpr Kind kKind = Kind::kPod;
  std::string uid, ip, host_ip, phase, node_name;
  std::string ready = "unknown";  // "true", "false" or "unknown"
  Controller controller;
  std::vector<Container> containers;  // the init containers come last
};

// Links between a pod and the Deployment or CronJob above its controller. Their labels and
// annotations are not kept.
struct ReplicaSet final : Object {
  static constexpr Kind kKind = Kind::kReplicaSet;
  Controller controller;
};
struct Job final : Object {
  static constexpr Kind kKind = Kind::kJob;
  Controller controller;
};

struct ServicePort {
  std::string name, protocol;
  int64_t port = 0;
};
struct Service final : Object {
  static constexpr Kind kKind = Kind::kService;
  std::string type, cluster_ip, external_name;
  std::string load_balancer_ips;  // joined with commas
  std::string ip_family_policy, first_ip_family;
  std::vector<ServicePort> ports;
};

struct Node final : Object {
  static constexpr Kind kKind = Kind::kNode;
  std::string provider_id;
  NameValues conditions;  // (type, status), in lower case
  NameValues addresses;   // (type, address)
  int64_t kubelet_port = 0;
};

struct Namespace final : Object {
  static constexpr Kind kKind = Kind::kNamespace;
};

struct ObjectReference {
  std::string kind, name_space, name;
};

struct EndpointAddress {
  std::string ip, hostname;
  std::optional<std::string> node_name;
  std::optional<ObjectReference> target;
  bool ready = true;
};
struct EndpointPort {
  std::string name, protocol;
  int64_t port = 0;
};
struct EndpointSubset {
  std::vector<EndpointAddress> addresses;  // the ones that are not ready come last
  std::vector<EndpointPort> ports;
};
struct Endpoints final : Object {
  static constexpr Kind kKind = Kind::kEndpoints;
  std::vector<EndpointSubset> subsets;
};

struct SlicePort {
  std::string name, protocol, app_protocol;
  std::optional<int64_t> port;
};
struct SliceEndpoint {
  std::vector<std::string> addresses;
  std::optional<bool> ready, serving, terminating;
  std::string hostname, zone;
  std::optional<std::string> node_name;
  std::optional<ObjectReference> target;
  NameValues topology;
};
struct EndpointSlice final : Object {
  static constexpr Kind kKind = Kind::kEndpointSlice;
  std::string address_type;
  std::vector<SlicePort> ports;
  std::vector<SliceEndpoint> endpoints;
};

struct IngressRule {
  std::string host;
  std::vector<std::string> paths;
};
struct Ingress final : Object {
  static constexpr Kind kKind = Kind::kIngress;
  std::string class_name;
  std::vector<std::string> tls_hosts;
  std::vector<IngressRule> rules;
};

// The object of that kind; null when it has no name.
ObjectPtr ReadObject(Kind kind, const Json& json);
// Each in the role's file.
std::shared_ptr<Object> ReadPod(const Json& json);
std::shared_ptr<Object> ReadService(const Json& json);
std::shared_ptr<Object> ReadNode(const Json& json);
std::shared_ptr<Object> ReadEndpoints(const Json& json);
std::shared_ptr<Object> ReadEndpointSlice(const Json& json);
std::shared_ptr<Object> ReadIngress(const Json& json);
std::optional<ObjectReference> ReadReference(const Json& json);
Controller ReadController(const Json& metadata);

}  // namespace tributary::discovery::kubernetes
