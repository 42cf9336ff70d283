#include "net/client/oauth2_token.h"

#include <limits>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "net/client/json_object.h"
#include "net/client/jwt_assertion.h"

namespace tributary::net {
namespace {

using base::Result;

constexpr int64_t kExpiryMarginMs = 10'000;
constexpr size_t kMaxAnswerBytes = 1 << 20;

}  // namespace

Result<TokenResponse> ParseTokenResponse(std::string_view json) {
  JsonObject object(json);
  TokenResponse token;
  if (!object.Open()) return base::Corruption("oauth2: token answer is not a json object");
  while (const std::optional<std::string> key = object.NextKey()) {
    const std::optional<std::string> value = object.Value();
    if (!value) break;
    if (*key == "access_token") token.access_token = *value;
    if (*key == "token_type") token.token_type = *value;
    if (*key == "expires_in") {
      const double seconds = base::ParseFloat(*value).value_or(0);
      token.expires_in_s = seconds > 0 && seconds < 1e12 ? static_cast<int64_t>(seconds) : 0;
    }
  }
  if (object.broken()) return base::Corruption("oauth2: token answer is not valid json");
  if (token.access_token.empty()) {
    return base::Corruption("oauth2: token answer has no access_token");
  }
  if (token.token_type.empty() || base::EqualsIgnoreCase(token.token_type, "bearer")) {
    token.token_type = "Bearer";
  }
  return token;
}

TokenSource::TokenSource(const OAuth2& options, std::unique_ptr<HttpClient> client)
    : options_(options),
      secret_(options.jwt_bearer ? TextOrFile(options.jwt_bearer->key, options.jwt_bearer->key_file,
                                              /*trim=*/false)
                                 : TextOrFile(options.client_secret, options.client_secret_file,
                                              /*trim=*/true)),
      client_(std::move(client)) {}

Result<std::shared_ptr<TokenSource>> TokenSource::Create(const OAuth2& options) {
  HttpClientOptions http;
  http.tls = options.tls;
  http.proxy = options.proxy;
  ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return std::shared_ptr<TokenSource>(new TokenSource(options, std::move(client)));
}

TokenSource::~TokenSource() {
  header_.Settle(base::Error(base::ErrorCode::kCancelled, "oauth2: the http client was closed"), 0);
}

void TokenSource::Get(SharedValue<std::string>::Done done) {
  if (header_.Get(std::move(done))) {
    Ask(options_.jwt_bearer ? Proof::kAssertion : Proof::kSecretInHeader);
  }
}

void TokenSource::Ask(Proof proof) {
  std::string secret;
  if (secret_.given()) {
    const auto text = secret_.Get();
    if (!text) {
      const bool key = options_.jwt_bearer.has_value();
      return header_.Settle(
          text.error().Context(key ? "oauth2 client certificate key" : "oauth2 client secret"), 0);
    }
    secret = **text;
  }
  ClientRequest request;
  request.method = "POST";
  request.url = options_.token_url;
  request.max_response_bytes = kMaxAnswerBytes;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.headers.emplace_back("Accept", "application/json");
  std::map<std::string, std::string> form = {{"grant_type", "client_credentials"}};
  if (!options_.scopes.empty()) form["scope"] = base::Join(options_.scopes, " ");
  switch (proof) {
    case Proof::kSecretInHeader:
      request.headers.emplace_back(
          "Authorization",
          "Basic " + base::Base64Encode(UrlEncode(options_.client_id) + ":" + UrlEncode(secret)));
      break;
    case Proof::kSecretInBody:
      form["client_id"] = options_.client_id;
      if (!secret.empty()) form["client_secret"] = secret;
      break;
    case Proof::kAssertion: {
      auto assertion = SignAssertion(options_, secret, base::SystemClock().NowMs() / 1000);
      if (!assertion) return header_.Settle(assertion.error(), 0);
      form["grant_type"] = kJwtBearerGrant;
      form["assertion"] = std::move(*assertion);
      break;
    }
  }
  for (const auto& [key, value] : options_.endpoint_params) {
    // Some servers want a grant_type of their own.
    if (form.contains(key) && key != "grant_type") {
      return header_.Settle(
          base::InvalidArgument(fmt::format("oauth2: endpoint_params cannot overwrite {}", key)),
          0);
    }
    form[key] = value;
  }
  for (const auto& [key, value] : form) {
    request.body +=
        fmt::format("{}{}={}", request.body.empty() ? "" : "&", UrlEncode(key), UrlEncode(value));
  }
  client_->Send(std::move(request),
                [weak = weak_from_this(), proof](Result<ClientResponse> response) {
                  if (const auto self = weak.lock()) self->Answered(proof, std::move(response));
                });
}

void TokenSource::Answered(Proof proof, Result<ClientResponse> response) {
  if (!response) return header_.Settle(response.error().Context("oauth2"), 0);
  if (response->status / 100 != 2) {
    if (proof == Proof::kSecretInHeader && response->status / 100 == 4) {
      return Ask(Proof::kSecretInBody);
    }
    return header_.Settle(
        base::Unavailable(fmt::format("oauth2: token request to {} was answered with {}",
                                      RedactUrl(options_.token_url), response->status)),
        0);
  }
  const Result<TokenResponse> token = ParseTokenResponse(response->body);
  if (!token) return header_.Settle(token.error(), 0);
  const int64_t valid_ms = token->expires_in_s == 0 ? std::numeric_limits<int64_t>::max() / 2
                                                    : token->expires_in_s * 1000 - kExpiryMarginMs;
  header_.Settle(token->token_type + " " + token->access_token, valid_ms);
}

}  // namespace tributary::net
