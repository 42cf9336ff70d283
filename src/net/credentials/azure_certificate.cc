#include "net/credentials/azure_certificate.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "base/fs.h"
#include "net/openssl_objects.h"

namespace tributary::net {
namespace {

using base::Result;

struct Contents {
  KeyPtr key;
  std::vector<X509Ptr> chain;
};

Contents ReadPem(std::string_view text) {
  Contents contents;
  const BioPtr certificates = ReaderOf(text);
  while (X509* one = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    contents.chain.emplace_back(one);
  }
  contents.key = ReadPrivateKey(text);
  return contents;
}

Contents ReadPkcs12(std::string_view bytes, const std::string& password) {
  struct FreeChain {
    void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  };
  Contents contents;
  const std::unique_ptr<PKCS12, base::FreeWith<PKCS12_free>> file(
      d2i_PKCS12_bio(ReaderOf(bytes).get(), nullptr));
  if (file == nullptr) return contents;
  EVP_PKEY* key = nullptr;
  X509* own = nullptr;
  STACK_OF(X509)* others = nullptr;
  if (PKCS12_parse(file.get(), password.c_str(), &key, &own, &others) != 1) return contents;
  contents.key.reset(key);
  if (own != nullptr) contents.chain.emplace_back(own);
  const std::unique_ptr<STACK_OF(X509), FreeChain> owned(others);
  while (others != nullptr && sk_X509_num(others) > 0) {
    contents.chain.emplace_back(sk_X509_shift(others));
  }
  return contents;
}

std::string DerOf(X509* certificate) {
  std::string der(static_cast<size_t>(std::max(0, i2d_X509(certificate, nullptr))), '\0');
  auto* out = reinterpret_cast<unsigned char*>(der.data());
  i2d_X509(certificate, &out);
  return der;
}

}  // namespace

Result<CertificateIdentity> ReadCertificateIdentity(const AzureCertificate& certificate) {
  const auto read = [](const std::string& path) { return base::PosixFileSystem().ReadFile(path); };
  ASSIGN_OR_RETURN(std::string text, read(certificate.file));
  if (!certificate.key_file.empty()) {
    ASSIGN_OR_RETURN(const std::string key, read(certificate.key_file));
    text += "\n" + key;
  }
  Contents contents;
  if (certificate.password.empty()) contents = ReadPem(text);
  if (contents.chain.empty()) contents = ReadPkcs12(text, certificate.password);
  ERR_clear_error();  // the end of a PEM file is one, too
  const auto missing = [&](std::string_view what) {
    return base::InvalidArgument("no " + std::string(what) + " can be read from " +
                                 certificate.file);
  };
  if (contents.chain.empty()) return missing("certificate");
  if (contents.key == nullptr) return missing("private key");
  CertificateIdentity identity{.key = PemOf(contents.key.get()), .chain = {}};
  for (const X509Ptr& one : contents.chain) identity.chain.push_back(DerOf(one.get()));
  return identity;
}

}  // namespace tributary::net
