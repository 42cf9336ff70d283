// The one HTTP client for everything outbound: scrapes, remote write, discovery, Alertmanager.
// Keep-alive, TLS, proxies, redirects, basic auth, bearer, OAuth2; credentials and certificates
// given as files are read again when they change. Thread-safe; many requests run at once on one
// event loop thread, completions are called on a small pool or by an event loop: they should not
// take long, and must not wait for another request.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/cloud_auth.h"
#include "net/http.h"
#include "net/tls.h"

namespace tributary::net {

struct BasicAuth {
  std::string username, username_file;
  std::string password, password_file;
  friend bool operator==(const BasicAuth&, const BasicAuth&) = default;
};

struct Authorization {
  std::string type = "Bearer";
  std::string credentials, credentials_file;
  friend bool operator==(const Authorization&, const Authorization&) = default;
};

inline constexpr std::string_view kJwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer";

// How a client names itself when it asks for a token by a signed assertion (RFC 7523).
struct JwtBearer {
  std::string key, key_file;  // RSA, PEM
  std::string key_id;
  std::string algorithm = "RS256";            // or RS384, RS512
  std::string issuer, audience;               // empty: the client's id, the token's URL
  std::map<std::string, std::string> claims;  // values are JSON; they go before our own
  friend bool operator==(const JwtBearer&, const JwtBearer&) = default;
};

struct ProxyOptions {
  std::string url, no_proxy;
  bool from_environment = false;
  std::map<std::string, std::vector<std::string>> connect_header;
  friend bool operator==(const ProxyOptions&, const ProxyOptions&) = default;
};

// The grant is that of client credentials (RFC 6749, 4.4), unless there is a jwt_bearer.
struct OAuth2 {
  std::string client_id, client_secret, client_secret_file, token_url;
  std::optional<JwtBearer> jwt_bearer;
  std::vector<std::string> scopes;
  std::map<std::string, std::string> endpoint_params;
  TlsClientOptions tls;
  ProxyOptions proxy;
  friend bool operator==(const OAuth2&, const OAuth2&) = default;
};

// SigV4 of Amazon's managed Prometheus. What is empty is looked for where Amazon's SDKs look.
struct SigV4 {
  std::string region, access_key, secret_key;
  std::string session_token;  // of temporary keys
  std::string profile, role_arn, external_id;
  bool use_fips_sts_endpoint = false;
  std::string service_name = "aps";
  friend bool operator==(const SigV4&, const SigV4&) = default;
};

// An extra header: fixed values, secret values, or the contents of files.
struct HttpHeaderOption {
  std::vector<std::string> values, secrets, files;
  friend bool operator==(const HttpHeaderOption&, const HttpHeaderOption&) = default;
};

// prometheus/common's HTTP client config, checked.
struct HttpClientOptions {
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  std::optional<OAuth2> oauth2;
  std::optional<SigV4> sigv4;
  std::optional<AzureAd> azuread;
  std::optional<GoogleIam> google_iam;
  TlsClientOptions tls;
  bool follow_redirects = true;
  bool enable_http2 = false;
  bool shuffle_addresses = false;  // each connection goes to any of its name's addresses
  ProxyOptions proxy;
  std::map<std::string, HttpHeaderOption> http_headers;
  friend bool operator==(const HttpClientOptions&, const HttpClientOptions&) = default;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int64_t timeout_ms = 30'000;
  size_t max_response_bytes = 0;  // 0: no limit; over it the request fails with kResourceExhausted
  bool accept_gzip = false;       // sends Accept-Encoding: gzip and unpacks the answer
  std::string unix_socket;        // connect here instead of the URL's host
  // When set, takes the body of a 2xx answer piece by piece as it arrives, for answers that never
  // end; ClientResponse::body stays empty, accept_gzip and max_response_bytes do not apply to it.
  // Called on the event loop's thread, which all clients share: must be quick. Returning false
  // ends the request with kCancelled.
  std::function<bool(std::string_view)> on_data;
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;       // unpacked; see RecycleBody()
  size_t wire_bytes = 0;  // body bytes as received
  int64_t queued_ns = 0;  // how long it was here before it was handed over, unpacking included
};

// Gives the memory of a body to the next answer that this thread, a completion thread, unpacks.
void RecycleBody(std::string body);

// A request that is sent again and again: what can be worked out before is.
struct PreparedRequest;

class HttpClient {
 public:
  static base::Result<std::unique_ptr<HttpClient>> Create(HttpClientOptions options);
  virtual ~HttpClient() = default;  // cancels what is under way; completions still run, with errors

  // Any status is a response; errors are for what happened below HTTP: kUnavailable (refused,
  // reset, DNS), kTimeout, kInvalidArgument (bad URL), kResourceExhausted (answer too large).
  using Completion = std::function<void(base::Result<ClientResponse>)>;
  virtual void Send(std::shared_ptr<const PreparedRequest> request, Completion done) = 0;
  void Send(ClientRequest request, Completion done) {
    Send(Prepare(std::move(request)), std::move(done));
  }
  // For this client only.
  virtual std::shared_ptr<const PreparedRequest> Prepare(ClientRequest request) = 0;

  // Waits. Not to be called from a completion.
  base::Result<ClientResponse> SendAndWait(ClientRequest request);
};

}  // namespace tributary::net
