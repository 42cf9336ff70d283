#include "net/credentials/oauth2_token.h"

#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "net/client/watched_file.h"
#include "net/credentials/jwt.h"

namespace tributary::net {
namespace {

using base::Result;

constexpr int64_t kAssertionSeconds = 600;

// How the client says who it is. Servers want the secret in a header or in the body, and there is
// no way to know: Go's tries the header first.
enum class Proof : unsigned char { kSecretInHeader, kSecretInBody, kAssertion };

TextOrFile SecretOf(const OAuth2& options) {
  if (options.jwt_bearer) {
    return {options.jwt_bearer->key, options.jwt_bearer->key_file, /*trim=*/false};
  }
  return {options.client_secret, options.client_secret_file, /*trim=*/true};
}

Result<std::string> SignAssertion(const OAuth2& options, std::string_view key) {
  const JwtBearer& jwt = *options.jwt_bearer;
  JsonFields header;
  if (!jwt.key_id.empty()) header["kid"] = JsonText(jwt.key_id);
  const int64_t now_s = base::SystemClock().NowMs() / 1000;
  JsonFields claims = jwt.claims;
  claims.insert({
      {"iss", JsonText(jwt.issuer.empty() ? options.client_id : jwt.issuer)},
      {"sub", JsonText(options.client_id)},
      {"aud", JsonText(jwt.audience.empty() ? options.token_url : jwt.audience)},
      {"jti", JsonText(RandomId())},
      {"iat", std::to_string(now_s)},
      {"exp", std::to_string(now_s + kAssertionSeconds)},
  });
  if (!options.scopes.empty()) {
    claims.insert({"scope", JsonText(base::Join(options.scopes, " "))});
  }
  auto signed_claims = SignJwt(jwt.algorithm, std::move(header), claims, key);
  if (!signed_claims) return signed_claims.error().Context("client certificate key");
  return signed_claims;
}

Result<ClientRequest> MakeRequest(const OAuth2& options, TextOrFile& secret_text, Proof proof) {
  std::string secret;
  if (secret_text.given()) {
    const auto text = secret_text.Get();
    if (!text) {
      return text.error().Context(options.jwt_bearer ? "client certificate key" : "client secret");
    }
    secret = **text;
  }
  FormFields form = {{"grant_type", "client_credentials"}};
  if (!options.scopes.empty()) form["scope"] = base::Join(options.scopes, " ");
  if (proof == Proof::kSecretInBody) {
    form["client_id"] = options.client_id;
    if (!secret.empty()) form["client_secret"] = secret;
  }
  if (proof == Proof::kAssertion) {
    form["grant_type"] = kJwtBearerGrant;
    ASSIGN_OR_RETURN(form["assertion"], SignAssertion(options, secret));
  }
  for (const auto& [key, value] : options.endpoint_params) {
    // Some servers want a grant_type of their own.
    if (form.contains(key) && key != "grant_type") {
      return base::InvalidArgument(fmt::format("endpoint_params cannot overwrite {}", key));
    }
    form[key] = value;
  }
  ClientRequest request = TokenForm(options.token_url, form);
  if (proof == Proof::kSecretInHeader) {
    request.headers.emplace_back(
        "Authorization",
        "Basic " + base::Base64Encode(UrlEncode(options.client_id) + ":" + UrlEncode(secret)));
  }
  return request;
}

}  // namespace

TokenOptions OAuth2Tokens(const OAuth2& options) {
  TokenOptions tokens;
  tokens.name = "oauth2";
  tokens.http.tls = options.tls;
  tokens.http.proxy = options.proxy;
  const auto secret = std::make_shared<TextOrFile>(SecretOf(options));
  const auto add = [&](Proof proof) {
    tokens.ways.push_back(
        [options, secret, proof] { return MakeRequest(options, *secret, proof); });
  };
  if (options.jwt_bearer) {
    add(Proof::kAssertion);
  } else {
    add(Proof::kSecretInHeader);
    add(Proof::kSecretInBody);
  }
  return tokens;
}

}  // namespace tributary::net
