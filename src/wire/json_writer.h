// JSON text written in one pass into a sink, with no tree in between. Commas are placed by the
// writer; keys and nesting are the caller's business (DCHECKed).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::wire {

// The times of the steps of an answer as its samples begin with them: written once for all series.
class SampleHeads {
 public:
  SampleHeads(int64_t start_ms, int64_t step_ms, size_t steps);

 private:
  friend class JsonWriter;
  static constexpr size_t kBytes = 32;
  struct Head {
    std::array<char, kBytes - 1> text;  // [<seconds>,"
    uint8_t size;
  };
  std::vector<Head> heads_;
};

class JsonWriter {
 public:
  // Appends to `out`. With a flush function, `out` is handed over and cleared whenever it grows
  // past `flush_bytes`, so that an answer of any size needs bounded memory; once flush returns
  // false the rest is discarded (ok() tells).
  explicit JsonWriter(std::string* out) : out_(out) {}
  JsonWriter(std::string* out, size_t flush_bytes, std::function<bool(std::string_view)> flush)
      : out_(out), flush_bytes_(flush_bytes), flush_(std::move(flush)) {}

  void BeginObject();
  void EndObject();
  void BeginArray();
  void EndArray();
  void Key(std::string_view key);
  void String(std::string_view value);  // invalid UTF-8 becomes U+FFFD, as Go writes
  void Int(int64_t value);
  void Uint(uint64_t value);
  void Bool(bool value);
  void Null();
  void Double(double value);        // Go's encoding/json form
  void Raw(std::string_view json);  // a whole value, already JSON
  // [<seconds with up to 3 decimals>,"<value>"]: a Prometheus sample.
  void Sample(int64_t timestamp_ms, double value);
  // An array of samples, one a step; staleness markers are left out.
  void Samples(const SampleHeads& heads, std::span<const double> values);
  // Hands over what is buffered.
  bool Finish();
  bool ok() const { return ok_; }

 private:
  void Separate();
  void MaybeFlush();
  std::string* out_;
  size_t flush_bytes_ = 0;
  std::function<bool(std::string_view)> flush_;
  std::vector<bool> has_items_;  // one a level
  bool after_key_ = false;
  bool ok_ = true;
};

}  // namespace tributary::wire
