#include "config/kubeconfig.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "config/http_client_config.h"
#include "config/yaml_document.h"

namespace tributary::config {
namespace {

using base::Result;
using base::Status;

std::string TextOf(const YamlNode& map, std::string_view key) {
  const YamlNode* node = map.Find(key);
  return node != nullptr && node->is_scalar() ? node->scalar : "";
}

// Of `list`, whose items are {name: …, <inner>: {…}}, the inner map of the one called `name`.
Result<const YamlNode*> Named(const YamlNode& root, std::string_view list, std::string_view inner,
                              const std::string& name) {
  if (const YamlNode* items = root.Find(list)) {
    for (const YamlNode& item : items->items) {
      if (TextOf(item, "name") != name) continue;
      if (const YamlNode* found = item.Find(inner)) return found;
    }
  }
  return base::InvalidArgument(fmt::format("{} has no entry called {}", list, base::Quote(name)));
}

std::string InFolderOf(const std::string& path, const std::string& file) {
  if (file.empty() || file.starts_with('/')) return file;
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? file : path.substr(0, slash + 1) + file;
}

// PEM text, inline as base64 (`<key>-data`, which wins) or in a file.
Status ReadPem(const YamlNode& map, const std::string& key, const std::string& path,
               std::string* text, std::string* file) {
  const std::string data = TextOf(map, key + "-data");
  if (data.empty()) {
    *file = InFolderOf(path, TextOf(map, key));
    return {};
  }
  auto decoded = base::Base64Decode(data);
  if (!decoded) return base::InvalidArgument(key + "-data is no base64");
  *text = *std::move(decoded);
  return {};
}

Status ReadCluster(const YamlNode& cluster, const std::string& path, Kubeconfig* out) {
  out->server = TextOf(cluster, "server");
  if (out->server.empty()) return base::InvalidArgument("the cluster has no server");
  net::TlsClientOptions& tls = out->http.tls;
  RETURN_IF_ERROR(ReadPem(cluster, "certificate-authority", path, &tls.ca, &tls.ca_file));
  tls.insecure_skip_verify = TextOf(cluster, "insecure-skip-tls-verify") == "true";
  tls.server_name = TextOf(cluster, "tls-server-name");
  out->http.proxy.url = TextOf(cluster, "proxy-url");
  return {};
}

Status ReadUser(const YamlNode& user, const std::string& path, Kubeconfig* out) {
  for (const char* key : {"exec", "auth-provider"}) {
    if (user.Find(key) != nullptr) {
      return base::Unimplemented(
          fmt::format("users with {} are not served: give a token or a client certificate", key));
    }
  }
  net::TlsClientOptions& tls = out->http.tls;
  RETURN_IF_ERROR(ReadPem(user, "client-certificate", path, &tls.cert, &tls.cert_file));
  RETURN_IF_ERROR(ReadPem(user, "client-key", path, &tls.key, &tls.key_file));
  const std::string token = TextOf(user, "token");
  const std::string token_file = InFolderOf(path, TextOf(user, "tokenFile"));
  const std::string username = TextOf(user, "username");
  if (!token.empty() || !token_file.empty()) {
    out->http.authorization = net::Authorization{};
    out->http.authorization->credentials_file = token_file;  // wins, as in client-go
    if (token_file.empty()) out->http.authorization->credentials = token;
  } else if (!username.empty()) {
    out->http.basic_auth = net::BasicAuth{};
    out->http.basic_auth->username = username;
    out->http.basic_auth->password = TextOf(user, "password");
  }
  return {};
}

Result<Kubeconfig> Parse(const std::string& text, const std::string& path) {
  ASSIGN_OR_RETURN(const YamlNode root, ParseYaml(text, path));
  ASSIGN_OR_RETURN(const YamlNode* context,
                   Named(root, "contexts", "context", TextOf(root, "current-context")));
  ASSIGN_OR_RETURN(const YamlNode* cluster,
                   Named(root, "clusters", "cluster", TextOf(*context, "cluster")));
  Kubeconfig out;
  out.http = DefaultHttpClient();
  RETURN_IF_ERROR(ReadCluster(*cluster, path, &out));
  if (const std::string user_name = TextOf(*context, "user"); !user_name.empty()) {
    ASSIGN_OR_RETURN(const YamlNode* user, Named(root, "users", "user", user_name));
    RETURN_IF_ERROR(ReadUser(*user, path, &out));
  }
  return out;
}

}  // namespace

Result<Kubeconfig> ReadKubeconfig(base::FileSystem& fs, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  auto parsed = Parse(text, path);
  if (!parsed) return parsed.error().Context("kubeconfig " + path);
  return parsed;
}

}  // namespace tributary::config
