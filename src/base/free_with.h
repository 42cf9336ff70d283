// A deleter for std::unique_ptr: what a C library made is given back by its own function.
#pragma once

namespace tributary::base {

template <auto kFree>
struct FreeWith {
  template <class T>
  void operator()(T* p) const {
    kFree(p);
  }
};

}  // namespace tributary::base
