#include "net/credentials/aws_credentials.h"

#include <atomic>
#include <cstdlib>
#include <ctime>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temp_dir_test_support.h"
#include "net/http_server.h"

namespace tributary::net {
namespace {

using ::testing::HasSubstr;

// Sets variables for one test and takes them back; those of the machine are hidden.
class ScopedEnvironment {
 public:
  ScopedEnvironment() {
    for (const char* name :
         {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID",
          "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE",
          "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
          "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
          "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_ENDPOINT_URL_STS",
          "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"}) {
      Hide(name);
    }
    Set("AWS_EC2_METADATA_DISABLED", "true");
    Set("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    Set("AWS_CONFIG_FILE", "/nonexistent");
  }
  ~ScopedEnvironment() {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  void Set(const std::string& name, const std::string& value) {
    Hide(name);
    ::setenv(name.c_str(), value.c_str(), 1);
  }

 private:
  void Hide(const std::string& name) {
    const char* text = std::getenv(name.c_str());
    before_.try_emplace(name, text == nullptr ? std::nullopt : std::optional<std::string>(text));
    ::unsetenv(name.c_str());
  }
  std::map<std::string, std::optional<std::string>> before_;
};

std::string Time(std::time_t at) {
  char text[32];
  std::tm parts{};
  ::gmtime_r(&at, &parts);
  return {text, std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

SigV4 In(const std::string& region, const std::string& profile = "") {
  SigV4 sigv4;
  sigv4.region = region;
  sigv4.profile = profile;
  return sigv4;
}
SigV4 WithKeys(const std::string& region) {
  SigV4 sigv4 = In(region);
  sigv4.access_key = "AKID";
  sigv4.secret_key = "s";
  return sigv4;
}

class AwsCredentialsTest : public ::testing::Test {
 protected:
  // A receiver that says who signed, an STS and a container endpoint.
  AwsCredentialsTest() {
    HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    server_ =
        HttpServer::Create(options, nullptr, [this](Request& request, ResponseWriter& response) {
          if (request.path() == "/sts") {
            ++sts_requests_;
            sts_body_ = request.body();
            sts_authorization_ = request.header("Authorization");
            response.SetStatus(sts_status_);
            response.Write(fmt::format(
                "<R><Credentials><AccessKeyId>TEMP</AccessKeyId><SecretAccessKey>s</"
                "SecretAccessKey>"
                "<SessionToken>token==</SessionToken><Expiration>{}</Expiration></Credentials></R>",
                Time(std::time(nullptr) + lifetime_s_)));
          } else if (request.path() == "/container") {
            response.Write(
                fmt::format(R"({{"AccessKeyId": "POD:{}", "SecretAccessKey": "s", "Token": "t"}})",
                            request.header("Authorization")));
          } else if (request.path().starts_with("/instance/")) {
            AnswerAsInstance(request, response);
          } else {
            response.Write(fmt::format("{}|{}", request.header("Authorization"),
                                       request.header("X-Amz-Security-Token")));
          }
        }).value();
    server_->Start();
    environment_.Set("AWS_ENDPOINT_URL_STS", Url("/sts"));
  }
  // As an EC2 instance does that wants a session.
  void AnswerAsInstance(Request& request, ResponseWriter& response) {
    constexpr std::string_view kRoles = "/instance/latest/meta-data/iam/security-credentials/";
    ++instance_requests_;
    if (request.path() == "/instance/latest/api/token") {
      const bool good = request.method() == "PUT" &&
                        !request.header("X-aws-ec2-metadata-token-ttl-seconds").empty();
      response.SetStatus(good ? 200 : 400);
      response.Write("session==");
    } else if (request.header("X-aws-ec2-metadata-token") != "session==") {
      response.SetStatus(401);
    } else if (request.path() == kRoles) {
      response.Write(role_);
    } else if (request.path() == std::string(kRoles) + "node-role") {
      response.Write(fmt::format(
          R"({{"Code": "Success", "AccessKeyId": "NODE", "SecretAccessKey": "s", "Token": "t", )"
          R"("Expiration": "{}"}})",
          Time(std::time(nullptr) + lifetime_s_)));
    } else {
      response.SetStatus(404);
    }
  }
  std::string Url(const std::string& path) const {
    return fmt::format("http://127.0.0.1:{}{}", server_->ports()[0], path);
  }
  base::Result<std::unique_ptr<HttpClient>> Client(SigV4 sigv4) {
    HttpClientOptions options;
    options.sigv4 = std::move(sigv4);
    return HttpClient::Create(std::move(options));
  }
  std::string Signed(HttpClient& client) {
    ClientRequest request;
    request.url = Url("/write");
    request.method = "POST";
    request.body = "x";
    const auto response = client.SendAndWait(std::move(request));
    return response ? response->body : response.error().message();
  }

  ScopedEnvironment environment_;
  std::atomic<int> sts_requests_ = 0, instance_requests_ = 0;
  std::string role_ = "node-role\n";
  int sts_status_ = 200;
  int lifetime_s_ = 3600;
  std::string sts_body_, sts_authorization_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(AwsCredentialsTest, KeysOfTheConfigurationComeFirst) {
  environment_.Set("AWS_ACCESS_KEY_ID", "ENV");
  environment_.Set("AWS_SECRET_ACCESS_KEY", "s");
  environment_.Set("AWS_SESSION_TOKEN", "session");
  environment_.Set("AWS_REGION", "eu-north-1");
  SigV4 given = WithKeys("eu-west-1");
  given.service_name = "other";
  EXPECT_THAT(Signed(*Client(given).value()), HasSubstr("Credential=AKID/"));
  EXPECT_THAT(Signed(*Client(given).value()), HasSubstr("/eu-west-1/other/aws4_request"));
  const std::string signed_by_environment = Signed(*Client({}).value());
  EXPECT_THAT(signed_by_environment, HasSubstr("Credential=ENV/"));
  EXPECT_THAT(signed_by_environment, HasSubstr("/eu-north-1/aps/aws4_request"));
  EXPECT_THAT(signed_by_environment, ::testing::EndsWith("|session"));
}

TEST_F(AwsCredentialsTest, ARoleIsAssumedOnceWhileItsCredentialsAreValid) {
  SigV4 sigv4 = WithKeys("eu-west-1");
  sigv4.role_arn = "arn:aws:iam::1:role/metrics";
  sigv4.external_id = "ours";
  const auto client = Client(sigv4).value();
  const std::string answer = Signed(*client);
  EXPECT_THAT(answer, HasSubstr("Credential=TEMP/"));
  EXPECT_THAT(answer, ::testing::EndsWith("|token=="));
  EXPECT_EQ(sts_body_,
            "Action=AssumeRole&ExternalId=ours&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fmetrics&"
            "RoleSessionName=tributary&Version=2011-06-15");
  EXPECT_THAT(sts_authorization_, HasSubstr("Credential=AKID/"));
  EXPECT_THAT(sts_authorization_, HasSubstr("/eu-west-1/sts/aws4_request"));
  // Another signature, when a second has passed; of the same credentials.
  const std::string again = Signed(*client);
  EXPECT_THAT(again, HasSubstr("Credential=TEMP/"));
  EXPECT_THAT(again, ::testing::EndsWith("|token=="));
  EXPECT_EQ(sts_requests_, 1);
}

TEST_F(AwsCredentialsTest, CredentialsThatAreAboutToExpireAreAskedForAgain) {
  lifetime_s_ = 20;  // less than the margin
  SigV4 sigv4 = WithKeys("r");
  sigv4.role_arn = "arn:x";
  const auto client = Client(sigv4).value();
  Signed(*client);
  Signed(*client);
  EXPECT_EQ(sts_requests_, 2);
}

TEST_F(AwsCredentialsTest, AWebIdentityIsExchanged) {
  const base::TempDir dir;
  environment_.Set("AWS_WEB_IDENTITY_TOKEN_FILE", dir.Write("token", "jwt\n"));
  environment_.Set("AWS_ROLE_ARN", "arn:pod");
  EXPECT_THAT(Signed(*Client(In("r")).value()), HasSubstr("Credential=TEMP/"));
  EXPECT_EQ(sts_body_,
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Apod&RoleSessionName=tributary&"
            "Version=2011-06-15&WebIdentityToken=jwt");
  EXPECT_EQ(sts_authorization_, "") << "such a request is not signed";
}

TEST_F(AwsCredentialsTest, AContainerEndpointIsAsked) {
  environment_.Set("AWS_CONTAINER_CREDENTIALS_FULL_URI", Url("/container"));
  environment_.Set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod-token");
  const std::string answer = Signed(*Client(In("r")).value());
  EXPECT_THAT(answer, HasSubstr("Credential=POD:pod-token/"));
  EXPECT_THAT(answer, ::testing::EndsWith("|t"));
}

TEST_F(AwsCredentialsTest, TheInstanceIsAskedForItsRole) {
  environment_.Set("AWS_EC2_METADATA_DISABLED", "false");
  environment_.Set("AWS_EC2_METADATA_SERVICE_ENDPOINT", Url("/instance/"));
  const auto client = Client(In("r")).value();
  for (int i = 0; i < 2; ++i) {
    const std::string answer = Signed(*client);
    EXPECT_THAT(answer, HasSubstr("Credential=NODE/"));
    EXPECT_THAT(answer, ::testing::EndsWith("|t"));
  }
  EXPECT_EQ(instance_requests_, 3) << "they are kept while they are valid";
  SigV4 with_role = In("r");
  with_role.role_arn = "arn:x";
  EXPECT_THAT(Signed(*Client(with_role).value()), HasSubstr("Credential=TEMP/"));
  EXPECT_THAT(sts_authorization_, HasSubstr("Credential=NODE/"));
}

TEST_F(AwsCredentialsTest, AnInstanceWithoutARoleOrWithoutTheServiceIsAnError) {
  environment_.Set("AWS_EC2_METADATA_DISABLED", "");
  environment_.Set("AWS_EC2_METADATA_SERVICE_ENDPOINT", Url("/instance"));
  role_ = "";
  EXPECT_THAT(Signed(*Client(In("r")).value()), HasSubstr("the instance has no role"));
  role_ = "other";
  EXPECT_THAT(Signed(*Client(In("r")).value()), HasSubstr("was answered with 404"));
  environment_.Set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
  EXPECT_THAT(Signed(*Client(In("r")).value()), HasSubstr("request for credentials"));
}

TEST_F(AwsCredentialsTest, ProfilesOfTheSharedFiles) {
  const base::TempDir dir;
  environment_.Set("AWS_SHARED_CREDENTIALS_FILE",
                   dir.Write("credentials",
                             "[default]\naws_access_key_id=D\n"
                             "aws_secret_access_key=s\n# comment\n[ops]\n"
                             "aws_access_key_id = OPS\naws_secret_access_key = s\n"));
  environment_.Set("AWS_CONFIG_FILE", dir.Write("config",
                                                "[default]\nregion = d-1\n"
                                                "[profile ops]\nregion = o-1\n"));
  EXPECT_THAT(Signed(*Client({}).value()), HasSubstr("Credential=D/"));
  const std::string ops = Signed(*Client(In("", "ops")).value());
  EXPECT_THAT(ops, HasSubstr("Credential=OPS/"));
  EXPECT_THAT(ops, HasSubstr("/o-1/aps/"));
  EXPECT_THAT(Client(In("r", "none")).error().message(),
              HasSubstr("profile \"none\" has no aws_access_key_id"));
}

TEST_F(AwsCredentialsTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(Client({}).error().message(), "sigv4: region is not given");
  EXPECT_THAT(Client(In("r")).error().message(), HasSubstr("sigv4: no credentials: give"));
  sts_status_ = 403;
  SigV4 sigv4 = WithKeys("r");
  sigv4.role_arn = "arn:x";
  EXPECT_THAT(Signed(*Client(sigv4).value()), HasSubstr("was answered with 403"));
}

TEST(AwsAnswers, HostileOnesAreErrors) {
  EXPECT_FALSE(ParseStsAnswer("<AccessKeyId>A</AccessKeyId>"));
  EXPECT_FALSE(ParseStsAnswer("<AccessKeyId>"));
  EXPECT_FALSE(ParseContainerAnswer("[]"));
  EXPECT_FALSE(ParseContainerAnswer(R"({"AccessKeyId": "A", "SecretAccessKey")"));
  const auto parsed = ParseStsAnswer(
      "<AccessKeyId> A </AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
      "<Expiration>2026-01-02T03:04:05.678Z</Expiration>");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->access_key, "A");
  EXPECT_EQ(parsed->expires_unix_s, 1767323045);
}

}  // namespace
}  // namespace tributary::net
