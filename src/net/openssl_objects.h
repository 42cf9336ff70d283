// Owners of OpenSSL's objects, and how PEM becomes one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/free_with.h"

namespace tributary::net {

using BioPtr = std::unique_ptr<BIO, base::FreeWith<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, base::FreeWith<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, base::FreeWith<EVP_PKEY_free>>;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, base::FreeWith<EVP_MD_CTX_free>>;

// Reads the text, which must outlive it.
inline BioPtr ReaderOf(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Without a callback OpenSSL would ask the terminal for the passphrase of an encrypted key.
inline int NoPassphrase(char* /*out*/, int /*size*/, int /*writes*/, void* /*user*/) { return 0; }

// Null: it is none, or has a passphrase; the thread's error queue tells which.
inline KeyPtr ReadPrivateKey(std::string_view pem) {
  return KeyPtr(PEM_read_bio_PrivateKey(ReaderOf(pem).get(), nullptr, NoPassphrase, nullptr));
}

inline std::string PemOf(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

}  // namespace tributary::net
