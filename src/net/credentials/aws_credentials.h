// The credentials that SigV4 signs with, found as Amazon's SDKs find them: the configuration's
// keys, a named profile, the environment's keys, a web identity token (IRSA), the default profile,
// the container endpoint (EKS pod identity, ECS), the instance's role (EC2). With role_arn, those
// of that role, assumed with what was found. Kept until shortly before they expire.
//
// Sources: the AWS SDK and tools reference guide (credential providers), STS API 2011-06-15.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/credentials/shared_value.h"
#include "net/http_client.h"

namespace tributary::net {

struct AwsCredentials {
  std::string access_key, secret_key, session_token;
  std::optional<int64_t> expires_unix_s;
};

// The answers of STS (XML), and of container endpoints and instances (JSON). Hostile input gives an
// error.
base::Result<AwsCredentials> ParseStsAnswer(std::string_view xml);
base::Result<AwsCredentials> ParseContainerAnswer(std::string_view json);

// One profile of the shared files; `credentials_text` is ~/.aws/credentials, `config_text`
// ~/.aws/config, whose sections are called "profile x". Keys of the former win.
struct AwsProfile {
  AwsCredentials credentials;
  std::string region;
};
AwsProfile ParseAwsProfile(std::string_view name, std::string_view credentials_text,
                           std::string_view config_text);

// Thread-safe.
class AwsCredentialSource : public std::enable_shared_from_this<AwsCredentialSource> {
 public:
  // Fails where no kind of credentials, or no region, can be found.
  static base::Result<std::shared_ptr<AwsCredentialSource>> Create(SigV4 options);
  ~AwsCredentialSource();  // those who wait get kCancelled

  const std::string& region() const { return options_.region; }
  // Hands them to `done`, at once or from a completion of the request for them.
  void Get(SharedValue<AwsCredentials>::Done done);

 private:
  enum class Origin : unsigned char { kKeys, kWebIdentity, kContainer, kInstance };
  using Done = SharedValue<AwsCredentials>::Done;

  explicit AwsCredentialSource(SigV4 options) : options_(std::move(options)) {}
  base::Status FindOrigin();
  void AskOrigin(Done done);
  void AssumeRole(const AwsCredentials& with);
  void Settle(base::Result<AwsCredentials> credentials);
  std::string StsUrl() const;

  SigV4 options_;
  Origin origin_ = Origin::kKeys;
  AwsCredentials keys_;  // of Origin::kKeys
  std::string web_identity_file_, web_identity_role_, web_identity_session_;
  std::string container_url_, instance_url_;
  SharedValue<AwsCredentials> credentials_;
  std::unique_ptr<HttpClient> plain_;   // for requests that are not signed
  std::unique_ptr<HttpClient> signed_;  // for AssumeRole; made with the credentials at hand
};

}  // namespace tributary::net
