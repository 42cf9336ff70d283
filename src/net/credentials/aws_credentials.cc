#include "net/credentials/aws_credentials.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs.h"
#include "base/strings.h"
#include "net/client/transfer_loop.h"
#include "net/client/watched_file.h"
#include "net/credentials/form_request.h"
#include "net/credentials/instance_metadata.h"
#include "net/credentials/json_object.h"

namespace tributary::net {
namespace {

using base::Environment;
using base::Result;
using base::Status;

constexpr int64_t kExpiryMarginMs = 30'000;
constexpr size_t kMaxAnswerBytes = 1 << 20;
constexpr std::string_view kSessionName = "tributary";

// "2026-01-31T10:00:00Z"; nullopt: not a time.
std::optional<int64_t> ParseTime(const std::string& text) {
  std::tm time{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (end == nullptr) return std::nullopt;
  return static_cast<int64_t>(::timegm(&time));
}

Result<AwsCredentials> Checked(AwsCredentials credentials, std::string_view source) {
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return base::Corruption(fmt::format("sigv4: the answer of {} has no credentials", source));
  }
  return credentials;
}

std::string HomeFile(const char* variable, std::string_view name) {
  std::string path = Environment(variable);
  if (path.empty()) path = Environment("HOME") + "/.aws/" + std::string(name);
  return path;
}

std::string ReadIfThere(const std::string& path) {
  return base::PosixFileSystem().ReadFile(path).value_or("");
}

// Calls take(key, value) for the settings of one section of an INI file.
template <class F>
void EachSetting(std::string_view text, std::string_view section, F&& take) {
  bool inside = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = base::TrimSpace(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = base::TrimSpace(line.substr(1, line.find(']') - 1)) == section;
      continue;
    }
    const size_t equals = line.find('=');
    if (!inside || equals == std::string_view::npos) continue;
    take(base::TrimSpace(line.substr(0, equals)), base::TrimSpace(line.substr(equals + 1)));
  }
}

ClientRequest StsRequest(const std::string& url, const FormFields& form) {
  ClientRequest request = FormRequest(url, form);
  request.max_response_bytes = kMaxAnswerBytes;
  return request;
}

using Parse = Result<AwsCredentials> (*)(std::string_view);

Result<AwsCredentials> FromAnswer(const Result<ClientResponse>& response, const std::string& url,
                                  Parse parse) {
  if (!response) return response.error().Context("sigv4: request for credentials");
  if (response->status / 100 != 2) {
    constexpr size_t kShown = 200;
    return base::Unavailable(
        fmt::format("sigv4: request for credentials to {} was answered with "
                    "{}: {}",
                    RedactUrl(url), response->status, response->body.substr(0, kShown)));
  }
  return parse(response->body);
}

}  // namespace

Result<AwsCredentials> ParseStsAnswer(std::string_view xml) {
  const auto element = [&](std::string_view name) {
    const std::string open = fmt::format("<{}>", name);
    const size_t begin = xml.find(open);
    if (begin == std::string_view::npos) return std::string();
    const std::string_view rest = xml.substr(begin + open.size());
    return std::string(base::TrimSpace(rest.substr(0, std::min(rest.find('<'), rest.size()))));
  };
  return Checked({element("AccessKeyId"), element("SecretAccessKey"), element("SessionToken"),
                  ParseTime(element("Expiration"))},
                 "sts");
}

Result<AwsCredentials> ParseContainerAnswer(std::string_view json) {
  JsonObject object(json);
  AwsCredentials credentials;
  if (!object.Open()) return base::Corruption("sigv4: credentials are no json object");
  while (const std::optional<std::string> key = object.NextKey()) {
    const std::optional<std::string> value = object.Value();
    if (!value) break;
    if (*key == "AccessKeyId") credentials.access_key = *value;
    if (*key == "SecretAccessKey") credentials.secret_key = *value;
    if (*key == "Token") credentials.session_token = *value;
    if (*key == "Expiration") credentials.expires_unix_s = ParseTime(*value);
  }
  if (object.broken()) return base::Corruption("sigv4: credentials are not valid json");
  return Checked(std::move(credentials), "the container or instance");
}

