// Certificates for tests: a CA and what it signs, made with libcrypto. For tests only.
#pragma once

#include <memory>
#include <string>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace tributary::net::testing {

struct CertPem {
  std::string cert, key;
};

class TestCa {
 public:
  TestCa() : key_(EVP_EC_gen("P-256")), cert_(X509_new()) {
    Fill(cert_, key_, "tributary test ca");
    AddExtension(cert_, NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(cert_, X509_get_subject_name(cert_));
    X509_sign(cert_, key_, EVP_sha256());
  }
  ~TestCa() {
    X509_free(cert_);
    EVP_PKEY_free(key_);
  }
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;

  std::string pem() const { return CertText(cert_); }

  // `sans` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
  CertPem Issue(const std::string& common_name, const std::string& sans) const {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* cert = X509_new();
    Fill(cert, key, common_name);
    X509_set_issuer_name(cert, X509_get_subject_name(cert_));
    AddExtension(cert, NID_subject_alt_name, sans);
    X509_sign(cert, key_, EVP_sha256());
    CertPem pem{CertText(cert), KeyText(key)};
    X509_free(cert);
    EVP_PKEY_free(key);
    return pem;
  }

 private:
  static void Fill(X509* cert, EVP_PKEY* key, const std::string& common_name) {
    static long serial = 1;
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                               0);
  }
  static void AddExtension(X509* cert, int nid, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static std::string Text(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string text(data, static_cast<size_t>(size));
    BIO_free(bio);
    return text;
  }
  static std::string CertText(X509* cert) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, cert);
    return Text(bio);
  }
  static std::string KeyText(EVP_PKEY* key) {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    return Text(bio);
  }

  EVP_PKEY* key_;
  X509* cert_;
};

}  // namespace tributary::net::testing
