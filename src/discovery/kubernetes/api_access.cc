#include "discovery/kubernetes/api_access.h"

#include "base/environment.h"
#include "base/strings.h"
#include "config/kubeconfig.h"

namespace tributary::discovery::kubernetes {
namespace {

using base::Result;

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<ApiAccess> OfServiceAccount(const config::KubernetesSdConfig& config, base::FileSystem& fs,
                                   const InCluster& in_cluster) {
  if (in_cluster.host.empty() || in_cluster.port.empty()) {
    return base::InvalidArgument(
        "unable to load in-cluster configuration: KUBERNETES_SERVICE_HOST and "
        "KUBERNETES_SERVICE_PORT are not set; give api_server or kubeconfig_file to run elsewhere");
  }
  ApiAccess access;
  const bool is_v6 = in_cluster.host.find(':') != std::string::npos;
  access.url =
      "https://" + (is_v6 ? "[" + in_cluster.host + "]" : in_cluster.host) + ":" + in_cluster.port;
  access.http = config.http;
  const std::string token_file = in_cluster.service_account_dir + "/token";
  const std::string ca_file = in_cluster.service_account_dir + "/ca.crt";
  if (const auto token = fs.ReadFile(token_file); !token) return token.error();
  access.http.authorization = net::Authorization{};
  access.http.authorization->credentials_file = token_file;
  ASSIGN_OR_RETURN(const bool has_ca, fs.Exists(ca_file));
  if (has_ca) access.http.tls.ca_file = ca_file;
  if (config.own_namespace) {
    ASSIGN_OR_RETURN(const std::string name,
                     fs.ReadFile(in_cluster.service_account_dir + "/namespace"));
    access.own_namespace = std::string(base::TrimSpace(name));
    if (access.own_namespace.empty()) {
      return base::InvalidArgument("could not read own namespace name (empty file)");
    }
  }
  return access;
}

}  // namespace

InCluster InCluster::FromEnvironment() {
  InCluster in_cluster;
  in_cluster.host = base::Environment("KUBERNETES_SERVICE_HOST");
  in_cluster.port = base::Environment("KUBERNETES_SERVICE_PORT");
  return in_cluster;
}

Result<ApiAccess> FindApi(const config::KubernetesSdConfig& config, base::FileSystem& fs,
                          const InCluster& in_cluster) {
  if (!config.kubeconfig_file.empty()) {
    ASSIGN_OR_RETURN(config::Kubeconfig kubeconfig,
                     config::ReadKubeconfig(fs, config.kubeconfig_file));
    return ApiAccess{WithoutSlash(std::move(kubeconfig.server)), std::move(kubeconfig.http), ""};
  }
  if (!config.api_server.empty()) {
    return ApiAccess{WithoutSlash(config.api_server), config.http, ""};
  }
  return OfServiceAccount(config, fs, in_cluster);
}

}  // namespace tributary::discovery::kubernetes
