#include "discovery/kubernetes/roles.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "discovery/kubernetes/group_index.h"
#include "discovery/kubernetes/json.h"

namespace tributary::discovery::kubernetes {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Names get the prefix __meta_kubernetes_, except the few that are no meta labels.
model::Labels L(Pairs pairs) {
  for (auto& [name, value] : pairs) {
    if (!name.starts_with("__") && name != "instance") name = "__meta_kubernetes_" + name;
  }
  return model::Labels::FromPairs(std::move(pairs));
}

Pairs Join(Pairs a, const Pairs& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class RolesTest : public ::testing::Test {
 protected:
  // Returns its key.
  std::string Put(Kind kind, const std::string& text) {
    simdjson::dom::parser parser;
    ObjectPtr object = ReadObject(kind, Json(parser.parse(text).value()));
    EXPECT_TRUE(object) << text;
    std::string key = object->meta.Key();
    cluster_.Put(kind, key, std::move(object));
    return key;
  }
  std::optional<config::TargetGroup> Build(const std::string& role_name, const std::string& key) {
    const Role* role = FindRole(role_name);
    ClusterView view(cluster_);
    return role->build(*cluster_.Find(role->kind, key), view, options_);
  }
  void Expect(const std::string& role, const std::string& key, const Pairs& labels,
              const std::vector<Pairs>& targets) {
    const auto group = Build(role, key);
    ASSERT_TRUE(group);
    EXPECT_EQ(group->labels.ToString(), L(labels).ToString());
    ASSERT_EQ(group->targets.size(), targets.size());
    for (size_t i = 0; i < targets.size(); ++i) {
      EXPECT_EQ(group->targets[i].ToString(), L(targets[i]).ToString()) << "target " << i;
    }
  }

  Cluster cluster_;
  RoleOptions options_;
};

constexpr const char* kPod = R"({"metadata": {"name": "web-1", "namespace": "shop", "uid": "u-1",
  "labels": {"app.kubernetes.io/name": "web", "empty": ""}, "annotations": {"a/b": "c"},
  "ownerReferences": [{"kind": "Other", "name": "no"},
                      {"kind": "ReplicaSet", "name": "web", "controller": true}]},
  "spec": {"nodeName": "n1",
    "containers": [
      {"name": "main", "image": "web:1",
       "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"},
                 {"name": "dns", "containerPort": 53, "protocol": "UDP"}]},
      {"name": "side", "image": "side:1"}],
    "initContainers": [{"name": "init", "image": "init:1"}]},
  "status": {"phase": "Running", "podIP": "10.0.0.1", "hostIP": "192.168.0.1",
    "conditions": [{"type": "Initialized", "status": "False"}, {"type": "Ready", "status": "True"}],
    "containerStatuses": [{"name": "main", "containerID": "docker://m"}],
    "initContainerStatuses": [{"name": "init", "containerID": "docker://i"}]}})";

const Pairs& PodLabels() {
  static const Pairs kLabels = {{"pod_name", "web-1"},
                                {"pod_label_app_kubernetes_io_name", "web"},
                                {"pod_labelpresent_app_kubernetes_io_name", "true"},
                                {"pod_labelpresent_empty", "true"},
                                {"pod_annotation_a_b", "c"},
                                {"pod_annotationpresent_a_b", "true"},
                                {"pod_ip", "10.0.0.1"},
                                {"pod_ready", "true"},
                                {"pod_phase", "Running"},
                                {"pod_node_name", "n1"},
                                {"pod_host_ip", "192.168.0.1"},
                                {"pod_uid", "u-1"},
                                {"pod_controller_kind", "ReplicaSet"},
                                {"pod_controller_name", "web"}};
  return kLabels;
}

Pairs MainContainer(const char* port, const char* name, const char* protocol) {
  return {{"pod_container_name", "main"},
          {"pod_container_image", "web:1"},
          {"pod_container_port_number", port},
          {"pod_container_port_name", name},
          {"pod_container_port_protocol", protocol},
          {"pod_container_init", "false"}};
}

