// What a client certificate says at Azure: read from PEM or from PKCS #12.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "net/cloud_auth.h"

namespace tributary::net {

struct CertificateIdentity {
  std::string key;                 // RSA, PEM
  std::vector<std::string> chain;  // DER; the first is the client's own
};

// Reads the files of `certificate`. No secret gets into an error.
base::Result<CertificateIdentity> ReadCertificateIdentity(const AzureCertificate& certificate);

}  // namespace tributary::net
