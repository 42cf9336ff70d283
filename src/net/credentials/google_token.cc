#include "net/credentials/google_token.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/environment.h"
#include "base/fs.h"
#include "base/strings.h"
#include "net/client/watched_file.h"
#include "net/credentials/json_object.h"
#include "net/credentials/jwt.h"

namespace tributary::net {
namespace {

using base::Environment;
using base::Result;
using Fields = std::map<std::string, std::string>;

constexpr int64_t kAssertionSeconds = 3600;
constexpr std::string_view kScope = "https://www.googleapis.com/auth/monitoring.write";
constexpr std::string_view kTokenUrl = "https://oauth2.googleapis.com/token";

Result<Fields> ReadFields(std::string_view json) {
  Fields fields;
  JsonObject object(json);
  if (!object.Open()) return base::InvalidArgument("not a json object");
  while (const std::optional<std::string> key = object.NextKey()) {
    const std::optional<std::string> value = object.Value();
    if (!value) break;
    fields[*key] = *value;
  }
  if (object.broken()) return base::InvalidArgument("not valid json");
  return fields;
}

Result<ClientRequest> OfServiceAccount(Fields fields) {
  std::string& url = fields["token_uri"];
  if (url.empty()) url = kTokenUrl;
  JsonFields header;
  if (!fields["private_key_id"].empty()) header["kid"] = JsonText(fields["private_key_id"]);
  const int64_t now_s = base::SystemClock().NowMs() / 1000;
  const JsonFields claims = {{"iss", JsonText(fields["client_email"])},
                             {"scope", JsonText(kScope)},
                             {"aud", JsonText(url)},
                             {"iat", std::to_string(now_s)},
                             {"exp", std::to_string(now_s + kAssertionSeconds)}};
  auto assertion = SignJwt("RS256", std::move(header), claims, fields["private_key"]);
  if (!assertion) return assertion.error().Context("private_key");
  return TokenForm(
      url, {{"grant_type", std::string(kJwtBearerGrant)}, {"assertion", *std::move(assertion)}});
}

ClientRequest OfUser(Fields fields) {
  return TokenForm(std::string(kTokenUrl), {{"grant_type", "refresh_token"},
                                            {"client_id", fields["client_id"]},
                                            {"client_secret", fields["client_secret"]},
                                            {"refresh_token", fields["refresh_token"]}});
}

// `only_service_account`: the configuration names the file, and no other kind is meant.
MakeTokenRequest OfFile(const std::string& path, bool only_service_account) {
  const auto file = std::make_shared<WatchedFile>(path, /*trim=*/false);
  return [path, only_service_account, file]() -> Result<ClientRequest> {
    const auto text = file->Get();
    if (!text) return text.error().Context("credentials");
    auto fields = ReadFields(**text);
    if (!fields) return fields.error().Context(path);
    const std::string type = (*fields)["type"];
    if (type == "service_account") return OfServiceAccount(*std::move(fields));
    if (type == "authorized_user" && !only_service_account) return OfUser(*std::move(fields));
    return base::Unimplemented(
        fmt::format("{} holds credentials of type {}; {} can be used", path, base::Quote(type),
                    only_service_account ? "only service_account"
                                         : "only service_account and authorized_user"));
  };
}

MakeTokenRequest OfMetadata() {
  std::string host = Environment("GCE_METADATA_HOST");
  if (host.empty()) host = "metadata.google.internal";
  ClientRequest request;
  request.url =
      fmt::format("http://{}/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
                  host, UrlEncode(kScope));
  request.headers.emplace_back("Metadata-Flavor", "Google");
  return [request] { return Result<ClientRequest>(request); };
}

// The file of application default credentials; "": there is none.
std::string DefaultFile() {
  std::string named = Environment("GOOGLE_APPLICATION_CREDENTIALS");
  if (!named.empty()) return named;
  std::string known = Environment("HOME") + "/.config/gcloud/application_default_credentials.json";
  return base::PosixFileSystem().Exists(known).value_or(false) ? known : "";
}

}  // namespace

TokenOptions GoogleTokens(const GoogleIam& options) {
  TokenOptions tokens;
  tokens.name = "google_iam";
  const bool is_named = !options.credentials_file.empty();
  const std::string file = is_named ? options.credentials_file : DefaultFile();
  tokens.ways = {file.empty() ? OfMetadata() : OfFile(file, is_named)};
  tokens.http.proxy.from_environment = !file.empty();  // not to the machine's own service
  return tokens;
}

}  // namespace tributary::net
