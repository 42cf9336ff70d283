// JsonScanner: walks one JSON document member by member, for the small documents of a block.
// After the first mistake ok() is false for good and every call says that nothing is left.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace tributary::tsdb {

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  // Nothing but space is left.
  bool AtEnd();

  // Calls member(key) for each member of an object; it must read or Skip() the value.
  void Object(const std::function<void(std::string_view key)>& member);
  // Calls element() for each element of an array; the same.
  void Array(const std::function<void()>& element);
  std::string String();
  int64_t Int();
  bool Bool();
  // Passes over any value, nested at most 32 deep.
  void Skip();

 private:
  void Space();
  bool Take(char c);
  bool TakeWord(std::string_view word);
  void Fail() { ok_ = false; }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool ok_ = true;
};

}  // namespace tributary::tsdb
