#include "net/client/oauth2_token.h"

#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"

namespace tributary::net {
namespace {

using base::Result;

constexpr int64_t kExpiryMarginMs = 10'000;
constexpr size_t kMaxAnswerBytes = 1 << 20;

int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

// Just enough JSON to read the scalar members of one object; nested values are stepped over.
class JsonObject {
 public:
  explicit JsonObject(std::string_view text) : text_(text) {}

  bool Open() { return Take('{'); }
  // The next member's key, when there is one.
  std::optional<std::string> NextKey() {
    if (Take('}')) return std::nullopt;
    if (!first_ && !Take(',')) return Broken();
    first_ = false;
    std::optional<std::string> key = String();
    if (!key || !Take(':')) return Broken();
    return key;
  }
  // A string's text or a bare value's; "" for arrays and objects.
  std::optional<std::string> Value() {
    SkipSpace();
    if (at_ == text_.size()) return Broken();
    if (text_[at_] == '"') return String();
    if (text_[at_] == '{' || text_[at_] == '[') return Nested() ? "" : Broken();
    const size_t begin = at_;
    at_ = std::min(text_.find_first_of(",} \t\r\n", at_), text_.size());
    return std::string(text_.substr(begin, at_ - begin));
  }
  bool broken() const { return broken_; }

 private:
  std::optional<std::string> Broken() {
    broken_ = true;
    return std::nullopt;
  }
  void SkipSpace() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool Take(char c) {
    SkipSpace();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::optional<std::string> String() {
    if (!Take('"')) return Broken();
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ == text_.size()) return Broken();
        c = text_[at_++];
        switch (c) {
          case 'n':
            c = '\n';
            break;
          case 't':
            c = '\t';
            break;
          case 'u': {
            // Tokens are ASCII; anything else in them would be refused as a header anyway.
            if (text_.size() - at_ < 4) return Broken();
            unsigned code = 0;
            for (const char h : text_.substr(at_, 4)) {
              const std::string_view digits = "0123456789abcdef";
              const size_t digit = digits.find(h >= 'A' && h <= 'F' ? h - 'A' + 'a' : h);
              if (digit == std::string_view::npos) return Broken();
              code = code * 16 + static_cast<unsigned>(digit);
            }
            at_ += 4;
            c = code < 128 ? static_cast<char>(code) : '?';
            break;
          }
          default:
            break;
        }
      }
      out.push_back(c);
    }
    if (!Take('"')) return Broken();
    return out;
  }
  bool Nested() {
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"') {
        if (!String()) return false;
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return true;
    }
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool first_ = true;
  bool broken_ = false;
};

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
  Settle(base::Error(base::ErrorCode::kCancelled, "oauth2: the http client was closed"), 0);
}

void TokenSource::Get(Done done) {
  std::string header;
  {
    base::MutexLock lock(mutex_);
    if (!header_.empty() && NowMs() < valid_until_ms_) {
      header = header_;
    } else {
      waiting_.push_back(std::move(done));
      if (asking_) return;
      asking_ = true;
    }
  }
  if (!header.empty()) return done(header);
  Ask(/*secret_in_header=*/true);
}

void TokenSource::Ask(bool secret_in_header) {
  std::string secret;
  if (secret_.given()) {
    const auto text = secret_.Get();
    if (!text) return Settle(text.error().Context("oauth2 client secret"), 0);
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
  if (!response) return Settle(response.error().Context("oauth2"), 0);
  if (response->status / 100 != 2) {
    if (secret_in_header && response->status / 100 == 4) return Ask(false);
    return Settle(base::Unavailable(fmt::format("oauth2: token request to {} was answered with {}",
                                                RedactUrl(options_.token_url), response->status)),
                  0);
  }
  const Result<TokenResponse> token = ParseTokenResponse(response->body);
  if (!token) return Settle(token.error(), 0);
  const int64_t valid_ms = token->expires_in_s == 0 ? std::numeric_limits<int64_t>::max() / 2
                                                    : token->expires_in_s * 1000 - kExpiryMarginMs;
  Settle(token->token_type + " " + token->access_token, valid_ms);
}

void TokenSource::Settle(Result<std::string> header, int64_t valid_ms) {
  std::vector<Done> waiting;
  {
    base::MutexLock lock(mutex_);
    asking_ = false;
    waiting.swap(waiting_);
    if (header) {
      header_ = *header;
      valid_until_ms_ = NowMs() + valid_ms;
    }
  }
  for (const Done& done : waiting) done(header);
}

}  // namespace tributary::net
