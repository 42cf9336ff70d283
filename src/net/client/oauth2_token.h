// An OAuth2 token, got for client credentials (RFC 6749, 4.4) or for a signed assertion (RFC 7523,
// 2.1): kept until shortly before it expires, asked for again when needed. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/client/shared_value.h"
#include "net/client/transfer_loop.h"
#include "net/client/watched_file.h"
#include "net/http_client.h"

namespace tributary::net {

struct TokenResponse {
  std::string access_token;
  std::string token_type;    // "Bearer" when absent
  int64_t expires_in_s = 0;  // 0: does not say
};

// The token endpoint's JSON answer. Hostile input gives an error.
base::Result<TokenResponse> ParseTokenResponse(std::string_view json);

class TokenSource : public std::enable_shared_from_this<TokenSource> {
 public:
  static base::Result<std::shared_ptr<TokenSource>> Create(const OAuth2& options);
  ~TokenSource();  // those who wait get kCancelled
  // Hands "Bearer abc" to `done`, at once or from a completion of the token request.
  void Get(SharedValue<std::string>::Done done);

 private:
  TokenSource(const OAuth2& options, std::unique_ptr<HttpClient> client);
  // How the client says who it is. Servers want the secret in a header or in the body, and there is
  // no way to know: Go's tries the header first.
  enum class Proof : unsigned char { kSecretInHeader, kSecretInBody, kAssertion };
  void Ask(Proof proof);
  void Answered(Proof proof, base::Result<ClientResponse> response);

  const OAuth2 options_;
  TextOrFile secret_;  // the key that signs, of an assertion
  SharedValue<std::string> header_;
  const std::unique_ptr<HttpClient> client_;
};

}  // namespace tributary::net
