// JsonObject: just enough JSON to read the scalar members of one object, for the short answers of
// token and credential endpoints; nested values are stepped over. Hostile input ends in broken().
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace tributary::net {

class JsonObject {
 public:
  explicit JsonObject(std::string_view text) : text_(text) {}

  bool Open() { return Take('{'); }
  // The next member's key, when there is one.
  std::optional<std::string> NextKey();
  // A string's text or a bare value's; "" for arrays and objects.
  std::optional<std::string> Value();
  bool broken() const { return broken_; }

 private:
  std::optional<std::string> Broken();
  void SkipSpace();
  bool Take(char c);
  std::optional<std::string> String();
  bool Nested();

  std::string_view text_;
  size_t at_ = 0;
  bool first_ = true;
  bool broken_ = false;
};

}  // namespace tributary::net