const std::vector<Pairs>& PodTargets() {
  static const std::vector<Pairs> kTargets = {
      Join({{"__address__", "10.0.0.1:8080"}, {"pod_container_id", "docker://m"}},
           MainContainer("8080", "http", "TCP")),
      Join({{"__address__", "10.0.0.1:53"}, {"pod_container_id", "docker://m"}},
           MainContainer("53", "dns", "UDP")),
      {{"__address__", "10.0.0.1"},
       {"pod_container_name", "side"},
       {"pod_container_image", "side:1"},
       {"pod_container_init", "false"}},
      {{"__address__", "10.0.0.1"},
       {"pod_container_name", "init"},
       {"pod_container_id", "docker://i"},
       {"pod_container_image", "init:1"},
       {"pod_container_init", "true"}}};
  return kTargets;
}

TEST_F(RolesTest, Pod) {
  const std::string key = Put(Kind::kPod, kPod);
  EXPECT_EQ(key, "shop/web-1");
  Expect("pod", key, Join(PodLabels(), {{"namespace", "shop"}}), PodTargets());
}

TEST_F(RolesTest, PodWithoutAddressHasNoTargets) {
  const std::string key = Put(Kind::kPod, R"({"metadata": {"name": "a", "namespace": "b"},
    "spec": {"containers": [{"name": "c"}]}, "status": {"phase": "Pending"}})");
  Expect("pod", key, {}, {});
}

TEST_F(RolesTest, PodWithNodeAndNamespaceMetadata) {
  const std::string key = Put(Kind::kPod, kPod);
  options_ = {.attach_node = true, .attach_namespace = true};
  Expect("pod", key, {}, {});  // its node is hidden by the selector
  Put(Kind::kNode, R"({"metadata": {"name": "n1", "labels": {"zone": "z"}}})");
  Put(Kind::kNamespace, R"({"metadata": {"name": "shop", "annotations": {"team": "t"}}})");
  Expect("pod", key,
         Join(PodLabels(), {{"namespace", "shop"},
                            {"node_name", "n1"},
                            {"node_label_zone", "z"},
                            {"node_labelpresent_zone", "true"},
                            {"namespace_annotation_team", "t"},
                            {"namespace_annotationpresent_team", "true"}}),
         PodTargets());
}

TEST_F(RolesTest, Node) {
  const std::string key = Put(Kind::kNode, R"({"metadata": {"name": "n1", "labels": {"a-b": "c"}},
    "spec": {"providerID": "cloud:///1"},
    "status": {"addresses": [{"type": "Hostname", "address": "host"},
                             {"type": "InternalIP", "address": "fe80::1"},
                             {"type": "InternalIP", "address": "10.1.1.1"}],
      "conditions": [{"type": "Ready", "status": "True"},
                     {"type": "DiskPressure", "status": "Unknown"}],
      "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}}}})");
  Expect("node", key,
         {{"node_name", "n1"},
          {"node_label_a_b", "c"},
          {"node_labelpresent_a_b", "true"},
          {"node_provider_id", "cloud:///1"},
          {"node_condition_ready", "true"},
          {"node_condition_diskpressure", "unknown"}},
         {{{"__address__", "[fe80::1]:10250"},
           {"instance", "n1"},
           {"node_address_InternalIP", "fe80::1"},
           {"node_address_Hostname", "host"}}});
  EXPECT_FALSE(Build("node", Put(Kind::kNode, R"({"metadata": {"name": "no-address"}})")));
}

TEST_F(RolesTest, Service) {
  const auto f = [&](const std::string& spec, const std::string& status, const Pairs& want) {
    const std::string key =
        Put(Kind::kService, R"({"metadata": {"name": "s", "namespace": "n"}, "spec": {)" + spec +
                                R"("ports": [{"name": "http", "port": 80, "protocol": "TCP"}]},
                                "status": )" +
                                status + "}");
    const Pairs common = {{"__address__", "s.n.svc:80"},
                          {"service_port_name", "http"},
                          {"service_port_number", "80"},
                          {"service_port_protocol", "TCP"}};
    Expect("service", key, {{"namespace", "n"}, {"service_name", "s"}}, {Join(common, want)});
  };
  f(R"("type": "ClusterIP", "clusterIP": "10.0.0.9", )", "{}",
    {{"service_type", "ClusterIP"}, {"service_cluster_ip", "10.0.0.9"}});
  f(R"("type": "ExternalName", "externalName": "x.example", )", "{}",
    {{"service_type", "ExternalName"}, {"service_external_name", "x.example"}});
  f(R"("type": "LoadBalancer", "clusterIP": "10.0.0.9", "loadBalancerIP": "7.7.7.7", )", "{}",
    {{"service_type", "LoadBalancer"},
     {"service_cluster_ip", "10.0.0.9"},
     {"service_loadbalancer_ip", "7.7.7.7"}});
  f(R"("type": "LoadBalancer", "clusterIP": "10.0.0.9", "loadBalancerIP": "7.7.7.7", )",
    R"({"loadBalancer": {"ingress": [{"ip": "1.1.1.1"}, {"hostname": "h"}, {"ip": "2.2.2.2"}]}})",
    {{"service_type", "LoadBalancer"},
     {"service_cluster_ip", "10.0.0.9"},
     {"service_loadbalancer_ip", "1.1.1.1,2.2.2.2"}});
}

