#include "net/client/oauth2_token.h"

#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/clock.h"
#include "base/strings.h"
#include "net/client/json_object.h"
#include "net/http_server.h"
#include "net/testing/temp_dir.h"

namespace tributary::net {
namespace {

using Fields = std::map<std::string, std::string>;

struct Keys {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(2048), EVP_PKEY_free};

  std::string Pem() const {
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<size_t>(size)};
  }
  bool Signed(std::string_view text, std::string_view signature, const EVP_MD* digest) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1;
  }
};

std::string FromBase64Url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.resize((text.size() + 3) / 4 * 4, '=');
  return base::Base64Decode(text).value_or("not base64");
}

Fields FieldsOf(std::string_view json) {
  Fields fields;
  JsonObject object(json);
  EXPECT_TRUE(object.Open()) << json;
  while (const auto key = object.NextKey()) fields[*key] = object.Value().value_or("?");
  EXPECT_FALSE(object.broken()) << json;
  return fields;
}

// A server of tokens that writes down what it was asked.
class OAuth2TokenTest : public ::testing::Test {
 protected:
  OAuth2TokenTest() {
    HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    server_ =
        HttpServer::Create(options, nullptr, [this](Request& request, ResponseWriter& response) {
          asked_ = request.body();
          response.Write(R"({"access_token":"abc","expires_in":60})");
        }).value();
    server_->Start();
    options_.client_id = "me";
    options_.token_url = "http://127.0.0.1:" + std::to_string(server_->ports()[0]) + "/token";
    options_.jwt_bearer.emplace();
  }

  base::Result<std::string> Header() {
    const auto source = TokenSource::Create(options_).value();
    std::promise<base::Result<std::string>> got;
    source->Get([&](const base::Result<std::string>& header) { got.set_value(header); });
    return got.get_future().get();
  }
  Fields Form() const {
    Fields form;
    for (const std::string_view pair : base::Split(asked_, '&')) {
      const size_t equals = pair.find('=');
      form[std::string(pair.substr(0, equals))] = pair.substr(equals + 1);
    }
    return form;
  }

  std::unique_ptr<HttpServer> server_;
  std::string asked_;
  OAuth2 options_;
};

TEST_F(OAuth2TokenTest, AnAssertionIsSignedAndSaysWhoAsks) {
  const Keys keys;
  JwtBearer& jwt = *options_.jwt_bearer;
  jwt.key = keys.Pem();
  jwt.key_id = "k\"1";
  jwt.algorithm = "RS384";
  jwt.audience = "them";
  jwt.claims = {{"sub", "\"another\""}, {"level", "7"}};
  options_.scopes = {"read", "write"};
  options_.endpoint_params = {{"resource", "r"}};
  ASSERT_EQ(Header().value(), "Bearer abc");

  Fields form = Form();
  EXPECT_EQ(form["grant_type"], UrlEncode(kJwtBearerGrant));
  EXPECT_EQ(form["scope"], "read%20write");
  EXPECT_EQ(form["resource"], "r");
  EXPECT_FALSE(form.contains("client_id"));
  const auto parts = base::Split(form["assertion"], '.');
  ASSERT_EQ(parts.size(), 3u);
  const std::string text = std::string(parts[0]) + "." + std::string(parts[1]);
  EXPECT_TRUE(keys.Signed(text, FromBase64Url(std::string(parts[2])), EVP_sha384()));
  EXPECT_EQ(FieldsOf(FromBase64Url(std::string(parts[0]))),
            (Fields{{"alg", "RS384"}, {"typ", "JWT"}, {"kid", "k\"1"}}));

  Fields claims = FieldsOf(FromBase64Url(std::string(parts[1])));
  EXPECT_EQ(claims["iss"], "me");
  EXPECT_EQ(claims["sub"], "another");
  EXPECT_EQ(claims["aud"], "them");
  EXPECT_EQ(claims["scope"], "read write");
  EXPECT_EQ(claims["level"], "7");
  EXPECT_EQ(claims["jti"].size(), 36u);
  const int64_t issued = base::ParseInt(claims["iat"]).value_or(0);
  EXPECT_NEAR(static_cast<double>(issued), static_cast<double>(base::SystemClock().NowMs()) / 1000,
              60);
  EXPECT_EQ(base::ParseInt(claims["exp"]), issued + 600);
}

TEST_F(OAuth2TokenTest, AKeyIsReadFromAFile) {
  const Keys keys;
  const testing::TempDir dir;
  options_.jwt_bearer->key_file = dir.Write("key", keys.Pem());
  ASSERT_EQ(Header().value(), "Bearer abc");
  const std::string assertion = Form()["assertion"];
  const auto parts = base::Split(assertion, '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_TRUE(keys.Signed(assertion.substr(0, assertion.rfind('.')),
                          FromBase64Url(std::string(parts[2])), EVP_sha256()));
  Fields claims = FieldsOf(FromBase64Url(std::string(parts[1])));
  EXPECT_EQ(claims["sub"], "me");
  EXPECT_EQ(claims["aud"], options_.token_url);
  EXPECT_FALSE(claims.contains("scope"));
}

TEST_F(OAuth2TokenTest, WhatIsNoKeyIsSaid) {
  options_.jwt_bearer->key = "a secret";
  const auto header = Header();
  ASSERT_FALSE(header);
  EXPECT_NE(header.error().message().find("is not an rsa key"), std::string::npos);
  EXPECT_EQ(header.error().message().find("a secret"), std::string::npos);
  EXPECT_EQ(asked_, "");
}

TEST_F(OAuth2TokenTest, OnlyTheGrantTypeCanBeReplaced) {
  options_.jwt_bearer.reset();
  options_.client_secret = "s";
  options_.endpoint_params = {{"grant_type", "own"}};
  EXPECT_EQ(Header().value(), "Bearer abc");
  EXPECT_EQ(Form()["grant_type"], "own");
  options_.scopes = {"read"};
  options_.endpoint_params = {{"scope", "all"}};
  EXPECT_FALSE(Header());
}

}  // namespace
}  // namespace tributary::net
