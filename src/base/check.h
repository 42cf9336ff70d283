// CHECK ends the process when an invariant that no input can break is broken. It stays alive in
// release builds. User input, disk bytes and the network must never be able to reach a CHECK.
#pragma once

namespace tributary::base {

// Prints "file:line: check failed: expression: why" to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression, const char* why);

}  // namespace tributary::base

#define CHECK(condition, why) \
  ((condition) ? (void)0 : ::tributary::base::CheckFailed(__FILE__, __LINE__, #condition, (why)))

// DCHECK is for conditions that are too costly to test in release builds.
#ifdef NDEBUG
#define DCHECK(condition, why) ((void)sizeof(condition))
#else
#define DCHECK(condition, why) CHECK(condition, why)
#endif
