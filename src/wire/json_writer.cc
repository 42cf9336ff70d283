#include "wire/json_writer.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/float_text.h"
#include "base/strings.h"
#include "model/sample.h"

namespace tributary::wire {
namespace {

// Bytes of the well-formed UTF-8 sequence at the start of `s`; 0 when there is none.
size_t Utf8Sequence(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const auto continues = [&](size_t i) { return i < s.size() && (byte(i) & 0xc0) == 0x80; };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !continues(1)) return 0;
  if (first < 0xe0) return 2;
  if (!continues(2)) return 0;
  if (first < 0xf0) {
    const bool overlong = first == 0xe0 && byte(1) < 0xa0;
    const bool surrogate = first == 0xed && byte(1) >= 0xa0;
    return overlong || surrogate ? 0 : 3;
  }
  const bool out_of_range = (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) >= 0x90);
  return !continues(3) || out_of_range ? 0 : 4;
}

void AppendInteger(auto value, std::string* out) {
  char buffer[24];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out->append(buffer, static_cast<size_t>(result.ptr - buffer));
}

char* WriteTwoDigits(uint32_t value, char* p) {
  p[0] = static_cast<char>('0' + value / 10);
  p[1] = static_cast<char>('0' + value % 10);
  return p + 2;
}

// Unix times of this age, and of the two centuries after it, have ten digits.
char* WriteSeconds(uint64_t seconds, char* p) {
  constexpr uint64_t kTenDigits = 1'000'000'000;
  if (seconds < kTenDigits || seconds >= 10 * kTenDigits) {
    return std::to_chars(p, p + 20, seconds).ptr;
  }
  const auto high = static_cast<uint32_t>(seconds / 10'000);
  const auto low = static_cast<uint32_t>(seconds % 10'000);
  p = WriteTwoDigits(high / 10'000, p);
  p = WriteTwoDigits(high / 100 % 100, p);
  p = WriteTwoDigits(high % 100, p);
  p = WriteTwoDigits(low / 100, p);
  return WriteTwoDigits(low % 100, p);
}

// [<seconds>,"
char* WriteSampleHead(char* p, int64_t timestamp_ms) {
  *p++ = '[';
  // The magnitude as unsigned: -INT64_MIN does not fit.
  const uint64_t magnitude = timestamp_ms < 0 ? 0 - static_cast<uint64_t>(timestamp_ms)
                                              : static_cast<uint64_t>(timestamp_ms);
  if (timestamp_ms < 0) *p++ = '-';
  p = WriteSeconds(magnitude / 1000, p);
  if (const auto fraction = static_cast<uint32_t>(magnitude % 1000); fraction != 0) {
    *p++ = '.';
    *p++ = static_cast<char>('0' + fraction / 100);
    p = WriteTwoDigits(fraction % 100, p);
  }
  *p++ = ',';
  *p++ = '"';
  return p;
}

char* WriteSampleEnd(char* p, double value) {
  p = base::WriteFloatJson(p, value);
  *p++ = '"';
  *p++ = ']';
  return p;
}

// With the comma before it.
constexpr size_t kMostSampleBytes = 72;

}  // namespace

SampleHeads::SampleHeads(int64_t start_ms, int64_t step_ms, size_t steps) : heads_(steps) {
  for (size_t i = 0; i < steps; ++i) {
    char* const begin = heads_[i].text.data();
    const int64_t t = start_ms + static_cast<int64_t>(i) * step_ms;
    heads_[i].size = static_cast<uint8_t>(WriteSampleHead(begin, t) - begin);
  }
}

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (has_items_.empty()) return;
  if (has_items_.back()) out_->push_back(',');
  has_items_.back() = true;
}

void JsonWriter::MaybeFlush() {
  if (flush_ && out_->size() >= flush_bytes_) Finish();
}

bool JsonWriter::Finish() {
  if (!flush_) return ok_;
  if (ok_ && !out_->empty()) ok_ = flush_(*out_);
  out_->clear();
  return ok_;
}

void JsonWriter::BeginObject() {
  Separate();
  out_->push_back('{');
  has_items_.push_back(false);
}

void JsonWriter::EndObject() {
  DCHECK(!has_items_.empty(), "EndObject without BeginObject");
  has_items_.pop_back();
  out_->push_back('}');
  MaybeFlush();
}

void JsonWriter::BeginArray() {
  Separate();
  out_->push_back('[');
  has_items_.push_back(false);
}

void JsonWriter::EndArray() {
  DCHECK(!has_items_.empty(), "EndArray without BeginArray");
  has_items_.pop_back();
  out_->push_back(']');
  MaybeFlush();
}

void JsonWriter::Key(std::string_view key) {
  DCHECK(!after_key_ && !has_items_.empty(), "a key stands in an object, before its value");
  String(key);
  out_->push_back(':');
  after_key_ = true;
}

void JsonWriter::String(std::string_view value) {
  Separate();
  out_->push_back('"');
  size_t clean_from = 0;
  for (size_t i = 0; i < value.size();) {
    const auto c = static_cast<unsigned char>(value[i]);
    size_t sequence = 1;
    if (c >= 0x80) {
      sequence = Utf8Sequence(value.substr(i));
    } else if (base::NeedsJsonEscape(value[i])) {
      sequence = 0;
    }
    if (sequence != 0) {
      i += sequence;
      continue;
    }
    out_->append(value.substr(clean_from, i - clean_from));
    if (c >= 0x80) {
      out_->append("\\ufffd");
    } else {
      base::AppendJsonEscape(out_, value[i]);
    }
    clean_from = ++i;
  }
  out_->append(value.substr(clean_from));
  out_->push_back('"');
  MaybeFlush();
}

void JsonWriter::Int(int64_t value) {
  Separate();
  AppendInteger(value, out_);
  MaybeFlush();
}

void JsonWriter::Uint(uint64_t value) {
  Separate();
  AppendInteger(value, out_);
  MaybeFlush();
}

void JsonWriter::Bool(bool value) { Raw(value ? "true" : "false"); }
void JsonWriter::Null() { Raw("null"); }

void JsonWriter::Double(double value) {
  // JSON has no word for these; Go refuses to encode them.
  if (!std::isfinite(value)) return Null();
  Separate();
  const size_t start = out_->size();
  base::AppendFloatJson(out_, value);
  // Go's encoding/json writes e-9 where strconv writes e-09.
  const size_t n = out_->size();
  if (n - start >= 4 && (*out_)[n - 4] == 'e' && (*out_)[n - 3] == '-' && (*out_)[n - 2] == '0') {
    (*out_)[n - 2] = (*out_)[n - 1];
    out_->pop_back();
  }
  MaybeFlush();
}

void JsonWriter::Raw(std::string_view json) {
  Separate();
  out_->append(json);
  MaybeFlush();
}

void JsonWriter::Sample(int64_t timestamp_ms, double value) {
  Separate();
  char buffer[kMostSampleBytes];
  char* const end = WriteSampleEnd(WriteSampleHead(buffer, timestamp_ms), value);
  out_->append(buffer, static_cast<size_t>(end - buffer));
  MaybeFlush();
}

void JsonWriter::Samples(const SampleHeads& heads, std::span<const double> values) {
  Separate();
  char buffer[32 * kMostSampleBytes];
  char* p = buffer;
  char before = '[';
  for (size_t i = 0; i < values.size(); ++i) {
    if (model::IsStaleNaN(values[i])) continue;
    if (p > buffer + sizeof(buffer) - kMostSampleBytes) {
      out_->append(buffer, static_cast<size_t>(p - buffer));
      p = buffer;
    }
    *p++ = before;
    before = ',';
    const SampleHeads::Head& head = heads.heads_[i];
    std::memcpy(p, head.text.data(), head.text.size());
    p = WriteSampleEnd(p + head.size, values[i]);
  }
  out_->append(buffer, static_cast<size_t>(p - buffer));
  out_->append(before == '[' ? "[]" : "]");
  MaybeFlush();
}

}  // namespace tributary::wire
