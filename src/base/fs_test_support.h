// For tests of what mappings cost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/fs.h"

namespace tributary::base {

// How many pages of these bytes this process has in its memory.
inline size_t ResidentPages(Bytes bytes) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t first = reinterpret_cast<uintptr_t>(bytes.data()) / page;
  const uintptr_t end =
      (reinterpret_cast<uintptr_t>(bytes.data()) + bytes.size() + page - 1) / page;
  std::vector<uint64_t> entries(end - first);
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  const auto size = static_cast<ssize_t>(entries.size() * sizeof(uint64_t));
  const ssize_t got = ::pread(pagemap, entries.data(), static_cast<size_t>(size),
                              static_cast<off_t>(first * sizeof(uint64_t)));
  ::close(pagemap);
  EXPECT_EQ(got, size);
  return static_cast<size_t>(std::ranges::count_if(entries, [](uint64_t e) { return e >> 63; }));
}

}  // namespace tributary::base
