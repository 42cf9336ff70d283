#include "net/credentials/oauth2_token.h"

#include <string>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/strings.h"
#include "base/temp_dir_test_support.h"
#include "net/testing/token_server.h"

namespace tributary::net {
namespace {

using testing::Fields;
using testing::Jwt;
using testing::RsaKey;

class OAuth2TokenTest : public ::testing::Test {
 protected:
  OAuth2TokenTest() {
    options_.client_id = "me";
    options_.token_url = server_.url() + "/token";
    options_.jwt_bearer.emplace();
  }

  base::Result<std::string> Header() { return testing::HeaderOf(OAuth2Tokens(options_)); }

  testing::TokenServer server_;
  OAuth2 options_;
};

TEST_F(OAuth2TokenTest, AnAssertionIsSignedAndSaysWhoAsks) {
  const RsaKey key;
  JwtBearer& jwt = *options_.jwt_bearer;
  jwt.key = key.Pem();
  jwt.key_id = "k\"1";
  jwt.algorithm = "RS384";
  jwt.audience = "them";
  jwt.claims = {{"sub", "\"another\""}, {"level", "7"}};
  options_.scopes = {"read", "write"};
  options_.endpoint_params = {{"resource", "r"}};
  ASSERT_EQ(Header().value(), "Bearer abc");

  Fields form = server_.form();
  EXPECT_EQ(form["grant_type"], kJwtBearerGrant);
  EXPECT_EQ(form["scope"], "read write");
  EXPECT_EQ(form["resource"], "r");
  EXPECT_FALSE(form.contains("client_id"));
  const Jwt assertion(form["assertion"]);
  EXPECT_TRUE(key.Signed(assertion.text, assertion.signature, EVP_sha384()));
  EXPECT_EQ(assertion.header, (Fields{{"alg", "RS384"}, {"typ", "JWT"}, {"kid", "k\"1"}}));
  Fields claims = assertion.claims;
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
  const RsaKey key;
  const base::TempDir dir;
  options_.jwt_bearer->key_file = dir.Write("key", key.Pem());
  ASSERT_EQ(Header().value(), "Bearer abc");
  const Jwt assertion(server_.form()["assertion"]);
  EXPECT_TRUE(key.Signed(assertion.text, assertion.signature, EVP_sha256()));
  Fields claims = assertion.claims;
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
  EXPECT_EQ(server_.asked(), 0);
}

// The secret goes into the header first.
TEST_F(OAuth2TokenTest, ARefusalIsTriedTheOtherWay) {
  options_.jwt_bearer.reset();
  options_.client_secret = "s";
  server_.RefuseOnce();
  EXPECT_EQ(Header().value(), "Bearer abc");
  EXPECT_EQ(server_.asked(), 2);
  EXPECT_EQ(server_.form()["client_secret"], "s");
}

TEST_F(OAuth2TokenTest, OnlyTheGrantTypeCanBeReplaced) {
  options_.jwt_bearer.reset();
  options_.client_secret = "s";
  options_.endpoint_params = {{"grant_type", "own"}};
  EXPECT_EQ(Header().value(), "Bearer abc");
  EXPECT_EQ(server_.form()["grant_type"], "own");
  options_.scopes = {"read"};
  options_.endpoint_params = {{"scope", "all"}};
  EXPECT_FALSE(Header());
}

}  // namespace
}  // namespace tributary::net
