// Rejections: what of one request was refused and why, grouped by reason. Of each reason a few
// series are named; the rest is counted, so that the answer stays readable and bounded.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::remote {

class Rejections {
 public:
  struct Group {
    std::string reason;
    uint64_t count = 0;
    std::vector<std::string> named;
  };

  // Counts `count` samples. True: the reason has room for another name; Name() it.
  bool Add(std::string_view reason, uint64_t count = 1);
  // REQUIRES: Add(reason) was just called.
  void Name(std::string_view reason, std::string_view where);

  bool empty() const { return groups_.empty(); }
  void Clear() { groups_.clear(); }
  const std::vector<Group>& groups() const { return groups_; }

  // One line a name, "<reason> for <where>", and one line for what has no name.
  std::string Text() const;

 private:
  Group& Find(std::string_view reason);
  std::vector<Group> groups_;
};

}  // namespace tributary::remote
