// Labels: the identity of a series. Names are unique and sorted bytewise, values are never empty.
//
// A set is one packed string, (uvarint length, bytes) for each name and value in order: one
// allocation, comparable and hashable as bytes. Immutable; change one with LabelsBuilder.
// LabelSpan is a borrowed set: sorted (name, value) views whose bytes live elsewhere.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace tributary::model {

inline constexpr std::string_view kMetricName = "__name__";
inline constexpr std::string_view kJob = "job";
inline constexpr std::string_view kInstance = "instance";

// Views; whoever holds one says how long the bytes live.
struct Label {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Label&, const Label&) = default;
  friend auto operator<=>(const Label&, const Label&) = default;
};

// Sorted by name, no duplicates, no empty values, unless said otherwise.
using LabelSpan = std::span<const Label>;

class Labels {
 public:
  Labels() = default;
  // Sorts; drops empty values; of duplicate names the last wins.
  static Labels FromPairs(std::vector<std::pair<std::string, std::string>> pairs);
  static Labels Of(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);
  static Labels FromSpan(LabelSpan labels);  // REQUIRES: a well-formed span

  bool empty() const { return packed_.empty(); }
  size_t size() const;
  // "" when absent. The view lives as long as this object.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;

  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Label;
    using difference_type = std::ptrdiff_t;
    using pointer = const Label*;
    using reference = const Label&;
    Iterator() = default;
    explicit Iterator(const char* p, const char* end) : p_(p), end_(end) { Read(); }
    const Label& operator*() const { return label_; }
    const Label* operator->() const { return &label_; }
    Iterator& operator++() {
      p_ = next_;
      Read();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.p_ == b.p_; }

   private:
    void Read();
    const char* p_ = nullptr;
    const char* end_ = nullptr;
    const char* next_ = nullptr;
    Label label_;
  };
  Iterator begin() const { return Iterator(packed_.data(), packed_.data() + packed_.size()); }
  Iterator end() const {
    return Iterator(packed_.data() + packed_.size(), packed_.data() + packed_.size());
  }

  // Fills `out` with views that live as long as this object.
  void ToSpan(std::vector<Label>* out) const;

  // Hash of the packed bytes; equal sets hash equal, in this process and the next.
  uint64_t Hash() const { return base::Hash64(packed_); }

  // {a="b", c="d"}; with `name_first`, as PromQL prints a metric: up{a="b", c="d"}.
  std::string ToString() const;
  std::string ToMetricString() const;

  friend bool operator==(const Labels&, const Labels&) = default;
  // Label by label, name before value, a prefix before a longer set: Prometheus's order.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

  const std::string& packed() const { return packed_; }

 private:
  friend class LabelsBuilder;
  std::string packed_;
};

inline void Labels::Iterator::Read() {
  if (p_ == end_) return;
  const char* p = p_;
  const auto read = [&p] {
    size_t size = static_cast<unsigned char>(*p++);
    if (size >= 0x80) [[unlikely]] {
      size &= 0x7f;
      for (unsigned shift = 7;; shift += 7) {
        const auto byte = static_cast<unsigned char>(*p++);
        size |= static_cast<size_t>(byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
    }
    const std::string_view s(p, size);
    p += size;
    return s;
  };
  label_.name = read();
  label_.value = read();
  next_ = p;
}

// The hash Labels::Hash() would give for the set that `labels` describes.
uint64_t HashLabels(LabelSpan labels);
std::strong_ordering CompareLabels(LabelSpan a, LabelSpan b);

// Builds label sets; keep one and reuse it. Setting a label to "" deletes it.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& base) { Reset(base); }
  void Reset();
  void Reset(const Labels& base);
  void Reset(LabelSpan base);
  LabelsBuilder& Set(std::string_view name, std::string_view value);
  LabelsBuilder& Del(std::string_view name);
  // Until the next change.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  // Current labels, sorted; views live until the next change.
  void ToSpan(std::vector<Label>* out) const;
  Labels Build() const;

 private:
  std::vector<std::pair<std::string, std::string>> labels_;  // sorted by name
};

// [a-zA-Z_][a-zA-Z0-9_]*
bool IsLegacyLabelName(std::string_view name);
// [a-zA-Z_:][a-zA-Z0-9_:]*
bool IsLegacyMetricName(std::string_view name);

struct LabelsHash {
  size_t operator()(const Labels& labels) const { return labels.Hash(); }
};

}  // namespace tributary::model
