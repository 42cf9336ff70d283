// A JSON Web Token (RFC 7519), signed with an RSA key: what a client shows to get an OAuth2 token
// (RFC 7523, 2.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace tributary::net {

// Claims that this client is options.client_id, for the ten minutes after `now_unix_s`. `key` is
// the private key in PEM. REQUIRES: options.jwt_bearer.
base::Result<std::string> SignAssertion(const OAuth2& options, std::string_view key,
                                        int64_t now_unix_s);

}  // namespace tributary::net
