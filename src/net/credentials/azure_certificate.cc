#include "net/credentials/azure_certificate.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "base/fs.h"

namespace tributary::net {
namespace {

using base::Result;

template <auto kFree>
struct FreeWith {
  template <class T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using Bio = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

struct Contents {
  Key key;
  std::vector<Certificate> chain;
};

Bio Reader(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

Contents ReadPem(std::string_view text) {
  Contents contents;
  const Bio certificates = Reader(text);
  while (X509* one = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    contents.chain.emplace_back(one);
  }
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  contents.key.reset(PEM_read_bio_PrivateKey(Reader(text).get(), nullptr, no_passphrase, nullptr));
  return contents;
}

Contents ReadPkcs12(std::string_view bytes, const std::string& password) {
  struct FreeChain {
    void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
  };
  Contents contents;
  const std::unique_ptr<PKCS12, FreeWith<PKCS12_free>> file(
      d2i_PKCS12_bio(Reader(bytes).get(), nullptr));
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

std::string PemOf(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
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
  const auto missing = [&](std::string_view what) {
    return base::InvalidArgument("no " + std::string(what) + " can be read from " +
                                 certificate.file);
  };
  if (contents.chain.empty()) return missing("certificate");
  if (contents.key == nullptr) return missing("private key");
  CertificateIdentity identity{.key = PemOf(contents.key.get()), .chain = {}};
  for (const Certificate& one : contents.chain) identity.chain.push_back(DerOf(one.get()));
  return identity;
}

}  // namespace tributary::net
