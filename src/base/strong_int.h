// StrongInt<Tag, T>: an integer that does not convert to other integers, so that distinct ids are
// distinct types. `struct FooTag; using Foo = StrongInt<FooTag, uint32_t>;`
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace tributary::base {

template <class Tag, class T>
class StrongInt {
 public:
  using ValueType = T;
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  friend constexpr auto operator<=>(StrongInt, StrongInt) = default;

 private:
  T value_ = 0;
};

}  // namespace tributary::base

template <class Tag, class T>
struct std::hash<tributary::base::StrongInt<Tag, T>> {
  size_t operator()(tributary::base::StrongInt<Tag, T> id) const noexcept {
    return std::hash<T>{}(id.value());
  }
};
