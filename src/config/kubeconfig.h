// kubeconfig files: the current context's cluster and user, as what an HTTP client needs.
// Source of the format: Kubernetes client-go tools/clientcmd/api/v1.
#pragma once

#include <string>

#include "base/fs.h"
#include "base/result.h"
#include "net/http_client.h"

namespace tributary::config {

struct Kubeconfig {
  std::string server;  // the API's URL
  net::HttpClientOptions http;
};

// Relative paths in the file are of its folder. Users that need a program to log in (`exec`,
// `auth-provider`) are kUnimplemented.
base::Result<Kubeconfig> ReadKubeconfig(base::FileSystem& fs, const std::string& path);

}  // namespace tributary::config
