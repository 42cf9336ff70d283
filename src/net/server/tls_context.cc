#include "net/server/tls_context.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/openssl_objects.h"

namespace tributary::net {
namespace {

using base::Result;
using base::Status;

constexpr int64_t kCheckEveryNs = 1'000'000'000;
constexpr std::string_view kSessionContext = "tributary";

std::string OpenSslReason() {
  std::string reason = "unknown reason";
  if (const unsigned long code = ERR_peek_last_error(); code != 0) {
    const char* text = ERR_reason_error_string(code);
    reason = text != nullptr ? text : "unknown reason";
  }
  ERR_clear_error();
  return reason;
}

// Inline PEM wins over a file.
Result<std::string> TextOf(const std::string& text, const std::string& file, const char* what) {
  if (!text.empty()) return text;
  if (file.empty()) return base::InvalidArgument(fmt::format("tls: no {} is given", what));
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  if (!in || !(content << in.rdbuf())) {
    return base::IoError(fmt::format("tls: {} {}: {}", what, file, std::strerror(errno)));
  }
  return content.str();
}

Status UseCertificate(SSL_CTX* ctx, const TlsServerOptions& options) {
  ASSIGN_OR_RETURN(const std::string cert_pem,
                   TextOf(options.cert, options.cert_file, "certificate"));
  ASSIGN_OR_RETURN(const std::string key_pem, TextOf(options.key, options.key_file, "key"));
  const std::string& cert_name = options.cert_file.empty() ? "inline" : options.cert_file;
  const std::string& key_name = options.key_file.empty() ? "inline" : options.key_file;
  const BioPtr bio = ReaderOf(cert_pem);
  const X509Ptr leaf(PEM_read_bio_X509_AUX(bio.get(), nullptr, NoPassphrase, nullptr));
  if (!leaf || SSL_CTX_use_certificate(ctx, leaf.get()) != 1) {
    return base::InvalidArgument(
        fmt::format("tls: certificate {}: {}", cert_name, OpenSslReason()));
  }
  SSL_CTX_clear_chain_certs(ctx);
  while (X509* link = PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)) {
    SSL_CTX_add0_chain_cert(ctx, link);
  }
  ERR_clear_error();
  const KeyPtr key = ReadPrivateKey(key_pem);
  if (!key || SSL_CTX_use_PrivateKey(ctx, key.get()) != 1 || SSL_CTX_check_private_key(ctx) != 1) {
    return base::InvalidArgument(
        fmt::format("tls: key {} for certificate {}: {}", key_name, cert_name, OpenSslReason()));
  }
  return {};
}

int AcceptAny(X509_STORE_CTX*, void*) { return 1; }

Status UseClientAuth(SSL_CTX* ctx, const TlsServerOptions& options) {
  const bool has_ca = !options.client_ca.empty() || !options.client_ca_file.empty();
  if (has_ca) {
    ASSIGN_OR_RETURN(const std::string pem,
                     TextOf(options.client_ca, options.client_ca_file, "client ca"));
    X509_STORE* store = SSL_CTX_get_cert_store(ctx);
    const BioPtr bio = ReaderOf(pem);
    size_t count = 0;
    while (X509Ptr ca{PEM_read_bio_X509(bio.get(), nullptr, NoPassphrase, nullptr)}) {
      X509_STORE_add_cert(store, ca.get());
      SSL_CTX_add_client_CA(ctx, ca.get());
      ++count;
    }
    ERR_clear_error();
    if (count == 0) {
      return base::InvalidArgument(
          fmt::format("tls: client ca {}: no certificate found",
                      options.client_ca_file.empty() ? "inline" : options.client_ca_file));
    }
  }
  switch (options.client_auth) {
    case ClientAuth::kNone:
      break;
    case ClientAuth::kRequest:
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
      SSL_CTX_set_cert_verify_callback(ctx, AcceptAny, nullptr);
      break;
    case ClientAuth::kRequireAny:
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      SSL_CTX_set_cert_verify_callback(ctx, AcceptAny, nullptr);
      break;
    case ClientAuth::kVerifyIfGiven:
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
      break;
    case ClientAuth::kRequireAndVerify:
      SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      break;
  }
  return {};
}

int VersionNumber(TlsVersion version, int unset) {
  switch (version) {
    case TlsVersion::kUnset:
      return unset;
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      return TLS1_3_VERSION;
  }
  return unset;
}

// Go's names are IANA's, except that the first two ChaCha20 suites may lack their hash.
Status UseCiphers(SSL_CTX* ctx, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  if (SSL_CTX_set_cipher_list(ctx, "ALL:COMPLEMENTOFALL") != 1) {
    return base::Internal("tls: openssl lists no ciphers");
  }
  STACK_OF(SSL_CIPHER)* all = SSL_CTX_get_ciphers(ctx);
  std::string tls12;
  std::string tls13;
  for (const std::string& name : names) {
    const SSL_CIPHER* found = nullptr;
    for (int i = 0; i < sk_SSL_CIPHER_num(all) && found == nullptr; ++i) {
      const SSL_CIPHER* cipher = sk_SSL_CIPHER_value(all, i);
      const std::string_view standard = SSL_CIPHER_standard_name(cipher);
      if (standard == name || standard == name + "_SHA256") found = cipher;
    }
    if (found == nullptr) {
      return base::InvalidArgument(fmt::format("tls: unknown cipher suite \"{}\"", name));
    }
    std::string& list =
        std::string_view(SSL_CIPHER_get_version(found)) == "TLSv1.3" ? tls13 : tls12;
    if (!list.empty()) list += ':';
    list += SSL_CIPHER_get_name(found);
  }
  if (!tls12.empty() && SSL_CTX_set_cipher_list(ctx, tls12.c_str()) != 1) {
    return base::InvalidArgument(fmt::format("tls: cipher suites: {}", OpenSslReason()));
  }
  if (!tls13.empty() && SSL_CTX_set_ciphersuites(ctx, tls13.c_str()) != 1) {
    return base::InvalidArgument(fmt::format("tls: cipher suites: {}", OpenSslReason()));
  }
  return {};
}

Status UseCurves(SSL_CTX* ctx, const std::vector<std::string>& names) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kCurves{{
      {"CurveP256", "P-256"},
      {"CurveP384", "P-384"},
      {"CurveP521", "P-521"},
      {"X25519", "X25519"},
  }};
  std::string list;
  for (const std::string& name : names) {
    const auto* it = std::find_if(kCurves.begin(), kCurves.end(),
                                  [&](const auto& curve) { return curve.first == name; });
    if (it == kCurves.end()) {
      return base::InvalidArgument(fmt::format("tls: unknown curve \"{}\"", name));
    }
    if (!list.empty()) list += ':';
    list += it->second;
  }
  if (!list.empty() && SSL_CTX_set1_groups_list(ctx, list.c_str()) != 1) {
    return base::InvalidArgument(fmt::format("tls: curves: {}", OpenSslReason()));
  }
  return {};
}

