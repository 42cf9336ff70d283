#include "remote/receive/rejections.h"

#include <algorithm>

#include <fmt/format.h>

namespace tributary::remote {
namespace {

constexpr size_t kMaxNamed = 10;    // a reason
constexpr size_t kMaxReasons = 20;  // beyond that they share one
constexpr size_t kMaxWhere = 2000;  // bytes of one name
constexpr std::string_view kOther = "other reasons";

}  // namespace

Rejections::Group& Rejections::Find(std::string_view reason) {
  const auto find = [&](std::string_view wanted) {
    return std::find_if(groups_.begin(), groups_.end(),
                        [&](const Group& group) { return group.reason == wanted; });
  };
  auto found = find(reason);
  if (found == groups_.end() && groups_.size() >= kMaxReasons) found = find(reason = kOther);
  if (found != groups_.end()) return *found;
  groups_.push_back({.reason = std::string(reason), .count = 0, .named = {}});
  return groups_.back();
}

bool Rejections::Add(std::string_view reason, uint64_t count) {
  Group& group = Find(reason);
  group.count += count;
  return group.named.size() < kMaxNamed;
}

void Rejections::Name(std::string_view reason, std::string_view where) {
  Find(reason).named.emplace_back(where.substr(0, kMaxWhere));
}

std::string Rejections::Text() const {
  std::string text;
  for (const Group& group : groups_) {
    for (const std::string& where : group.named) {
      if (!text.empty()) text += '\n';
      text += fmt::format("{} for {}", group.reason, where);
    }
    if (group.count > group.named.size()) {
      if (!text.empty()) text += '\n';
      text += fmt::format("{}: {} more", group.reason, group.count - group.named.size());
    }
  }
  return text;
}

}  // namespace tributary::remote
