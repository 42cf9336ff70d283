#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/string_map.h"

namespace tributary::base {
namespace {

// Published values of XXH3 for the empty input: files may hold these hashes, so they never change.
TEST(Hash, IsXxh3) {
  EXPECT_EQ(Hash64(""), 0x2D06800538D394C2u);
  EXPECT_EQ(HashTo128(""), (Hash128{0x6001C324468D497F, 0x99AA06D3014798D8}));
}

TEST(Hash, DependsOnBytesAndSeed) {
  EXPECT_NE(Hash64("a"), Hash64("b"));
  EXPECT_NE(Hash64("a", 1), Hash64("a", 2));
  EXPECT_NE(HashTo128("a", 1), HashTo128("a", 2));
  EXPECT_EQ(ProcessSeed(), ProcessSeed());
  EXPECT_NE(ProcessSeed(), 0u);
}

TEST(StringMap, FindsByView) {
  StringMap<int> map;
  map["key"] = 7;
  EXPECT_EQ(map.find(std::string_view("key!").substr(0, 3))->second, 7);
  EXPECT_FALSE(map.contains("other"));
}

}  // namespace
}  // namespace tributary::base
