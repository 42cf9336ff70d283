// Tokens of OAuth2, for client credentials (RFC 6749, 4.4) or for a signed assertion (RFC 7523,
// 2.1).
#pragma once

#include "net/credentials/token_source.h"
#include "net/http_client.h"

namespace tributary::net {

TokenOptions OAuth2Tokens(const OAuth2& options);

}  // namespace tributary::net
