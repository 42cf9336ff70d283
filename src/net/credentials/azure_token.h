// Tokens of Microsoft Entra ID (Azure AD) for remote write to Azure Monitor.
//
// Sources: Microsoft identity platform, "OAuth 2.0 client credentials flow", "certificate
// credentials"; Azure, "managed identities: get a token using HTTP"; azidentity for where the
// environment is looked at.
#pragma once

#include "net/cloud_auth.h"
#include "net/credentials/token_source.h"

namespace tributary::net {

TokenOptions AzureTokens(const AzureAd& options);

}  // namespace tributary::net
