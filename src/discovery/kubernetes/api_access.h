// Where a cluster's API is and how to be let in: from the settings, a kubeconfig file, or the
// service account of the pod we run in.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "config/config.h"
#include "net/http_client.h"

namespace tributary::discovery::kubernetes {

struct ApiAccess {
  std::string url;  // without a slash at its end
  net::HttpClientOptions http;
  std::string own_namespace;  // "" unless wanted
};

// What a pod finds about its cluster.
struct InCluster {
  std::string host, port;  // KUBERNETES_SERVICE_HOST and _PORT
  std::string service_account_dir = "/var/run/secrets/kubernetes.io/serviceaccount";
  static InCluster FromEnvironment();
};

base::Result<ApiAccess> FindApi(const config::KubernetesSdConfig& config, base::FileSystem& fs,
                                const InCluster& in_cluster);

}  // namespace tributary::discovery::kubernetes
