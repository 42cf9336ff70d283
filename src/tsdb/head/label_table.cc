#include "tsdb/head/label_table.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "tsdb/head/let_others_in.h"

namespace tributary::tsdb {
namespace {

constexpr size_t kStringBlockBytes = 64 << 10;
constexpr uint32_t kLabelsPerLock = 2048;

// Values come from senders who are not trusted: seeded.
uint64_t HashValue(uint32_t name, std::string_view value) {
  return base::Hash64(value, base::ProcessSeed() + name * 0x9e3779b97f4a7c15u);
}

std::string_view Raw(std::span<const uint32_t> words) {
  return {reinterpret_cast<const char*>(words.data()), words.size_bytes()};
}

}  // namespace

LabelTable::LabelTable() {
  entries_.Grow(1);
  names_.Grow(1);
  shapes_.Grow(1);
  values_of_.resize(1);
}

LabelTable::~LabelTable() = default;

const char* LabelTable::Store(std::string_view s) {
  Arena& arena = strings_;
  if (s.empty()) return "";
  if (s.size() > kMaxPooledBytes) {
    auto own = std::make_unique_for_overwrite<char[]>(s.size());
    std::memcpy(own.get(), s.data(), s.size());
    const char* data = own.get();
    arena.total += s.size();
    arena.large.emplace(data, std::move(own));
    return data;
  }
  const size_t words = WordsOf(s.size());
  char* place = arena.free[words];
  if (place != nullptr) {
    std::memcpy(&arena.free[words], place, sizeof(char*));
  } else {
    if (words * kWord > arena.size - arena.used) {
      arena.size = kStringBlockBytes;
      arena.used = 0;
      arena.total += arena.size;
      arena.blocks.push_back(std::make_unique_for_overwrite<char[]>(arena.size));
    }
    place = arena.blocks.back().get() + arena.used;
    arena.used += words * kWord;
  }
  std::memcpy(place, s.data(), s.size());
  return place;
}

void LabelTable::FreeString(const char* data, size_t size) {
  Arena& arena = strings_;
  if (size == 0) return;
  if (size > kMaxPooledBytes) {
    arena.total -= size;
    arena.large.erase(data);
    return;
  }
  char* place = const_cast<char*>(data);  // it is the arena's own
  char*& first = arena.free[WordsOf(size)];
  std::memcpy(place, &first, sizeof(char*));
  first = place;
}

uint32_t LabelTable::InternName(std::string_view name) {
  const uint64_t hash = base::Hash64(name, base::ProcessSeed());
  const uint32_t found =
      name_ids_.Find(hash, [&](uint32_t id) { return Name(LabelNameId(id)) == name; });
  if (found != IdTable::kNone) return found;
  const uint32_t id = ++num_names_;
  names_.Grow(id + 1);
  names_[id] = {Store(name), static_cast<uint32_t>(name.size())};
  values_of_.emplace_back();
  name_ids_.Insert(hash, id);
  return id;
}

uint32_t LabelTable::InternShape(std::span<const uint32_t> names) {
  const uint64_t hash = base::Hash64(Raw(names), base::ProcessSeed());
  const uint32_t found = shape_ids_.Find(hash, [&](uint32_t id) {
    const Shape& shape = shapes_[id];
    return std::ranges::equal(std::span(shape.names, shape.size), names);
  });
  if (found != IdTable::kNone) return found;
  const uint32_t id = ++num_shapes_;
  auto owned = std::make_unique<uint32_t[]>(names.size() + 1);
  std::ranges::copy(names, owned.get());
  shapes_.Grow(id + 1);
  shapes_[id] = {owned.get(), static_cast<uint32_t>(names.size())};
  owned_words_.push_back(std::move(owned));
  shape_ids_.Insert(hash, id);
  return id;
}

uint32_t LabelTable::InternLabel(uint32_t name, std::string_view value) {
  const uint64_t hash = HashValue(name, value);
  const uint32_t found = label_ids_.Find(hash, [&](uint32_t id) {
    const Entry& e = entries_[id];
    return e.name == name && std::string_view(e.data, e.size) == value;
  });
  if (found != IdTable::kNone) return found;
  uint32_t id;
  if (!free_labels_.empty()) {
    id = free_labels_.back();
    free_labels_.pop_back();
  } else {
    id = num_labels_.load(std::memory_order_relaxed) + 1;
    CHECK(id < IdTable::kNone - 1, "more than 4 billion distinct labels");
    entries_.Grow(id + 1);
    runs_with_.Grow(id + 1);
  }
  runs_with_[id] = 0;
  entries_[id] = {Store(value), static_cast<uint32_t>(value.size()), name};
  values_of_[name].push_back(id);
  label_ids_.Insert(hash, id);
  if (id > num_labels_.load(std::memory_order_relaxed)) {
    num_labels_.store(id, std::memory_order_release);
  }
  return id;
}

uint32_t LabelTable::AllocateRun(uint32_t words) {
  if (words < free_runs_.size() && !free_runs_[words].empty()) {
    const uint32_t run = free_runs_[words].back();
    free_runs_[words].pop_back();
    return run;
  }
  if (num_blocks_ == 0 || next_word_ % kBlockWords + words > kBlockWords ||
      next_word_ / kBlockWords >= num_blocks_) {
    CHECK(num_blocks_ < UINT32_MAX / kBlockWords, "more than 16 GiB of label runs");
    auto block = std::make_unique_for_overwrite<uint32_t[]>(kBlockWords);
    blocks_.Grow(num_blocks_ + 1);
    blocks_[num_blocks_] = block.get();
    owned_words_.push_back(std::move(block));
    next_word_ = num_blocks_ * kBlockWords;
    // Run 0 means none.
    if (num_blocks_++ == 0) next_word_ = 1;
  }
  const uint32_t run = next_word_;
  next_word_ += words;
  return run;
}

LabelRun LabelTable::Intern(model::LabelSpan labels) {
  CHECK(labels.size() <= kMaxLabels, "too many labels in a set");
  base::MutexLock lock(mutex_);
  // Neighbours mostly have the same names: try the last shape before looking for one.
  uint32_t shape = last_shape_;
  bool same = shape != 0 && shapes_[shape].size == labels.size();
  for (size_t i = 0; same && i < labels.size(); ++i) {
    same = Name(LabelNameId(shapes_[shape].names[i])) == labels[i].name;
  }
  if (!same) {
    scratch_.clear();
    for (const model::Label& label : labels) scratch_.push_back(InternName(label.name));
    shape = last_shape_ = InternShape(scratch_);
  }
  const auto words = static_cast<uint32_t>(labels.size()) + 1;
  const uint32_t run = AllocateRun(words);
  uint32_t* place = blocks_[run / kBlockWords] + run % kBlockWords;
  *place++ = shape;
  for (size_t i = 0; i < labels.size(); ++i) {
    const uint32_t id = InternLabel(shapes_[shape].names[i], labels[i].value);
    ++runs_with_[id];
    *place++ = id;
  }
  return LabelRun(run);
}

LabelId LabelTable::InternLabel(const model::Label& label) {
  base::MutexLock lock(mutex_);
  return LabelId(InternLabel(InternName(label.name), label.value));
}

LabelRun LabelTable::Intern(std::span<const LabelId> labels) {
  CHECK(labels.size() <= kMaxLabels, "too many labels in a set");
  base::MutexLock lock(mutex_);
  scratch_.clear();
  for (const LabelId id : labels) scratch_.push_back(entries_[id.value()].name);
  if (last_shape_ == 0 ||
      !std::ranges::equal(std::span(shapes_[last_shape_].names, shapes_[last_shape_].size),
                          scratch_)) {
    last_shape_ = InternShape(scratch_);
  }
  const uint32_t run = AllocateRun(static_cast<uint32_t>(labels.size()) + 1);
  uint32_t* place = blocks_[run / kBlockWords] + run % kBlockWords;
  *place++ = last_shape_;
  for (const LabelId id : labels) {
    ++runs_with_[id.value()];
    *place++ = id.value();
  }
  return LabelRun(run);
}

void LabelTable::Release(LabelRun run) {
  const std::span<const LabelId> ids = LabelsOf(run);
  const size_t words = ids.size() + 1;
  base::MutexLock lock(mutex_);
  for (const LabelId id : ids) --runs_with_[id.value()];
  if (free_runs_.size() <= words) free_runs_.resize(words + 1);
  free_runs_[words].push_back(run.value());
}

std::vector<LabelId> LabelTable::TakeUnused() {
  std::vector<LabelId> unused;
  // In pieces: who makes a series waits for the lock.
  for (uint32_t from = 1; from <= num_labels(); from += kLabelsPerLock) {
    LetOthersIn();
    base::MutexLock lock(mutex_);
    for (uint32_t id = from; id <= std::min(from + kLabelsPerLock - 1, num_labels()); ++id) {
      if (runs_with_[id] != 0) continue;
      const Entry& e = entries_[id];
      label_ids_.Erase(HashValue(e.name, {e.data, e.size}), id);
      runs_with_[id] = kUnused;
      unused.push_back(LabelId(id));
    }
  }
  std::vector<uint32_t> names;
  for (const LabelId id : unused) names.push_back(NameOf(id).value());
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  for (const uint32_t name : names) {
    LetOthersIn();
    base::MutexLock lock(mutex_);
    std::erase_if(values_of_[name], [this](uint32_t id) TB_NO_THREAD_SAFETY_ANALYSIS {
      return runs_with_[id] == kUnused;
    });
  }
  return unused;
}

void LabelTable::FreeLabels(std::span<const LabelId> unused) {
  while (!unused.empty()) {
    const auto some = unused.first(std::min<size_t>(unused.size(), kLabelsPerLock));
    unused = unused.subspan(some.size());
    LetOthersIn();
    base::MutexLock lock(mutex_);
    for (const LabelId id : some) {
      const Entry& e = entries_[id.value()];
      FreeString(e.data, e.size);
      free_labels_.push_back(id.value());
    }
  }
}

std::optional<LabelNameId> LabelTable::FindName(std::string_view name) const {
  base::MutexLock lock(mutex_);
  const uint32_t id =
      name_ids_.Find(base::Hash64(name, base::ProcessSeed()),
                     [&](uint32_t candidate) { return Name(LabelNameId(candidate)) == name; });
  if (id == IdTable::kNone) return std::nullopt;
  return LabelNameId(id);
}

std::optional<LabelId> LabelTable::Find(LabelNameId name, std::string_view value) const {
  base::MutexLock lock(mutex_);
  const uint32_t id = label_ids_.Find(HashValue(name.value(), value), [&](uint32_t candidate) {
    const Entry& e = entries_[candidate];
    return e.name == name.value() && std::string_view(e.data, e.size) == value;
  });
  if (id == IdTable::kNone) return std::nullopt;
  return LabelId(id);
}

std::vector<LabelId> LabelTable::ValuesOf(LabelNameId name) const {
  base::MutexLock lock(mutex_);
  std::vector<LabelId> out;
  out.reserve(values_of_[name.value()].size());
  for (const uint32_t id : values_of_[name.value()]) out.push_back(LabelId(id));
  return out;
}

std::vector<std::string> LabelTable::Names() const {
  base::MutexLock lock(mutex_);
  std::vector<std::string> out;
  for (uint32_t id = 1; id <= num_names_; ++id) out.emplace_back(Name(LabelNameId(id)));
  return out;
}

size_t LabelTable::memory_bytes() const {
  base::MutexLock lock(mutex_);
  return strings_.total + size_t{num_blocks_} * kBlockWords * sizeof(uint32_t) +
         num_labels() * (sizeof(Entry) + 2 * sizeof(uint64_t));
}

int LabelTable::PositionIn(uint32_t shape, LabelNameId name) const {
  const Shape& s = shapes_[shape];
  for (uint32_t i = 0; i < s.size; ++i) {
    if (s.names[i] == name.value()) return static_cast<int>(i);
  }
  return -1;
}

LabelId LabelTable::FindIn(LabelRun run, LabelNameId name) const {
  const int position = PositionIn(ShapeOf(run), name);
  return position < 0 ? LabelId(0) : LabelsOf(run)[static_cast<size_t>(position)];
}

bool LabelTable::Equal(LabelRun run, model::LabelSpan labels) const {
  const std::span<const LabelId> ids = LabelsOf(run);
  if (ids.size() != labels.size()) return false;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (Value(ids[i]) != labels[i].value || Name(NameOf(ids[i])) != labels[i].name) return false;
  }
  return true;
}

void LabelTable::ToSpan(LabelRun run, std::vector<model::Label>* out) const {
  out->clear();
  for (const LabelId id : LabelsOf(run)) out->push_back({Name(NameOf(id)), Value(id)});
}

std::strong_ordering LabelTable::Compare(LabelRun a, LabelRun b) const {
  const std::span<const LabelId> x = LabelsOf(a);
  const std::span<const LabelId> y = LabelsOf(b);
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (x[i] == y[i]) continue;
    const LabelNameId name_x = NameOf(x[i]);
    const LabelNameId name_y = NameOf(y[i]);
    if (name_x != name_y) return Name(name_x) <=> Name(name_y);
    return Value(x[i]) <=> Value(y[i]);
  }
  return x.size() <=> y.size();
}

}  // namespace tributary::tsdb
