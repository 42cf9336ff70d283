// Tokens of Google Cloud for remote write to its Managed Service for Prometheus: of a service
// account's key, or application default credentials: the file that GOOGLE_APPLICATION_CREDENTIALS
// names, the one that gcloud writes, the metadata service.
//
// Sources: Google Identity, "Using OAuth 2.0 for Server to Server Applications"; AIP-4110 (default
// credentials), AIP-4112 (service account keys), AIP-4113 (user accounts), AIP-4115 (metadata).
#pragma once

#include "net/cloud_auth.h"
#include "net/credentials/token_source.h"

namespace tributary::net {

TokenOptions GoogleTokens(const GoogleIam& options);

}  // namespace tributary::net