AwsProfile ParseAwsProfile(std::string_view name, std::string_view credentials_text,
                           std::string_view config_text) {
  AwsProfile profile;
  const auto take = [&](std::string_view key, std::string_view value) {
    if (key == "aws_access_key_id") profile.credentials.access_key = value;
    if (key == "aws_secret_access_key") profile.credentials.secret_key = value;
    if (key == "aws_session_token") profile.credentials.session_token = value;
    if (key == "region") profile.region = value;
  };
  EachSetting(config_text, name == "default" ? "default" : fmt::format("profile {}", name), take);
  EachSetting(credentials_text, name, take);
  return profile;
}

Result<std::shared_ptr<AwsCredentialSource>> AwsCredentialSource::Create(SigV4 options) {
  std::shared_ptr<AwsCredentialSource> source(new AwsCredentialSource(std::move(options)));
  RETURN_IF_ERROR(source->FindOrigin());
  ASSIGN_OR_RETURN(source->plain_, HttpClient::Create({}));
  return source;
}

AwsCredentialSource::~AwsCredentialSource() {
  Settle(base::Error(base::ErrorCode::kCancelled, "sigv4: the http client was closed"));
}

Status AwsCredentialSource::FindOrigin() {
  const bool named_profile = !options_.profile.empty();
  std::string profile_name = options_.profile;
  if (profile_name.empty()) profile_name = Environment("AWS_PROFILE");
  if (profile_name.empty()) profile_name = "default";
  const AwsProfile profile = ParseAwsProfile(
      profile_name, ReadIfThere(HomeFile("AWS_SHARED_CREDENTIALS_FILE", "credentials")),
      ReadIfThere(HomeFile("AWS_CONFIG_FILE", "config")));

  for (const std::string& region :
       {Environment("AWS_REGION"), Environment("AWS_DEFAULT_REGION"), profile.region}) {
    if (options_.region.empty()) options_.region = region;
  }
  if (options_.region.empty()) return base::InvalidArgument("sigv4: region is not given");

  const auto use = [&](AwsCredentials credentials) {
    keys_ = std::move(credentials);
    return !keys_.access_key.empty() && !keys_.secret_key.empty();
  };
  if (use({options_.access_key, options_.secret_key, options_.session_token, {}})) return {};
  if (named_profile) {
    if (use(profile.credentials)) return {};
    return base::InvalidArgument(fmt::format(
        "sigv4: profile {} has no aws_access_key_id and aws_secret_access_key in the shared files",
        base::Quote(profile_name)));
  }
  if (use({Environment("AWS_ACCESS_KEY_ID"),
           Environment("AWS_SECRET_ACCESS_KEY"),
           Environment("AWS_SESSION_TOKEN"),
           {}})) {
    return {};
  }
  web_identity_file_ = Environment("AWS_WEB_IDENTITY_TOKEN_FILE");
  web_identity_role_ = Environment("AWS_ROLE_ARN");
  if (!web_identity_file_.empty() && !web_identity_role_.empty()) {
    web_identity_session_ = Environment("AWS_ROLE_SESSION_NAME");
    if (web_identity_session_.empty()) web_identity_session_ = kSessionName;
    origin_ = Origin::kWebIdentity;
    return {};
  }
  if (use(profile.credentials)) return {};
  container_url_ = Environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  const std::string relative = Environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  if (container_url_.empty() && !relative.empty()) {
    container_url_ = "http://169.254.170.2" + relative;  // where ECS serves them
  }
  if (!container_url_.empty()) {
    origin_ = Origin::kContainer;
    return {};
  }
  instance_url_ = InstanceMetadataUrl();
  if (!instance_url_.empty()) {
    origin_ = Origin::kInstance;
    return {};
  }
  return base::InvalidArgument(
      "sigv4: no credentials: give access_key and secret_key, a profile, AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY, or a web identity (AWS_EC2_METADATA_DISABLED is set)");
}

