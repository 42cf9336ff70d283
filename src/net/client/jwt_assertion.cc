#include "net/client/jwt_assertion.h"

#include <map>
#include <memory>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/strings.h"
#include "net/keyed_digest.h"

namespace tributary::net {
namespace {

constexpr int64_t kValidSeconds = 600;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string Base64Url(std::string_view bytes) {
  std::string text = base::Base64Encode(bytes);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text.substr(0, text.find('='));
}

std::string JsonText(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      json += fmt::format("\\u{:04x}", c);
    } else {
      json += c;
    }
  }
  return json + '"';
}

// Values are JSON.
std::string JsonObject(const std::map<std::string, std::string>& fields) {
  std::string json;
  for (const auto& [name, value] : fields) {
    json += fmt::format("{}{}:{}", json.empty() ? "" : ",", JsonText(name), value);
  }
  return "{" + json + "}";
}

// A random UUID (RFC 9562, version 4).
std::string RandomId() {
  std::string id = RandomKey().substr(0, 16);
  id[6] = static_cast<char>((id[6] & 0x0f) | 0x40);
  id[8] = static_cast<char>((id[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < id.size(); ++i) {
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                        static_cast<unsigned char>(id[i]));
  }
  return text;
}

const EVP_MD* DigestOf(std::string_view algorithm) {
  return algorithm == "RS512" ? EVP_sha512() : algorithm == "RS384" ? EVP_sha384() : EVP_sha256();
}

base::Result<Key> ReadKey(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  // Without a callback OpenSSL would ask the terminal for the passphrase of an encrypted key.
  const auto no_passphrase = [](char*, int, int, void*) { return 0; };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  if (!key || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return base::InvalidArgument(
        "oauth2: the client certificate key is not an rsa key in pem without a passphrase");
  }
  return key;
}

base::Result<std::string> Sign(std::string_view text, EVP_PKEY* key, const EVP_MD* digest) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  size_t size = static_cast<size_t>(EVP_PKEY_size(key));
  std::string signature(size, '\0');
  if (EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    return base::InvalidArgument("oauth2: the client certificate key cannot sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace

base::Result<std::string> SignAssertion(const OAuth2& options, std::string_view key,
                                        int64_t now_unix_s) {
  const JwtBearer& jwt = *options.jwt_bearer;
  ASSIGN_OR_RETURN(const Key rsa, ReadKey(key));
  std::map<std::string, std::string> header = {{"alg", JsonText(jwt.algorithm)},
                                               {"typ", JsonText("JWT")}};
  if (!jwt.key_id.empty()) header["kid"] = JsonText(jwt.key_id);
  std::map<std::string, std::string> claims = jwt.claims;
  claims.insert({
      {"iss", JsonText(jwt.issuer.empty() ? options.client_id : jwt.issuer)},
      {"sub", JsonText(options.client_id)},
      {"aud", JsonText(jwt.audience.empty() ? options.token_url : jwt.audience)},
      {"jti", JsonText(RandomId())},
      {"iat", std::to_string(now_unix_s)},
      {"exp", std::to_string(now_unix_s + kValidSeconds)},
  });
  if (!options.scopes.empty()) {
    claims.insert({"scope", JsonText(base::Join(options.scopes, " "))});
  }
  const std::string text = Base64Url(JsonObject(header)) + "." + Base64Url(JsonObject(claims));
  ASSIGN_OR_RETURN(const std::string signature, Sign(text, rsa.get(), DigestOf(jwt.algorithm)));
  return text + "." + Base64Url(signature);
}

}  // namespace tributary::net
