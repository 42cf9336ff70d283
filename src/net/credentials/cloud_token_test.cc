// How remote write gets tokens at Azure and at Google: what is asked of a server in their place.
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/pkcs12.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/fs.h"
#include "base/strings.h"
#include "base/temp_dir_test_support.h"
#include "net/credentials/azure_token.h"
#include "net/credentials/google_token.h"
#include "net/credentials/jwt.h"
#include "net/testing/token_server.h"

namespace tributary::net {
namespace {

using testing::Fields;
using testing::HeaderOf;
using testing::Jwt;
using testing::RsaKey;

constexpr const char* kClient = "00000000-0000-0000-0000-00000000000c";
constexpr const char* kTenant = "00000000-0000-0000-0000-00000000000d";

// With an environment of its own.
class CloudTokenTest : public ::testing::Test {
 protected:
  CloudTokenTest() {
    Set("HOME", dir_.path());
    Set("AZURE_AUTHORITY_HOST", server_.url());
    Set("AZURE_POD_IDENTITY_AUTHORITY_HOST", server_.url());
    Set("GCE_METADATA_HOST", server_.url().substr(std::string("http://").size()));
    for (const char* name : {"AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET",
                             "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE",
                             "GOOGLE_APPLICATION_CREDENTIALS"}) {
      Set(name, "");
    }
  }
  ~CloudTokenTest() override {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  void Set(const char* name, const std::string& value) {
    const char* before = ::getenv(name);
    before_.try_emplace(name, before == nullptr ? std::nullopt : std::optional(before));
    ::setenv(name, value.c_str(), 1);
  }

  base::Result<std::string> Azure(auto identity, AzureAd options = {}) {
    options.identity = std::move(identity);
    return HeaderOf(AzureTokens(options));
  }
  base::Result<std::string> Google(const std::string& file = {}) {
    return HeaderOf(GoogleTokens({.credentials_file = file}));
  }

  const base::TempDir dir_;
  testing::TokenServer server_;

 private:
  std::map<std::string, std::optional<std::string>> before_;  // nothing: it was not set
};

using AzureTokenTest = CloudTokenTest;
using GoogleTokenTest = CloudTokenTest;

TEST_F(AzureTokenTest, ASecret) {
  ASSERT_EQ(Azure(AzureSecret{kClient, kTenant, "s&t"}).value(), "Bearer abc");
  EXPECT_EQ(server_.path(), std::string("/") + kTenant + "/oauth2/v2.0/token");
  EXPECT_EQ(server_.form(), (Fields{{"grant_type", "client_credentials"},
                                    {"client_id", kClient},
                                    {"client_secret", "s&t"},
                                    {"scope", "https://monitor.azure.com//.default"}}));
  ASSERT_TRUE(Azure(AzureSecret{kClient, kTenant, "s"}, {.scope = "own"}));
  EXPECT_EQ(server_.form()["scope"], "own");
}

TEST_F(AzureTokenTest, EachCloudHasItsOwnAuthority) {
  const auto f = [&](AzureCloud cloud, const std::string& authority, const std::string& scope) {
    const TokenOptions tokens =
        AzureTokens({.cloud = cloud, .identity = AzureSecret{kClient, "t", "s"}});
    const ClientRequest request = tokens.ways[0]().value();
    EXPECT_EQ(request.url, authority + "/t/oauth2/v2.0/token");
    EXPECT_TRUE(request.body.ends_with("&scope=" + UrlEncode(scope))) << request.body;
  };
  f(AzureCloud::kPublic, server_.url(), "https://monitor.azure.com//.default");
  f(AzureCloud::kChina, "https://login.chinacloudapi.cn", "https://monitor.azure.cn//.default");
  f(AzureCloud::kGovernment, "https://login.microsoftonline.us",
    "https://monitor.azure.us//.default");
  Set("AZURE_AUTHORITY_HOST", "");
  f(AzureCloud::kPublic, "https://login.microsoftonline.com",
    "https://monitor.azure.com//.default");
}

TEST_F(AzureTokenTest, WhatIsRefusedIsSaid) {
  server_.RefuseOnce();
  const auto header = Azure(AzureSecret{kClient, kTenant, "hidden"});
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().message(), "azuread: token request to " + server_.url() + "/" + kTenant +
                                          "/oauth2/v2.0/token was answered with 401: not you");
}

TEST_F(AzureTokenTest, TheProxyOfTheEnvironmentIsNotForTheMachinesOwnService) {
  Set("AZURE_AUTHORITY_HOST", "http://login.invalid");
  EXPECT_FALSE(Azure(AzureSecret{kClient, kTenant, "s"}));
  Set("no_proxy", "");
  Set("http_proxy", server_.url());
  EXPECT_EQ(Azure(AzureSecret{kClient, kTenant, "s"}).value_or("none"), "Bearer abc");
  Set("http_proxy", "http://127.0.0.1:9");  // discard: nobody is there
  EXPECT_TRUE(Azure(AzureManagedIdentity{}));
  EXPECT_TRUE(Google());
}

TEST_F(AzureTokenTest, AWorkloadIdentity) {
  const std::string file = dir_.Write("token", "first\n");
  ASSERT_EQ(Azure(AzureWorkloadIdentity{kClient, kTenant, file}).value(), "Bearer abc");
  Fields form = server_.form();
  EXPECT_EQ(form["client_assertion"], "first");
  EXPECT_EQ(form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  EXPECT_EQ(form["client_id"], kClient);
  EXPECT_FALSE(Azure(AzureWorkloadIdentity{kClient, kTenant, file + "x"}));
}

TEST_F(AzureTokenTest, AManagedIdentity) {
  ASSERT_EQ(Azure(AzureManagedIdentity{}).value(), "Bearer abc");
  EXPECT_EQ(server_.path(), "/metadata/identity/oauth2/token");
  EXPECT_EQ(server_.query(),
            "api-version=2018-02-01&resource=" + UrlEncode("https://monitor.azure.com/"));
  EXPECT_EQ(server_.metadata(), "true");
  ASSERT_TRUE(Azure(AzureManagedIdentity{kClient}));
  EXPECT_TRUE(server_.query().ends_with(std::string("&client_id=") + kClient));
}

TEST_F(AzureTokenTest, TheSdkTakesWhatTheEnvironmentHas) {
  ASSERT_TRUE(Azure(AzureSdk{}));
  EXPECT_EQ(server_.path(), "/metadata/identity/oauth2/token");
  Set("AZURE_CLIENT_ID", kClient);
  Set("AZURE_FEDERATED_TOKEN_FILE", dir_.Write("token", "pod"));
  ASSERT_TRUE(Azure(AzureSdk{.tenant_id = "t"}));
  EXPECT_EQ(server_.path(), "/t/oauth2/v2.0/token");
  EXPECT_EQ(server_.form()["client_assertion"], "pod");
  Set("AZURE_TENANT_ID", kTenant);
  Set("AZURE_CLIENT_SECRET", "s");
  ASSERT_TRUE(Azure(AzureSdk{}));
  EXPECT_EQ(server_.form()["client_secret"], "s");
  server_.RefuseOnce();
  ASSERT_TRUE(Azure(AzureSdk{}));
  EXPECT_EQ(server_.form()["client_assertion"], "pod") << "the next in the row";
}

// Of nobody in particular, for the key.
class CertificateTest : public AzureTokenTest {
 protected:
  CertificateTest() {
    X509_set_pubkey(certificate_.get(), key_.key.get());
    X509_gmtime_adj(X509_getm_notBefore(certificate_.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate_.get()), 3600);
    X509_sign(certificate_.get(), key_.key.get(), EVP_sha256());
  }
  std::string Der() const {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate_.get(), &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    return text;
  }
  std::string Pem() const {
    return "-----BEGIN CERTIFICATE-----\n" + base::Base64Encode(Der()) +
           "\n-----END CERTIFICATE-----\n";
  }
  std::string Pkcs12(const char* password) const {
    const std::unique_ptr<PKCS12, decltype(&PKCS12_free)> file(
        PKCS12_create(password, "name", key_.key.get(), certificate_.get(), nullptr, 0, 0, 0, 0, 0),
        PKCS12_free);
    unsigned char* der = nullptr;
    const int size = i2d_PKCS12(file.get(), &der);
    std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    return text;
  }
  // Whether the last request showed that it knows the key.
  void ExpectAssertion() {
    const Jwt jwt(server_.form()["client_assertion"]);
    EXPECT_TRUE(key_.Signed(jwt.text, jwt.signature, EVP_sha256(), /*pss=*/true));
    const std::string der = Der();
    std::string digest(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(der.data()), der.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
    Fields header = jwt.header;
    EXPECT_EQ(header["alg"], "PS256");
    EXPECT_EQ(header["x5t#S256"], Base64Url(digest));
    Fields claims = jwt.claims;
    EXPECT_EQ(claims["aud"], server_.url() + "/t/oauth2/v2.0/token");
    EXPECT_EQ(claims["iss"], kClient);
    EXPECT_EQ(claims["sub"], kClient);
    EXPECT_EQ(base::ParseInt(claims["exp"]).value_or(0),
              base::ParseInt(claims["nbf"]).value_or(0) + 600);
  }

  const RsaKey key_;
  const X509Ptr certificate_{X509_new()};
};

TEST_F(CertificateTest, FromOnePemFile) {
  AzureCertificate identity{.client_id = kClient, .tenant_id = "t"};
  identity.file = dir_.Write("both.pem", Pem() + key_.Pem());
  ASSERT_EQ(Azure(identity).value(), "Bearer abc");
  ExpectAssertion();
}

TEST_F(CertificateTest, FromTwoPemFilesWithTheChain) {
  AzureCertificate identity{.client_id = kClient, .tenant_id = "t"};
  identity.file = dir_.Write("certificate.pem", Pem());
  identity.key_file = dir_.Write("key.pem", key_.Pem());
  identity.send_chain = true;
  ASSERT_EQ(Azure(identity).value(), "Bearer abc");
  ExpectAssertion();
  const std::string text = Jwt(server_.form()["client_assertion"]).text;
  EXPECT_NE(testing::FromBase64Url(text.substr(0, text.find('.')))
                .find("\"x5c\":[\"" + base::Base64Encode(Der()) + "\"]"),
            std::string::npos);
}

TEST_F(CertificateTest, FromPkcs12) {
  for (const char* password : {"", "p"}) {
    AzureCertificate identity{.client_id = kClient, .tenant_id = "t"};
    identity.file = dir_.Write("both.pfx", Pkcs12(password));
    identity.password = password;
    ASSERT_EQ(Azure(identity).value(), "Bearer abc");
    ExpectAssertion();
    identity.password = "hidden";
    const auto header = Azure(identity);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().message(),
              "azuread: client certificate: no certificate can be read from " + identity.file);
  }
}

TEST_F(CertificateTest, WithoutItsKey) {
  AzureCertificate identity{.client_id = kClient, .tenant_id = "t"};
  identity.file = dir_.Write("certificate.pem", Pem());
  const auto header = Azure(identity);
  ASSERT_FALSE(header);
  EXPECT_EQ(header.error().message(),
            "azuread: client certificate: no private key can be read from " + identity.file);
}

class ServiceAccountTest : public GoogleTokenTest {
 protected:
  std::string Json() const {
    return R"({"type": "service_account", "client_email": "a@b", "private_key_id": "k",)"
           R"( "private_key": )" +
           JsonText(key_.Pem()) + R"(, "token_uri": ")" + server_.url() + R"(/token"})";
  }
  void ExpectAssertion() {
    Fields form = server_.form();
    EXPECT_EQ(server_.path(), "/token");
    EXPECT_EQ(form["grant_type"], kJwtBearerGrant);
    const Jwt jwt(form["assertion"]);
    EXPECT_TRUE(key_.Signed(jwt.text, jwt.signature, EVP_sha256()));
    EXPECT_EQ(jwt.header, (Fields{{"alg", "RS256"}, {"typ", "JWT"}, {"kid", "k"}}));
    Fields claims = jwt.claims;
    EXPECT_EQ(claims["iss"], "a@b");
    EXPECT_EQ(claims["aud"], server_.url() + "/token");
    EXPECT_EQ(claims["scope"], "https://www.googleapis.com/auth/monitoring.write");
    EXPECT_FALSE(claims.contains("sub"));
    EXPECT_EQ(base::ParseInt(claims["exp"]).value_or(0),
              base::ParseInt(claims["iat"]).value_or(0) + 3600);
  }

  const RsaKey key_;
};

TEST_F(ServiceAccountTest, OfTheConfiguration) {
  ASSERT_EQ(Google(dir_.Write("key.json", Json())).value(), "Bearer abc");
  ExpectAssertion();
}

TEST_F(ServiceAccountTest, OfTheEnvironment) {
  Set("GOOGLE_APPLICATION_CREDENTIALS", dir_.Write("key.json", Json()));
  ASSERT_EQ(Google().value(), "Bearer abc");
  ExpectAssertion();
}

TEST_F(ServiceAccountTest, WhereGcloudPutsIt) {
  ASSERT_TRUE(base::PosixFileSystem().CreateDirs(dir_.path() + "/.config/gcloud"));
  dir_.Write(".config/gcloud/application_default_credentials.json", Json());
  ASSERT_EQ(Google().value(), "Bearer abc");
  ExpectAssertion();
}

TEST_F(GoogleTokenTest, TheMetadataServiceIsAskedLast) {
  ASSERT_EQ(Google().value(), "Bearer abc");
  EXPECT_EQ(server_.path(), "/computeMetadata/v1/instance/service-accounts/default/token");
  EXPECT_EQ(server_.query(),
            "scopes=" + UrlEncode("https://www.googleapis.com/auth/monitoring.write"));
  EXPECT_EQ(server_.metadata(), "Google");
}

TEST_F(GoogleTokenTest, WhatCannotBeUsedIsSaid) {
  const auto f = [&](const std::string& json, const std::string& error) {
    const std::string path = dir_.Write("key.json", json);
    const auto header = Google(path);
    ASSERT_FALSE(header);
    EXPECT_EQ(header.error().message(), "google_iam: " + error);
  };
  const std::string path = dir_.path() + "/key.json";
  f("[]", path + ": not a json object");
  f(R"({"type": )", path + ": not valid json");
  f(R"({"type": "authorized_user"})",
    path + " holds credentials of type \"authorized_user\"; only service_account can be used");
  f(R"({"type": "service_account", "private_key": "hidden"})",
    "private_key: the key is not an rsa key in pem without a passphrase");
  EXPECT_EQ(server_.asked(), 0);
}

}  // namespace
}  // namespace tributary::net