std::string AwsCredentialSource::StsUrl() const {
  const std::string given = Environment("AWS_ENDPOINT_URL_STS");
  if (!given.empty()) return given;
  return fmt::format("https://sts{}.{}.amazonaws.com/",
                     options_.use_fips_sts_endpoint ? "-fips" : "", options_.region);
}

void AwsCredentialSource::Get(Done done) {
  if (!credentials_.Get(std::move(done))) return;
  AskOrigin([weak = weak_from_this()](Result<AwsCredentials> found) {
    const auto self = weak.lock();
    if (!self) return;
    if (!found || self->options_.role_arn.empty()) return self->Settle(std::move(found));
    self->AssumeRole(*found);
  });
}

void AwsCredentialSource::AskOrigin(Done done) {
  ClientRequest request;
  Parse parse = ParseStsAnswer;
  switch (origin_) {
    case Origin::kKeys:
      return done(keys_);
    case Origin::kWebIdentity: {
      const auto token = WatchedFile(web_identity_file_, /*trim=*/true).Get();
      if (!token) return done(token.error().Context("sigv4: web identity token"));
      request = StsRequest(StsUrl(), {{"Action", "AssumeRoleWithWebIdentity"},
                                      {"Version", "2011-06-15"},
                                      {"RoleArn", web_identity_role_},
                                      {"RoleSessionName", web_identity_session_},
                                      {"WebIdentityToken", **token}});
      break;
    }
    case Origin::kContainer: {
      request.url = container_url_;
      request.max_response_bytes = kMaxAnswerBytes;
      std::string token = Environment("AWS_CONTAINER_AUTHORIZATION_TOKEN");
      const std::string file = Environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
      if (!file.empty()) {
        const auto text = WatchedFile(file, /*trim=*/true).Get();
        if (!text) return done(text.error().Context("sigv4: container authorization token"));
        token = **text;
      }
      if (!token.empty()) request.headers.emplace_back("Authorization", token);
      parse = ParseContainerAnswer;
      break;
    }
    case Origin::kInstance:
      return AskInstanceMetadata(
          *plain_, instance_url_,
          [url = instance_url_, done = std::move(done)](const Result<ClientResponse>& response) {
            done(FromAnswer(response, url, ParseContainerAnswer));
          });
  }
  std::string url = request.url;
  plain_->Send(std::move(request), [url = std::move(url), parse, done = std::move(done)](
                                       const Result<ClientResponse>& response) {
    done(FromAnswer(response, url, parse));
  });
}

void AwsCredentialSource::AssumeRole(const AwsCredentials& with) {
  HttpClientOptions http;
  SigV4& sigv4 = http.sigv4.emplace();
  sigv4.region = options_.region;
  sigv4.access_key = with.access_key;
  sigv4.secret_key = with.secret_key;
  sigv4.session_token = with.session_token;
  sigv4.service_name = "sts";
  Result<std::unique_ptr<HttpClient>> client = HttpClient::Create(std::move(http));
  if (!client) return Settle(client.error());
  signed_ = *std::move(client);
  const std::string url = StsUrl();
  FormFields form = {{"Action", "AssumeRole"},
                     {"Version", "2011-06-15"},
                     {"RoleArn", options_.role_arn},
                     {"RoleSessionName", std::string(kSessionName)}};
  if (!options_.external_id.empty()) form["ExternalId"] = options_.external_id;
  ClientRequest request = StsRequest(url, form);
  signed_->Send(std::move(request),
                [weak = weak_from_this(), url](const Result<ClientResponse>& response) {
                  if (const auto self = weak.lock()) {
                    self->Settle(FromAnswer(response, url, ParseStsAnswer));
                  }
                });
}

void AwsCredentialSource::Settle(Result<AwsCredentials> credentials) {
  int64_t valid_ms = 0;
  if (credentials) {
    const int64_t now_ms = base::SystemClock().NowMs();
    valid_ms = credentials->expires_unix_s
                   ? *credentials->expires_unix_s * 1000 - now_ms - kExpiryMarginMs
                   : std::numeric_limits<int64_t>::max() / 2;
  }
  credentials_.Settle(std::move(credentials), valid_ms);
}

}  // namespace tributary::net
