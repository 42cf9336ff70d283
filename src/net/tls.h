// TLS settings of both sides. Files are read again when they change; nothing needs a restart.
#pragma once

#include <string>
#include <vector>

namespace tributary::net {

enum class TlsVersion : unsigned char { kUnset, kTls10, kTls11, kTls12, kTls13 };

// What a client checks and shows. Inline PEM and file forms exclude each other.
struct TlsClientOptions {
  std::string ca, ca_file;
  std::string cert, cert_file;
  std::string key, key_file;
  std::string server_name;
  bool insecure_skip_verify = false;
  TlsVersion min_version = TlsVersion::kUnset;  // unset: 1.2
  TlsVersion max_version = TlsVersion::kUnset;
  friend bool operator==(const TlsClientOptions&, const TlsClientOptions&) = default;
};

enum class ClientAuth : unsigned char {
  kNone,
  kRequest,
  kRequireAny,
  kVerifyIfGiven,
  kRequireAndVerify,
};

struct TlsServerOptions {
  std::string cert, cert_file;
  std::string key, key_file;
  std::string client_ca, client_ca_file;
  ClientAuth client_auth = ClientAuth::kNone;
  std::vector<std::string> client_allowed_sans;
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::vector<std::string> cipher_suites;  // Go's names; empty: OpenSSL's good defaults
  bool prefer_server_cipher_suites = true;
  std::vector<std::string> curve_preferences;  // Go's names
  friend bool operator==(const TlsServerOptions&, const TlsServerOptions&) = default;
};

}  // namespace tributary::net
