#include "net/credentials/azure_token.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/sha.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/strings.h"
#include "net/client/watched_file.h"
#include "net/credentials/azure_certificate.h"
#include "net/credentials/jwt.h"

namespace tributary::net {
namespace {

using base::Environment;
using base::Result;

constexpr int64_t kAssertionSeconds = 600;
constexpr std::string_view kAssertionType =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr std::string_view kDefaultScope = "/.default";

// Where clients of the cloud get their tokens.
std::string AuthorityOf(AzureCloud cloud) {
  if (cloud == AzureCloud::kChina) return "https://login.chinacloudapi.cn/";
  if (cloud == AzureCloud::kGovernment) return "https://login.microsoftonline.us/";
  // Set in pods by the workload identity webhook, and for clouds of one's own.
  const std::string host = Environment("AZURE_AUTHORITY_HOST");
  if (host.empty()) return "https://login.microsoftonline.com/";
  return host.ends_with('/') ? host : host + "/";
}

std::string ScopeOf(const AzureAd& options) {
  if (!options.scope.empty()) return options.scope;
  switch (options.cloud) {
    case AzureCloud::kPublic:
      return "https://monitor.azure.com//.default";
    case AzureCloud::kChina:
      return "https://monitor.azure.cn//.default";
    case AzureCloud::kGovernment:
      return "https://monitor.azure.us//.default";
  }
  return {};
}

// The claim that this certificate's client asks.
Result<std::string> SignAssertion(const AzureCertificate& certificate, const std::string& url) {
  ASSIGN_OR_RETURN(const CertificateIdentity identity, ReadCertificateIdentity(certificate));
  const std::string& own = identity.chain.front();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(own.data()), own.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  JsonFields header = {{"x5t#S256", JsonText(Base64Url(digest))}};
  if (certificate.send_chain) {
    std::vector<std::string> chain;
    chain.reserve(identity.chain.size());
    for (const std::string& der : identity.chain) {
      chain.push_back(JsonText(base::Base64Encode(der)));
    }
    header["x5c"] = "[" + base::Join(chain, ",") + "]";
  }
  const int64_t now_s = base::SystemClock().NowMs() / 1000;
  const JsonFields claims = {{"aud", JsonText(url)},
                             {"iss", JsonText(certificate.client_id)},
                             {"sub", JsonText(certificate.client_id)},
                             {"jti", JsonText(RandomId())},
                             {"nbf", std::to_string(now_s)},
                             {"exp", std::to_string(now_s + kAssertionSeconds)}};
  return SignJwt("PS256", std::move(header), claims, identity.key);
}

// Makes the ways of one configuration.
class Ways {
 public:
  explicit Ways(const AzureAd& options)
      : authority_(AuthorityOf(options.cloud)), scope_(ScopeOf(options)) {}

  MakeTokenRequest operator()(const AzureSecret& secret) const {
    return [url = TokenUrl(secret.tenant_id), form = FormOf(secret.client_id), secret] {
      FormFields fields = form;
      fields["client_secret"] = secret.client_secret;
      return Result<ClientRequest>(TokenForm(url, fields));
    };
  }

  MakeTokenRequest operator()(const AzureWorkloadIdentity& workload) const {
    const auto file = std::make_shared<WatchedFile>(workload.token_file, /*trim=*/true);
    return [url = TokenUrl(workload.tenant_id), form = FormOf(workload.client_id),
            file]() -> Result<ClientRequest> {
      const auto token = file->Get();
      if (!token) return token.error().Context("workload identity token");
      return TokenForm(url, WithAssertion(form, **token));
    };
  }

  MakeTokenRequest operator()(const AzureCertificate& certificate) const {
    return [url = TokenUrl(certificate.tenant_id), form = FormOf(certificate.client_id),
            certificate]() -> Result<ClientRequest> {
      const auto assertion = SignAssertion(certificate, url);
      if (!assertion) return assertion.error().Context("client certificate");
      return TokenForm(url, WithAssertion(form, *assertion));
    };
  }

  MakeTokenRequest operator()(const AzureManagedIdentity& managed) const {
    std::string_view resource = scope_;
    if (resource.ends_with(kDefaultScope)) resource.remove_suffix(kDefaultScope.size());
    std::string host = Environment("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    if (host.empty()) host = "http://169.254.169.254";
    ClientRequest request;
    request.url =
        fmt::format("{}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={}", host,
                    UrlEncode(resource));
    if (!managed.client_id.empty()) request.url += "&client_id=" + UrlEncode(managed.client_id);
    request.headers.emplace_back("Metadata", "true");
    return [request] { return Result<ClientRequest>(request); };
  }

 private:
  std::string TokenUrl(const std::string& tenant) const {
    return authority_ + tenant + "/oauth2/v2.0/token";
  }
  FormFields FormOf(const std::string& client_id) const {
    return {{"grant_type", "client_credentials"}, {"client_id", client_id}, {"scope", scope_}};
  }
  static FormFields WithAssertion(FormFields form, const std::string& assertion) {
    form["client_assertion_type"] = kAssertionType;
    form["client_assertion"] = assertion;
    return form;
  }

  const std::string authority_, scope_;
};

// What the environment offers, in the order in which Azure's libraries look.
std::vector<MakeTokenRequest> WaysOfEnvironment(const AzureSdk& sdk, const Ways& way) {
  std::vector<MakeTokenRequest> ways;
  const std::string client = Environment("AZURE_CLIENT_ID");
  const std::string tenant = Environment("AZURE_TENANT_ID");
  if (!client.empty() && !tenant.empty()) {
    const std::string secret = Environment("AZURE_CLIENT_SECRET");
    const std::string certificate = Environment("AZURE_CLIENT_CERTIFICATE_PATH");
    if (!secret.empty()) {
      ways.push_back(way(AzureSecret{client, tenant, secret}));
    } else if (!certificate.empty()) {
      const std::string chain = Environment("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN");
      ways.push_back(way(
          AzureCertificate{.client_id = client,
                           .tenant_id = tenant,
                           .file = certificate,
                           .key_file = {},
                           .password = Environment("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
                           .send_chain = chain == "1" || base::EqualsIgnoreCase(chain, "true")}));
    }
  }
  const std::string file = Environment("AZURE_FEDERATED_TOKEN_FILE");
  const std::string& workload_tenant = sdk.tenant_id.empty() ? tenant : sdk.tenant_id;
  if (!client.empty() && !workload_tenant.empty() && !file.empty()) {
    ways.push_back(way(AzureWorkloadIdentity{client, workload_tenant, file}));
  }
  ways.push_back(way(AzureManagedIdentity{client}));
  return ways;
}

}  // namespace

TokenOptions AzureTokens(const AzureAd& options) {
  const Ways way(options);
  TokenOptions tokens;
  tokens.name = "azuread";
  // Clouds' own libraries go through the environment's proxy, but to services on the machine.
  tokens.http.proxy.from_environment =
      !std::holds_alternative<AzureManagedIdentity>(options.identity);
  if (const auto* sdk = std::get_if<AzureSdk>(&options.identity)) {
    tokens.ways = WaysOfEnvironment(*sdk, way);
  } else {
    std::visit(
        [&](const auto& identity) {
          if constexpr (requires { way(identity); }) tokens.ways = {way(identity)};
        },
        options.identity);
  }
  return tokens;
}

}  // namespace tributary::net
