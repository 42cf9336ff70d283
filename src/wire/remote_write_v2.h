// Remote write 2.0: io.prometheus.write.v2.Request
// (prompb/io/prometheus/write/v2/types.proto;
// https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/).
//
// Every string of a message stands once in its symbol table; series speak in numbers. Decoding
// keeps nothing but the table, whose entries are views into the message. A series with bad numbers
// is handed to the visitor with its problem named, so that its neighbours can still be taken.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/exemplar.h"
#include "model/histogram.h"
#include "model/labels.h"
#include "model/metadata.h"
#include "model/sample.h"

namespace tributary::wire {

// More symbols in one message are refused (kResourceExhausted): the table costs memory.
inline constexpr size_t kMaxSymbolsV2 = size_t{1} << 20;

struct WriteSampleV2 {
  model::Timestamp t = 0;
  double v = 0;
  model::Timestamp start = 0;  // 0: not known
};

struct WriteMetadataV2 {
  model::MetricType type = model::MetricType::kUnknown;
  uint32_t help_ref = 0;
  uint32_t unit_ref = 0;
};

// Views into the message and the decoder's scratch; valid during the visit.
struct WriteSeriesV2 {
  // Empty: label_refs come in pairs and, as those of `metadata`, lie within the symbol table.
  // Otherwise what is wrong; then no ref may be looked up.
  std::string_view problem;
  std::span<const uint32_t> label_refs;  // name, value, name, value, …
  std::span<const WriteSampleV2> samples;
  std::span<const std::string_view> histograms;  // encoded; DecodeHistogramV2
  std::span<const std::string_view> exemplars;   // encoded; DecodeExemplarV2
  WriteMetadataV2 metadata;
};

class WriteVisitorV2 {
 public:
  virtual ~WriteVisitorV2() = default;
  // Once, before the first series; the span is `*symbols` of DecodeWriteV2.
  virtual void OnSymbols(std::span<const std::string_view> /*symbols*/) {}
  virtual void OnSeries(const WriteSeriesV2& series) = 0;
};

// Fills `symbols` first, wherever in the message they stand. As with DecodeWriteV1, what was
// visited before an error was visited.
base::Status DecodeWriteV2(std::string_view message, std::vector<std::string_view>* symbols,
                           WriteVisitorV2* visitor);

// The labels in wire order, unchecked. REQUIRES: series.problem is empty.
void ResolveLabelsV2(const WriteSeriesV2& series, std::span<const std::string_view> symbols,
                     std::vector<model::Label>* out);

// True: an integer histogram was put into `h`; false: a float one into `fh`.
base::Result<bool> DecodeHistogramV2(std::string_view encoded, model::Timestamp* t,
                                     model::Timestamp* start, model::Histogram* h,
                                     model::FloatHistogram* fh);
base::Result<model::Exemplar> DecodeExemplarV2(std::string_view encoded,
                                               std::span<const std::string_view> symbols);

// The symbol table of a request under construction: text -> number, each text once. Number 0 is "".
// Reset() keeps the memory; a steady flow of requests allocates nothing.
class SymbolTable {
 public:
  SymbolTable() { Reset(); }
  void Reset();
  uint32_t Add(std::string_view text);
  size_t size() const { return entries_.size(); }
  // Until the next Add().
  std::string_view Text(uint32_t number) const {
    return std::string_view(encoded_).substr(entries_[number].offset, entries_[number].size);
  }
  // The table as fields of a Request.
  std::string_view encoded() const { return encoded_; }

 private:
  struct Entry {
    uint32_t hash;
    uint32_t offset;  // of the text in encoded_
    uint32_t size;
  };
  bool Is(uint32_t number, std::string_view text) const {
    const Entry& entry = entries_[number];
    return entry.size == text.size() &&
           std::memcmp(encoded_.data() + entry.offset, text.data(), text.size()) == 0;
  }
  void Grow();
  std::string encoded_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> slots_;  // open addressing; number + 1, 0 is free
  // By the address of a text: the number of what stood there last. Labels come from a store that
  // keeps each text in one place, so that most are found without hashing them.
  std::array<uint32_t, 1024> hints_{};
};

// Builds one Request. Keep one and reuse it. Thread-compatible.
class WriteEncoderV2 {
 public:
  void Reset();
  SymbolTable& symbols() { return symbols_; }

  // Labels as symbols of this request: name, value, name, value, …, each a varint, as on the wire.
  using Refs = std::string_view;

  // Metadata as symbols of this request, as on the wire; nothing: there is none.
  using About = std::optional<std::string_view>;
  // Until the next call. Null is none.
  About EncodeMetadata(const model::Metadata* metadata);

  // Each adds one TimeSeries, as Prometheus sends.
  void AddSample(Refs labels, const WriteSampleV2& sample, About about);
  void AddHistogram(Refs labels, model::Timestamp t, const model::Histogram& h,
                    model::Timestamp start, About about);
  void AddHistogram(Refs labels, model::Timestamp t, const model::FloatHistogram& h,
                    model::Timestamp start, About about);
  void AddExemplar(Refs labels, const model::Exemplar& exemplar);
  // Puts the labels' texts among the symbols. Until the next call.
  Refs AddSymbols(model::LabelSpan labels);
  // The value of a label, by the symbol of its name.
  static std::optional<uint32_t> ValueOf(Refs labels, uint32_t name);

  // The same of labels by their texts; metadata may be null.
  void AddSample(model::LabelSpan labels, const WriteSampleV2& sample,
                 const model::Metadata* metadata = nullptr) {
    AddSample(AddSymbols(labels), sample, EncodeMetadata(metadata));
  }
  template <class H>
  void AddHistogram(model::LabelSpan labels, model::Timestamp t, const H& h,
                    model::Timestamp start = 0, const model::Metadata* metadata = nullptr) {
    AddHistogram(AddSymbols(labels), t, h, start, EncodeMetadata(metadata));
  }
  void AddExemplar(model::LabelSpan labels, const model::Exemplar& exemplar) {
    AddExemplar(AddSymbols(labels), exemplar);
  }

  // The Request, in the encoder's memory, until the next call, which must be Reset().
  std::string_view Finish();

 private:
  void PrepareSample(model::Timestamp t, model::Timestamp start);
  // A TimeSeries: labels, one encoded item in `field`, metadata.
  void PutSeries(Refs labels, uint32_t field, std::string_view item, About about);
  void PutShortSeries(Refs labels, About about);
  template <class H>
  void PutHistogram(Refs labels, model::Timestamp t, const H& h, model::Timestamp start,
                    About about);

  static constexpr size_t kShort = 80;  // bytes of labels and metadata

  SymbolTable symbols_;
  // TimeSeries fields from front_ to end_. What is before is for the symbols, so that the Request
  // is in one piece without moving the series; what is behind is kept, so that it need not be
  // filled with zeros again.
  std::string message_;
  size_t front_ = 0, end_ = 0;
  std::string item_, scratch_;  // of the one being built
  // The newest sample, encoded: the next is mostly of the same time, and only its value is another.
  std::array<char, 32> sample_{};  // at most 1 + 8 + 2 * 11
  size_t sample_size_ = 0;
  model::Timestamp sample_t_ = 0, sample_start_ = 0;
  std::string refs_;
};

}  // namespace tributary::wire
