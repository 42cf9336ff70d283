#include "net/client/oauth2_token.h"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/strings.h"
#include "net/client/json_object.h"

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
      secret_(options.client_secret, options.client_secret_file, /*trim=*/true),
      client_(std::move(client)) {}

Result<std::shared_ptr<TokenSource>> TokenSource::Create(const OAuth2& options) {
  HttpClientOptions http;
  http.tls = options.tls;
  http.proxy_url = options.proxy_url;
  ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(std::move(http)));
  return std::shared_ptr<TokenSource>(new TokenSource(options, std::move(client)));
}

TokenSource::~TokenSource() {
  header_.Settle(base::Error(base::ErrorCode::kCancelled, "oauth2: the http client was closed"), 0);
}

void TokenSource::Get(SharedValue<std::string>::Done done) {
  if (header_.Get(std::move(done))) Ask(/*secret_in_header=*/true);
}

void TokenSource::Ask(bool secret_in_header) {
  std::string secret;
  if (secret_.given()) {
    const auto text = secret_.Get();
    if (!text) return header_.Settle(text.error().Context("oauth2 client secret"), 0);
    secret = **text;
  }
  ClientRequest request;
  request.method = "POST";
  request.url = options_.token_url;
  request.max_response_bytes = kMaxAnswerBytes;
  request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  request.headers.emplace_back("Accept", "application/json");
  request.body = "grant_type=client_credentials";
  const auto add = [&](std::string_view key, std::string_view value) {
    request.body += fmt::format("&{}={}", UrlEncode(key), UrlEncode(value));
  };
  if (!options_.scopes.empty()) add("scope", base::Join(options_.scopes, " "));
  for (const auto& [key, value] : options_.endpoint_params) add(key, value);
  if (secret_in_header) {
    request.headers.emplace_back(
        "Authorization",
        "Basic " + base::Base64Encode(UrlEncode(options_.client_id) + ":" + UrlEncode(secret)));
  } else {
    add("client_id", options_.client_id);
    if (!secret.empty()) add("client_secret", secret);
  }
  client_->Send(std::move(request),
                [weak = weak_from_this(), secret_in_header](Result<ClientResponse> response) {
                  if (const auto self = weak.lock())
                    self->Answered(secret_in_header, std::move(response));
                });
}

void TokenSource::Answered(bool secret_in_header, Result<ClientResponse> response) {
  if (!response) return header_.Settle(response.error().Context("oauth2"), 0);
  if (response->status / 100 != 2) {
    if (secret_in_header && response->status / 100 == 4) return Ask(false);
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
