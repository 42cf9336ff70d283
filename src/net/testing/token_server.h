// What a client shows to get a token, for tests of it: keys, and a server that notes what it was
// asked. For tests only.
#pragma once

#include <future>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/strings.h"
#include "net/credentials/json_object.h"
#include "net/credentials/token_source.h"
#include "net/http_server.h"
#include "net/openssl_objects.h"

namespace tributary::net::testing {

using Fields = std::map<std::string, std::string>;

struct RsaKey {
  KeyPtr key{EVP_RSA_gen(2048)};

  std::string Pem() const { return PemOf(key.get()); }
  // `pss`: with the other padding, its salt as long as the digest.
  bool Signed(std::string_view text, std::string_view signature, const EVP_MD* digest,
              bool pss = false) const {
    const DigestContextPtr context(EVP_MD_CTX_new());
    EVP_PKEY_CTX* own = nullptr;
    return EVP_DigestVerifyInit(context.get(), &own, digest, nullptr, key.get()) == 1 &&
           (!pss || (EVP_PKEY_CTX_set_rsa_padding(own, RSA_PKCS1_PSS_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(own, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1;
  }
};

inline std::string FromBase64Url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  text.resize((text.size() + 3) / 4 * 4, '=');
  return base::Base64Decode(text).value_or("not base64");
}

inline Fields FieldsOf(std::string_view json) {
  Fields fields;
  JsonObject object(json);
  EXPECT_TRUE(object.Open()) << json;
  while (const auto key = object.NextKey()) fields[*key] = object.Value().value_or("?");
  EXPECT_FALSE(object.broken()) << json;
  return fields;
}

// The three parts of a JSON Web Token.
struct Jwt {
  explicit Jwt(const std::string& jwt) {
    const auto parts = base::Split(jwt, '.');
    EXPECT_EQ(parts.size(), 3u) << jwt;
    if (parts.size() != 3) return;
    text = jwt.substr(0, jwt.rfind('.'));
    header = FieldsOf(FromBase64Url(std::string(parts[0])));
    claims = FieldsOf(FromBase64Url(std::string(parts[1])));
    signature = FromBase64Url(std::string(parts[2]));
  }
  std::string text;  // what is signed
  Fields header, claims;
  std::string signature;
};

class TokenServer {
 public:
  TokenServer() {
    HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    server_ =
        HttpServer::Create(options, nullptr, [this](Request& request, ResponseWriter& response) {
          ++asked_;
          path_ = request.path();
          query_ = request.raw_query();
          metadata_ = std::string(request.header("Metadata")) +
                      std::string(request.header("Metadata-Flavor"));
          body_ = request.body();
          if (std::exchange(refuse_, false)) {
            response.SetStatus(401);
            response.Write("not you");
            return;
          }
          response.Write(R"({"access_token":"abc","expires_in":"60"})");
        }).value();
    server_->Start();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->ports()[0]); }
  void RefuseOnce() { refuse_ = true; }

  // Of the last request.
  int asked() const { return asked_; }
  const std::string& path() const { return path_; }
  const std::string& query() const { return query_; }
  const std::string& metadata() const { return metadata_; }
  const std::string& body() const { return body_; }
  Fields form() const {
    Fields form;
    for (const std::string_view pair : base::Split(body_, '&')) {
      const size_t equals = pair.find('=');
      form[std::string(pair.substr(0, equals))] =
          UrlDecode(pair.substr(equals + 1), /*plus_is_space=*/true);
    }
    return form;
  }

 private:
  std::unique_ptr<HttpServer> server_;
  bool refuse_ = false;
  int asked_ = 0;
  std::string path_, query_, metadata_, body_;
};

// The first header of a new source.
inline base::Result<std::string> HeaderOf(TokenOptions options) {
  const auto source = TokenSource::Create(std::move(options)).value();
  std::promise<base::Result<std::string>> got;
  source->Get([&](const base::Result<std::string>& header) { got.set_value(header); });
  return got.get_future().get();
}

}  // namespace tributary::net::testing