TEST_F(RolesTest, Ingress) {
  const std::string key = Put(Kind::kIngress, R"({"metadata": {"name": "i", "namespace": "n"},
    "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["a.example", "*.b.example"]}],
      "rules": [{"host": "a.example", "http": {"paths": [{"path": "/x"}, {"path": ""}]}},
                {"host": "q.b.example"}, {"host": "q.r.b.example", "http": {"paths": []}},
                {"host": "c.example"}]}})");
  const auto target = [](const char* host, const char* scheme, const char* path) -> Pairs {
    return {{"__address__", host},
            {"ingress_host", host},
            {"ingress_scheme", scheme},
            {"ingress_path", path}};
  };
  Expect("ingress", key,
         {{"namespace", "n"}, {"ingress_name", "i"}, {"ingress_class_name", "nginx"}},
         {target("a.example", "https", "/x"), target("a.example", "https", "/"),
          target("q.b.example", "https", "/"), target("c.example", "http", "/")});
}

constexpr const char* kService = R"({"metadata": {"name": "web", "namespace": "shop",
  "labels": {"tier": "front"}}, "spec": {"type": "ClusterIP"}})";

constexpr const char* kEndpoints = R"({"metadata": {"name": "web", "namespace": "shop",
  "labels": {"e": "f"}}, "subsets": [{
    "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    "addresses": [{"ip": "10.0.0.1", "nodeName": "n1",
                   "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-1"}}],
    "notReadyAddresses": [{"ip": "fe80::2", "hostname": "two",
                           "targetRef": {"kind": "Node", "name": "n2"}}]}]})";

TEST_F(RolesTest, EndpointsOfAPod) {
  Put(Kind::kPod, kPod);
  Put(Kind::kService, kService);
  Put(Kind::kNode, R"({"metadata": {"name": "n2"}})");
  options_.attach_node = true;
  const Pairs endpoint = {{"endpoint_port_name", "http"},
                          {"endpoint_port_protocol", "TCP"},
                          {"endpoint_ready", "true"},
                          {"endpoint_node_name", "n1"},
                          {"endpoint_address_target_kind", "Pod"},
                          {"endpoint_address_target_name", "web-1"}};
  Expect("endpoints", Put(Kind::kEndpoints, kEndpoints),
         {{"namespace", "shop"},
          {"endpoints_name", "web"},
          {"endpoints_label_e", "f"},
          {"endpoints_labelpresent_e", "true"},
          {"service_name", "web"},
          {"service_label_tier", "front"},
          {"service_labelpresent_tier", "true"}},
         {Join(Join(Join({{"__address__", "10.0.0.1:8080"}}, endpoint), PodLabels()),
               MainContainer("8080", "http", "TCP")),
          {{"__address__", "[fe80::2]:8080"},
           {"endpoint_port_name", "http"},
           {"endpoint_port_protocol", "TCP"},
           {"endpoint_ready", "false"},
           {"endpoint_hostname", "two"},
           {"endpoint_address_target_kind", "Node"},
           {"endpoint_address_target_name", "n2"},
           {"node_name", "n2"}},
          // The pod's port that no endpoint covers.
          Join(Join({{"__address__", "10.0.0.1:53"}}, PodLabels()),
               MainContainer("53", "dns", "UDP"))});
}

