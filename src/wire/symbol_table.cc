#include "base/hash.h"
#include "wire/protobuf.h"
#include "wire/remote_write_v2.h"

namespace tributary::wire {
namespace {

constexpr uint32_t kSymbolField = 4;
constexpr size_t kFirstSlots = 1024;

}  // namespace

void SymbolTable::Reset() {
  encoded_.clear();
  entries_.clear();
  slots_.assign(std::max(slots_.size(), kFirstSlots), 0);
  Add({});
}

uint32_t SymbolTable::Add(std::string_view text) {
  const auto address = reinterpret_cast<uintptr_t>(text.data());
  uint32_t& hint = hints_[(address ^ address >> 10) % hints_.size()];
  if (hint < entries_.size() && Is(hint, text)) return hint;
  const auto hash = static_cast<uint32_t>(base::Hash64(text));
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  for (; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const uint32_t number = slots_[slot] - 1;
    if (entries_[number].hash == hash && Is(number, text)) {
      hint = number;
      return number;
    }
  }
  const auto number = static_cast<uint32_t>(entries_.size());
  PutBytes(&encoded_, kSymbolField, text);
  entries_.push_back({hash, static_cast<uint32_t>(encoded_.size() - text.size()),
                      static_cast<uint32_t>(text.size())});
  slots_[slot] = number + 1;
  hint = number;
  if (entries_.size() * 2 > slots_.size()) Grow();
  return number;
}

void SymbolTable::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  const size_t mask = slots_.size() - 1;
  for (uint32_t number = 0; number < entries_.size(); ++number) {
    size_t slot = entries_[number].hash & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = number + 1;
  }
}

}  // namespace tributary::wire
