#include "net/credentials/instance_metadata.h"

#include <utility>

#include "base/environment.h"
#include "base/strings.h"
#include "net/client/transfer_loop.h"

namespace tributary::net {
namespace {

using base::Environment;
using Done = std::function<void(base::Result<ClientResponse>)>;

constexpr int64_t kTimeoutMs = 2000;  // the service is on the same machine, or not there
constexpr size_t kMaxAnswerBytes = 64 << 10;
constexpr const char* kRolePath = "/latest/meta-data/iam/security-credentials/";
constexpr const char* kTokenHeader = "X-aws-ec2-metadata-token";
constexpr const char* kLifetimeHeader = "X-aws-ec2-metadata-token-ttl-seconds";

ClientRequest Get(std::string url, const std::string& token) {
  ClientRequest request;
  request.url = std::move(url);
  request.timeout_ms = kTimeoutMs;
  request.max_response_bytes = kMaxAnswerBytes;
  request.headers.emplace_back(kTokenHeader, token);
  return request;
}

// Goes on with a good answer; any other is the result.
Done Then(Done done, std::function<void(const std::string& body, Done done)> next) {
  return [done = std::move(done),
          next = std::move(next)](const base::Result<ClientResponse>& response) {
    if (!response || response->status != 200) return done(response);
    next(response->body, done);
  };
}

}  // namespace

std::string InstanceMetadataUrl() {
  if (base::EqualsIgnoreCase(Environment("AWS_EC2_METADATA_DISABLED"), "true")) return {};
  std::string url = Environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (url.ends_with('/')) url.pop_back();
  if (!url.empty()) return url;
  const std::string mode = Environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
  return base::EqualsIgnoreCase(mode, "IPv6") ? "http://[fd00:ec2::254]" : "http://169.254.169.254";
}

void AskInstanceMetadata(HttpClient& client, const std::string& url, Done done) {
  ClientRequest request;
  request.method = "PUT";
  request.url = url + "/latest/api/token";
  request.timeout_ms = kTimeoutMs;
  request.max_response_bytes = kMaxAnswerBytes;
  request.headers.emplace_back(kLifetimeHeader, "60");
  client.Send(std::move(request),
              Then(std::move(done), [&client, url](const std::string& token, Done with_token) {
                client.Send(
                    Get(url + kRolePath, token),
                    Then(std::move(with_token), [&client, url, token](const std::string& roles,
                                                                      Done with_role) {
                      const std::string role(base::TrimSpace(roles.substr(0, roles.find('\n'))));
                      if (role.empty())
                        return with_role(base::NotFound("the instance has no role"));
                      client.Send(Get(url + kRolePath + role, token), std::move(with_role));
                    }));
              }));
}

}  // namespace tributary::net
