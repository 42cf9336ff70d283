#include "net/credentials/jwt.h"

#include <memory>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/strings.h"
#include "net/keyed_digest.h"
#include "net/openssl_objects.h"

namespace tributary::net {
namespace {

std::string JsonObject(const JsonFields& fields) {
  std::string json;
  for (const auto& [name, value] : fields) {
    json += fmt::format("{}{}:{}", json.empty() ? "" : ",", JsonText(name), value);
  }
  return "{" + json + "}";
}

const EVP_MD* DigestOf(std::string_view algorithm) {
  return algorithm == "RS512" ? EVP_sha512() : algorithm == "RS384" ? EVP_sha384() : EVP_sha256();
}

base::Result<KeyPtr> ReadRsaKey(std::string_view pem) {
  KeyPtr key = ReadPrivateKey(pem);
  if (!key || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    ERR_clear_error();
    return base::InvalidArgument("the key is not an rsa key in pem without a passphrase");
  }
  return key;
}

// PS256 alone has another padding than PKCS #1's first; its salt is as long as the digest.
bool SetPadding(std::string_view algorithm, EVP_PKEY_CTX* context) {
  return algorithm != "PS256" ||
         (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
          EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
}

base::Result<std::string> Sign(std::string_view text, std::string_view algorithm, EVP_PKEY* key) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  size_t size = static_cast<size_t>(EVP_PKEY_size(key));
  std::string signature(size, '\0');
  if (EVP_DigestSignInit(context.get(), &key_context, DigestOf(algorithm), nullptr, key) != 1 ||
      !SetPadding(algorithm, key_context) ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    ERR_clear_error();
    return base::InvalidArgument("the key cannot sign");
  }
  signature.resize(size);
  return signature;
}

}  // namespace

std::string Base64Url(std::string_view bytes) {
  std::string text = base::Base64Encode(bytes);
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text.substr(0, text.find('='));
}

std::string JsonText(std::string_view text) {
  std::string json;
  base::AppendJsonString(&json, text);
  return json;
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

base::Result<std::string> SignJwt(std::string_view algorithm, JsonFields header,
                                  const JsonFields& claims, std::string_view key) {
  ASSIGN_OR_RETURN(const KeyPtr rsa, ReadRsaKey(key));
  header["alg"] = JsonText(algorithm);
  header["typ"] = JsonText("JWT");
  const std::string text = Base64Url(JsonObject(header)) + "." + Base64Url(JsonObject(claims));
  ASSIGN_OR_RETURN(const std::string signature, Sign(text, algorithm, rsa.get()));
  return text + "." + Base64Url(signature);
}

}  // namespace tributary::net