TEST_F(RolesTest, ThePodsDeploymentIsAttachedWhereAskedFor) {
  const std::string pod = Put(Kind::kPod, kPod);
  const std::string endpoints = Put(Kind::kEndpoints, kEndpoints);
  const auto deployment_of = [](const model::Labels& labels) {
    return std::string(labels.Get("__meta_kubernetes_pod_deployment_name"));
  };
  options_.attach_deployment = true;
  EXPECT_EQ(deployment_of(Build("pod", pod)->labels), "") << "its ReplicaSet is not known yet";

  Put(Kind::kReplicaSet, R"({"metadata": {"name": "web", "namespace": "shop", "ownerReferences":
    [{"kind": "Deployment", "name": "no"},
     {"kind": "Deployment", "name": "web-deployment", "controller": true}]}})");
  EXPECT_EQ(deployment_of(Build("pod", pod)->labels), "web-deployment");
  const auto group = Build("endpoints", endpoints);
  EXPECT_EQ(deployment_of(group->targets.front()), "web-deployment");
  EXPECT_EQ(deployment_of(group->targets.back()), "web-deployment") << "a port of no endpoint";

  Put(Kind::kReplicaSet, R"({"metadata": {"name": "web", "namespace": "shop", "ownerReferences":
    [{"kind": "Rollout", "name": "other", "controller": true}]}})");
  EXPECT_EQ(deployment_of(Build("pod", pod)->labels), "") << "not a Deployment's";
  options_.attach_deployment = false;
}

TEST_F(RolesTest, ThePodsJobAndCronJobAreAttachedWhereAskedFor) {
  const std::string pod = Put(Kind::kPod, R"({"metadata": {"name": "b-1", "namespace": "shop",
    "ownerReferences": [{"kind": "Job", "name": "backup-28", "controller": true}]},
    "spec": {"containers": [{"name": "c"}]}, "status": {"podIP": "10.0.0.9"}})");
  Put(Kind::kJob, R"({"metadata": {"name": "backup-28", "namespace": "shop", "ownerReferences":
    [{"kind": "CronJob", "name": "backup", "controller": true}]}})");
  const auto names = [&] {
    const auto group = Build("pod", pod);
    return std::string(group->labels.Get("__meta_kubernetes_pod_job_name")) + "," +
           std::string(group->labels.Get("__meta_kubernetes_pod_cronjob_name"));
  };
  EXPECT_EQ(names(), ",");
  options_.attach_job = true;
  EXPECT_EQ(names(), "backup-28,");
  options_.attach_cronjob = true;
  EXPECT_EQ(names(), "backup-28,backup");
  options_.attach_job = false;
  EXPECT_EQ(names(), ",backup");
}

constexpr const char* kSlice = R"({"metadata": {"name": "web-abc", "namespace": "shop",
  "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
  "ports": [{"name": "dns", "port": 53, "protocol": "TCP", "appProtocol": "domain"}],
  "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true, "serving": false},
    "hostname": "h", "zone": "z", "nodeName": "n1", "deprecatedTopology": {"rack/id": "r"},
    "targetRef": {"kind": "Pod", "namespace": "shop", "name": "web-1"}}]})";

TEST_F(RolesTest, EndpointSliceOfAPod) {
  Put(Kind::kPod, kPod);
  Put(Kind::kService, kService);
  const Pairs endpoint = {{"endpointslice_port_name", "dns"},
                          {"endpointslice_port", "53"},
                          {"endpointslice_port_protocol", "TCP"},
                          {"endpointslice_port_app_protocol", "domain"},
                          {"endpointslice_endpoint_conditions_ready", "true"},
                          {"endpointslice_endpoint_conditions_serving", "false"},
                          {"endpointslice_endpoint_hostname", "h"},
                          {"endpointslice_endpoint_zone", "z"},
                          {"endpointslice_endpoint_node_name", "n1"},
                          {"endpointslice_endpoint_topology_rack_id", "r"},
                          {"endpointslice_endpoint_topology_present_rack_id", "true"},
                          {"endpointslice_address_target_kind", "Pod"},
                          {"endpointslice_address_target_name", "web-1"}};
  Expect("endpointslice", Put(Kind::kEndpointSlice, kSlice),
         {{"namespace", "shop"},
          {"endpointslice_name", "web-abc"},
          {"endpointslice_address_type", "IPv4"},
          {"endpointslice_label_kubernetes_io_service_name", "web"},
          {"endpointslice_labelpresent_kubernetes_io_service_name", "true"},
          {"service_name", "web"},
          {"service_label_tier", "front"},
          {"service_labelpresent_tier", "true"}},
         {Join(Join(Join({{"__address__", "10.0.0.1:53"}}, endpoint), PodLabels()),
               MainContainer("53", "dns", "UDP")),  // a slice tells the container's protocol
          Join(Join({{"__address__", "10.0.0.1:8080"}}, PodLabels()),
               MainContainer("8080", "http", "TCP"))});
}

