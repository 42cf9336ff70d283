#include "net/credentials/token_source.h"

#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "net/client/transfer_loop.h"
#include "net/credentials/json_object.h"

namespace tributary::net {
namespace {

using base::Result;

constexpr int64_t kExpiryMarginMs = 10'000;
constexpr size_t kMaxAnswerBytes = 1 << 20;
constexpr size_t kShownBytes = 200;  // of an answer that is an error

}  // namespace

Result<TokenResponse> ParseTokenResponse(std::string_view json) {
  JsonObject object(json);
  TokenResponse token;
  if (!object.Open()) return base::Corruption("token answer is not a json object");
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
  if (object.broken()) return base::Corruption("token answer is not valid json");
  if (token.access_token.empty()) return base::Corruption("token answer has no access_token");
  if (token.token_type.empty() || base::EqualsIgnoreCase(token.token_type, "bearer")) {
    token.token_type = "Bearer";
  }
  return token;
}

ClientRequest TokenForm(const std::string& url, const FormFields& form) {
  ClientRequest request = FormRequest(url, form);
  request.headers.emplace_back("Accept", "application/json");
  return request;
}

TokenSource::TokenSource(TokenOptions options, std::unique_ptr<HttpClient> client)
    : options_(std::move(options)), client_(std::move(client)) {}

Result<std::shared_ptr<TokenSource>> TokenSource::Create(TokenOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<HttpClient> client, HttpClient::Create(options.http));
  return std::shared_ptr<TokenSource>(new TokenSource(std::move(options), std::move(client)));
}

TokenSource::~TokenSource() {
  Fail(base::Error(base::ErrorCode::kCancelled, "the http client was closed"));
}

void TokenSource::Get(SharedValue<std::string>::Done done) {
  if (header_.Get(std::move(done))) Ask(0);
}

void TokenSource::Fail(const base::Error& error) {
  header_.Settle(error.Context(options_.name), 0);
}

void TokenSource::Ask(size_t way) {
  Result<ClientRequest> request = options_.ways[way]();
  if (!request) return Fail(request.error());
  request->max_response_bytes = kMaxAnswerBytes;
  auto answered = [weak = weak_from_this(), way,
                   url = request->url](const Result<ClientResponse>& response) {
    if (const auto self = weak.lock()) self->Answered(way, url, response);
  };
  client_->Send(*std::move(request), std::move(answered));
}

void TokenSource::Answered(size_t way, const std::string& url,
                           const Result<ClientResponse>& response) {
  if (!response) return Fail(response.error());
  if (response->status / 100 != 2) {
    if (response->status / 100 == 4 && way + 1 < options_.ways.size()) return Ask(way + 1);
    return Fail(base::Unavailable(fmt::format("token request to {} was answered with {}: {}",
                                              RedactUrl(url), response->status,
                                              response->body.substr(0, kShownBytes))));
  }
  const Result<TokenResponse> token = ParseTokenResponse(response->body);
  if (!token) return Fail(token.error());
  const int64_t valid_ms = token->expires_in_s == 0 ? std::numeric_limits<int64_t>::max() / 2
                                                    : token->expires_in_s * 1000 - kExpiryMarginMs;
  header_.Settle(token->token_type + " " + token->access_token, valid_ms);
}

}  // namespace tributary::net