int SelectHttp11(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                 unsigned int in_size, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, kHttp11, sizeof(kHttp11) - 1, in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

Result<std::shared_ptr<SSL_CTX>> Build(const TlsServerOptions& options) {
  ERR_clear_error();
  std::shared_ptr<SSL_CTX> ctx(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!ctx) return base::Internal(fmt::format("tls: {}", OpenSslReason()));
  SSL_CTX_set_min_proto_version(ctx.get(), VersionNumber(options.min_version, TLS1_2_VERSION));
  SSL_CTX_set_max_proto_version(ctx.get(), VersionNumber(options.max_version, 0));
  uint64_t flags = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF;
  if (options.prefer_server_cipher_suites) flags |= SSL_OP_CIPHER_SERVER_PREFERENCE;
  SSL_CTX_set_options(ctx.get(), flags);
  SSL_CTX_set_session_id_context(ctx.get(),
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 kSessionContext.size());
  SSL_CTX_set_alpn_select_cb(ctx.get(), SelectHttp11, nullptr);
  RETURN_IF_ERROR(UseCertificate(ctx.get(), options));
  RETURN_IF_ERROR(UseClientAuth(ctx.get(), options));
  RETURN_IF_ERROR(UseCiphers(ctx.get(), options.cipher_suites));
  RETURN_IF_ERROR(UseCurves(ctx.get(), options.curve_preferences));
  return ctx;
}

std::string_view AsText(const ASN1_STRING* s) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(s)),
          static_cast<size_t>(ASN1_STRING_length(s))};
}

std::string NameText(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return std::string(AsText(name->d.dNSName));
    case GEN_EMAIL:
      return std::string(AsText(name->d.rfc822Name));
    case GEN_URI:
      return std::string(AsText(name->d.uniformResourceIdentifier));
    case GEN_IPADD: {
      const std::string_view ip = AsText(name->d.iPAddress);
      std::array<char, INET6_ADDRSTRLEN> text{};
      const int family = ip.size() == 4 ? AF_INET : AF_INET6;
      if (ip.size() != 4 && ip.size() != 16) return {};
      ::inet_ntop(family, ip.data(), text.data(), text.size());
      return text.data();
    }
    default:
      return {};
  }
}

}  // namespace

Result<std::unique_ptr<TlsContext>> TlsContext::Create(TlsServerOptions options) {
  std::unique_ptr<TlsContext> tls(new TlsContext(std::move(options)));
  base::MutexLock lock(tls->mutex_);
  tls->stamps_ = tls->Stamps();
  ASSIGN_OR_RETURN(tls->context_, Build(tls->options_));
  tls->checked_ns_ = base::SystemClock().MonotonicNs();
  return tls;
}

std::vector<FileStamp> TlsContext::Stamps() const {
  std::vector<FileStamp> stamps;
  for (const std::string* path :
       {&options_.cert_file, &options_.key_file, &options_.client_ca_file}) {
    stamps.push_back(path->empty() ? FileStamp{} : StampOf(*path));
  }
  return stamps;
}

std::shared_ptr<SSL_CTX> TlsContext::Current() {
  base::MutexLock lock(mutex_);
  const int64_t now = base::SystemClock().MonotonicNs();
  if (now - checked_ns_ < kCheckEveryNs) return context_;
  checked_ns_ = now;
  std::vector<FileStamp> stamps = Stamps();
  if (stamps == stamps_) return context_;
  stamps_ = std::move(stamps);
  auto fresh = Build(options_);
  if (fresh) {
    context_ = *std::move(fresh);
    LOG_INFO("tls files changed, new connections use them", kv("cert_file", options_.cert_file));
  } else {
    LOG_WARN("tls files changed and cannot be used, keeping the old ones",
             kv("error", fresh.error()));
  }
  return context_;
}

bool TlsContext::PeerAllowed(SSL* ssl) const {
  if (options_.client_allowed_sans.empty()) return true;
  const X509Ptr peer(SSL_get1_peer_certificate(ssl));
  if (!peer) return true;  // whether one is needed was settled in the handshake
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(peer.get(), NID_subject_alt_name, nullptr, nullptr));
  bool allowed = false;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names) && !allowed; ++i) {
    const std::string text = NameText(sk_GENERAL_NAME_value(names, i));
    allowed = !text.empty() &&
              std::find(options_.client_allowed_sans.begin(), options_.client_allowed_sans.end(),
                        text) != options_.client_allowed_sans.end();
  }
  GENERAL_NAMES_free(names);
  return allowed;
}

}  // namespace tributary::net