TEST_F(RolesTest, OnlyThePrimarySliceOfADualStackServiceHasTargets) {
  const std::string key = Put(Kind::kEndpointSlice, kSlice);
  const auto f = [&](const std::string& policy, const std::string& families, size_t want) {
    Put(Kind::kService, R"({"metadata": {"name": "web", "namespace": "shop"}, "spec":
      {"ipFamilyPolicy": ")" +
                            policy + R"(", "ipFamilies": )" + families + "}}");
    EXPECT_EQ(Build("endpointslice", key)->targets.size(), want) << policy << families;
  };
  f("PreferDualStack", R"(["IPv6", "IPv4"])", 0);
  f("RequireDualStack", R"(["IPv6", "IPv4"])", 0);
  f("RequireDualStack", R"(["IPv4", "IPv6"])", 1);
  f("SingleStack", R"(["IPv6"])", 1);
}

TEST_F(RolesTest, ValuesOfOtherTypesReadAsAbsent) {
  for (const char* name : {"pod", "service", "node", "endpoints", "endpointslice", "ingress"}) {
    const Role& role = *FindRole(name);
    const std::string key = Put(role.kind, R"({"metadata": {"name": "x", "labels": [1],
      "annotations": {"a": 7}, "ownerReferences": {}}, "spec": "none", "status": 5,
      "subsets": [null, 3, {"ports": [{"port": "http"}], "addresses": [[], {"ip": 1}]}],
      "ports": [true], "endpoints": [{"addresses": [0]}, "e"]})");
    Build(name, key);
  }
}

TEST_F(RolesTest, AGroupIsBuiltAgainWhenWhatItShowsChanges) {
  GroupIndex groups(*FindRole("endpoints"), options_, cluster_);
  const auto put = [&](Kind kind, const std::string& text) {
    groups.Changed(kind, Put(kind, text));
    return groups.TakeChanges();
  };
  EXPECT_EQ(put(Kind::kEndpoints, kEndpoints).size(), 1);
  EXPECT_EQ(put(Kind::kEndpoints, kEndpoints).size(), 0);  // says the same
  EXPECT_EQ(put(Kind::kService, kService).size(), 1);
  EXPECT_EQ(put(Kind::kPod, kPod).size(), 1);
  EXPECT_EQ(put(Kind::kPod, R"({"metadata": {"name": "stranger", "namespace": "shop"}})").size(),
            0);
  cluster_.Remove(Kind::kEndpoints, "shop/web");
  groups.Changed(Kind::kEndpoints, "shop/web");
  const auto gone = groups.TakeChanges();
  ASSERT_EQ(gone.size(), 1);
  EXPECT_EQ(gone[0].source, "endpoints/shop/web");
  EXPECT_TRUE(gone[0].targets.empty());
  EXPECT_EQ(put(Kind::kService, R"({"metadata": {"name": "web", "namespace": "shop"}})").size(), 0);
}

TEST(MetaLabels, SanitizeLabelName) {
  const auto f = [](const char* name, const char* want) {
    EXPECT_EQ(SanitizeLabelName(name), want);
  };
  f("app.kubernetes.io/name", "app_kubernetes_io_name");
  f("AZ_az09", "AZ_az09");
  f("\xc3\xa9-x", "__x");
  f("", "");
}

}  // namespace
}  // namespace tributary::discovery::kubernetes
