// TokenSource: a bearer token, got from a token endpoint, kept until shortly before it expires and
// asked for again when needed. What a request for one looks like is the business of oauth2_token.h,
// azure_token.h and google_token.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/credentials/form_request.h"
#include "net/credentials/shared_value.h"
#include "net/http_client.h"

namespace tributary::net {

struct TokenResponse {
  std::string access_token;
  std::string token_type;    // "Bearer" when absent
  int64_t expires_in_s = 0;  // 0: does not say
};

// The token endpoint's JSON answer. Hostile input gives an error.
base::Result<TokenResponse> ParseTokenResponse(std::string_view json);

// A request that posts a form to a token endpoint, which is to answer in JSON.
ClientRequest TokenForm(const std::string& url, const FormFields& form);

// Makes the request for a token; called for each token, so that files are read as they are then.
using MakeTokenRequest = std::function<base::Result<ClientRequest>()>;

struct TokenOptions {
  std::string name;  // of the kind of authentication; begins each error
  // The first is asked; where the answer is 4xx, the next.
  std::vector<MakeTokenRequest> ways;
  HttpClientOptions http;  // of the requests for tokens
};

// Thread-safe.
class TokenSource : public std::enable_shared_from_this<TokenSource> {
 public:
  static base::Result<std::shared_ptr<TokenSource>> Create(TokenOptions options);
  ~TokenSource();  // those who wait get kCancelled
  // Hands "Bearer abc" to `done`, at once or from a completion of the token request.
  void Get(SharedValue<std::string>::Done done);

 private:
  TokenSource(TokenOptions options, std::unique_ptr<HttpClient> client);
  void Ask(size_t way);
  void Answered(size_t way, const std::string& url, const base::Result<ClientResponse>& response);
  void Fail(const base::Error& error);

  const TokenOptions options_;
  SharedValue<std::string> header_;
  const std::unique_ptr<HttpClient> client_;
};

}  // namespace tributary::net
