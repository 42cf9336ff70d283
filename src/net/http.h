// HTTP as the rest of the house sees it: requests and responses. The only home of Asio, Beast,
// OpenSSL and libcurl is this folder's .cc files. http_server.h serves, http_client.h asks.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tributary::net {

// Field names are compared without case; order is kept.
class Headers {
 public:
  void Add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  void Set(std::string_view name, std::string value);  // replaces all of that name
  std::string_view Get(std::string_view name) const;   // the first; "" when absent
  bool Has(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// "200 OK" -> "OK".
std::string_view StatusText(int status);

// %XX decoding; `plus_is_space` for query strings and forms. Bad escapes stay as they are.
std::string UrlDecode(std::string_view text, bool plus_is_space);
std::string UrlEncode(std::string_view text);

// Query string or form body, in order, repeated keys kept.
class Params {
 public:
  static Params Parse(std::string_view encoded);
  void Append(const Params& more);
  void Add(std::string key, std::string value) {
    values_.emplace_back(std::move(key), std::move(value));
  }
  std::string_view Get(std::string_view key) const;  // the first; "" when absent
  bool Has(std::string_view key) const;
  std::vector<std::string_view> All(std::string_view key) const;
  const std::vector<std::pair<std::string, std::string>>& values() const { return values_; }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace tributary::net
