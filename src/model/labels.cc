#include "model/labels.h"

#include <algorithm>
#include <cstring>

#include "base/strings.h"

namespace tributary::model {

namespace {

// Bytes that a uvarint of `n` takes, and the writing of one.
size_t UvarintSize(size_t n) {
  size_t size = 1;
  while (n >= 0x80) {
    n >>= 7;
    ++size;
  }
  return size;
}

char* PutUvarint(char* p, size_t n) {
  while (n >= 0x80) {
    *p++ = static_cast<char>(n | 0x80);
    n >>= 7;
  }
  *p++ = static_cast<char>(n);
  return p;
}

char* PutString(char* p, std::string_view s) {
  p = PutUvarint(p, s.size());
  std::memcpy(p, s.data(), s.size());
  return p + s.size();
}

size_t PackedStringSize(std::string_view s) { return UvarintSize(s.size()) + s.size(); }

template <class Range>
size_t PackedSize(const Range& labels) {
  size_t size = 0;
  for (const auto& [name, value] : labels) size += PackedStringSize(name) + PackedStringSize(value);
  return size;
}

template <class Range>
void Pack(const Range& labels, char* p) {
  for (const auto& [name, value] : labels) {
    p = PutString(p, name);
    p = PutString(p, value);
  }
}

template <class Range>
std::string PackToString(const Range& labels) {
  std::string packed(PackedSize(labels), '\0');
  Pack(labels, packed.data());
  return packed;
}

// Compares by name, then value; for labels that differ Prometheus lets the name decide.
std::strong_ordering CompareLabel(const Label& a, const Label& b) {
  if (auto c = a.name <=> b.name; c != 0) return c;
  return a.value <=> b.value;
}

void AppendName(std::string* out, std::string_view name) {
  if (IsLegacyLabelName(name)) {
    out->append(name);
  } else {
    out->append(base::Quote(name));
  }
}

void AppendPair(std::string* out, const Label& label) {
  AppendName(out, label.name);
  out->push_back('=');
  out->append(base::Quote(label.value));
}

template <class Pair>
auto LowerBound(std::vector<Pair>& labels, std::string_view name) {
  return std::lower_bound(labels.begin(), labels.end(), name,
                          [](const Pair& l, std::string_view n) { return l.first < n; });
}

}  // namespace

Labels Labels::FromPairs(std::vector<std::pair<std::string, std::string>> pairs) {
  LabelsBuilder builder;
  for (const auto& [name, value] : pairs) builder.Set(name, value);
  return builder.Build();
}

Labels Labels::Of(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  LabelsBuilder builder;
  for (const auto& [name, value] : pairs) builder.Set(name, value);
  return builder.Build();
}

Labels Labels::FromSpan(LabelSpan labels) {
  Labels result;
  result.packed_ = PackToString(labels);
  return result;
}

size_t Labels::size() const {
  size_t n = 0;
  for (auto it = begin(), last = end(); it != last; ++it) ++n;
  return n;
}

std::string_view Labels::Get(std::string_view name) const {
  for (const Label& label : *this) {
    if (label.name == name) return label.value;
    if (label.name > name) break;
  }
  return {};
}

bool Labels::Has(std::string_view name) const { return !Get(name).empty(); }

void Labels::ToSpan(std::vector<Label>* out) const {
  out->clear();
  for (const Label& label : *this) out->push_back(label);
}

std::string Labels::ToString() const {
  std::string out = "{";
  for (const Label& label : *this) {
    if (out.size() > 1) out.append(", ");
    AppendPair(&out, label);
  }
  out.push_back('}');
  return out;
}

std::string Labels::ToMetricString() const {
  const std::string_view metric = Get(kMetricName);
  std::string out;
  bool first = true;
  const bool quoted = !metric.empty() && !IsLegacyMetricName(metric);
  if (quoted) {
    // A name that is no identifier moves inside the braces, quoted.
    out = "{" + base::Quote(metric);
    first = false;
  } else {
    out = metric;
  }
  for (const Label& label : *this) {
    if (label.name == kMetricName) continue;
    out.append(first ? "{" : ", ");
    first = false;
    AppendPair(&out, label);
  }
  if (!first) {
    out.push_back('}');
  } else if (out.empty()) {
    out = "{}";
  }
  return out;
}

std::strong_ordering operator<=>(const Labels& a, const Labels& b) {
  auto i = a.begin();
  auto j = b.begin();
  const auto i_end = a.end();
  const auto j_end = b.end();
  for (; i != i_end && j != j_end; ++i, ++j) {
    if (auto c = CompareLabel(*i, *j); c != 0) return c;
  }
  if (i == i_end) return j == j_end ? std::strong_ordering::equal : std::strong_ordering::less;
  return std::strong_ordering::greater;
}

uint64_t HashLabels(LabelSpan labels) {
  const size_t size = PackedSize(labels);
  constexpr size_t kOnStack = 2048;
  if (size <= kOnStack) {
    char buffer[kOnStack];
    Pack(labels, buffer);
    return base::Hash64({buffer, size});
  }
  return base::Hash64(PackToString(labels));
}

std::strong_ordering CompareLabels(LabelSpan a, LabelSpan b) {
  const size_t n = std::min(a.size(), b.size());
  for (size_t i = 0; i < n; ++i) {
    if (auto c = CompareLabel(a[i], b[i]); c != 0) return c;
  }
  return a.size() <=> b.size();
}

void LabelsBuilder::Reset() { labels_.clear(); }

void LabelsBuilder::Reset(const Labels& base) {
  // Strings that are there already are written over, so that a reused builder seldom allocates.
  size_t n = 0;
  for (const Label& label : base) {
    if (n == labels_.size()) labels_.emplace_back();
    labels_[n].first.assign(label.name);
    labels_[n].second.assign(label.value);
    ++n;
  }
  labels_.resize(n);
}

void LabelsBuilder::Reset(LabelSpan base) {
  labels_.resize(base.size());
  for (size_t i = 0; i < base.size(); ++i) {
    labels_[i].first.assign(base[i].name);
    labels_[i].second.assign(base[i].value);
  }
}

LabelsBuilder& LabelsBuilder::Set(std::string_view name, std::string_view value) {
  if (value.empty()) return Del(name);
  auto it = LowerBound(labels_, name);
  if (it != labels_.end() && it->first == name) {
    it->second.assign(value);
  } else {
    // The views may point into labels_: copy them before anything moves.
    std::pair<std::string, std::string> label(name, value);
    labels_.insert(it, std::move(label));
  }
  return *this;
}

LabelsBuilder& LabelsBuilder::Del(std::string_view name) {
  auto it = LowerBound(labels_, name);
  if (it != labels_.end() && it->first == name) labels_.erase(it);
  return *this;
}

std::string_view LabelsBuilder::Get(std::string_view name) const {
  for (const auto& [n, value] : labels_) {
    if (n == name) return value;
  }
  return {};
}

bool LabelsBuilder::Has(std::string_view name) const { return !Get(name).empty(); }

void LabelsBuilder::ToSpan(std::vector<Label>* out) const {
  out->clear();
  for (const auto& [name, value] : labels_) out->push_back({name, value});
}

Labels LabelsBuilder::Build() const {
  Labels result;
  result.packed_ = PackToString(labels_);
  return result;
}

namespace {

bool IsLegacyName(std::string_view name, bool colon) {
  if (name.empty()) return false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
    if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
  }
  return true;
}

}  // namespace

bool IsLegacyLabelName(std::string_view name) { return IsLegacyName(name, false); }
bool IsLegacyMetricName(std::string_view name) { return IsLegacyName(name, true); }

}  // namespace tributary::model
