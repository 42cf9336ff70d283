// A JSON Web Token (RFC 7519), signed with an RSA key: what a client shows to get a token for its
// requests (RFC 7523, 2.1 and 2.2).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tributary::net {

// An object's members; values are JSON.
using JsonFields = std::map<std::string, std::string>;

// A text as JSON.
std::string JsonText(std::string_view text);

// A new identifier for a token's "jti".
std::string RandomId();

// Bytes as base64url without padding (RFC 7515, 2).
std::string Base64Url(std::string_view bytes);

// `algorithm` (RFC 7518, 3.1) is RS256, RS384, RS512 or PS256 and gets into the header, with "typ".
// `key` is the private key in PEM; nothing of it gets into an error.
base::Result<std::string> SignJwt(std::string_view algorithm, JsonFields header,
                                  const JsonFields& claims, std::string_view key);

}  // namespace tributary::net
