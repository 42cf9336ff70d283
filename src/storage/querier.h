// Reading: the seam between stores (head, blocks, later remote stores) and those who ask (PromQL,
// the API, federation, remote read, StoreAPI). Chunks cross it encoded.
//
//   Queryable --Querier(mint, maxt)--> Querier --Select(matchers)--> SeriesSelection
//
// A Querier is a consistent view of [mint, maxt] (both inclusive), taken when it is made; it keeps
// what it reads alive. A SeriesSelection borrows from its Querier and must not outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chunk/encoding.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "storage/fingerprint.h"

namespace tributary::storage {

using Matchers = std::span<const model::Matcher>;

// What the asker will do with the answer; a store may use it to read less, never to answer else.
struct SelectHints {
  model::Timestamp start = 0;  // inclusive, with lookback or range already applied
  model::Timestamp end = 0;    // inclusive
  int64_t step_ms = 0;         // 0: instant
  int64_t range_ms = 0;        // 0: not a range selector
  uint64_t limit = 0;          // at most this many series; 0: all
};

// Memory for chunk bytes that cannot be borrowed (the open chunk of a head is copied out under its
// lock). One per reading thread; Clear() before the next series. Never moves bytes it handed out.
class ChunkBuffer {
 public:
  std::span<uint8_t> Allocate(size_t size);
  void Clear();

 private:
  std::vector<std::unique_ptr<uint8_t[]>> slabs_;
  size_t slab_ = 0;
  size_t used_ = 0;
  std::vector<size_t> sizes_;
};

// One label across a whole selection, dictionary-encoded: ids[i] indexes `values`, where "" stands
// for absent. Equal values have equal ids. Views live as long as the selection.
struct LabelColumn {
  std::vector<uint32_t> ids;
  std::vector<std::string_view> values;
};

// The series that matched: a fixed list, read at random and by many threads at once (all methods
// are const and thread-safe). Sorted by labels when sorted() says so; order is otherwise stable.
class SeriesSelection {
 public:
  virtual ~SeriesSelection() = default;
  virtual size_t size() const = 0;
  virtual bool sorted() const = 0;
  virtual model::Labels LabelsOf(size_t i) const = 0;
  virtual LabelColumn Column(std::string_view label_name) const = 0;
  // One a series: equal where labels are equal, in selections of any store of this process.
  virtual std::vector<Fingerprint> Fingerprints() const;
  // The chunks of series i that overlap the querier's range, by min_time. They do not overlap each
  // other unless out-of-order data made them; then later chunks in the list win on equal
  // timestamps. Views live until `buffer` is cleared, at most as long as the selection. Appends
  // to `out`.
  virtual base::Status Chunks(size_t i, ChunkBuffer* buffer,
                              std::vector<chunk::ChunkView>* out) const = 0;
};

// Thread-compatible: one asker at a time, except that selections are thread-safe as said above.
class Querier {
 public:
  virtual ~Querier() = default;
  // All matchers must match. An empty list selects everything.
  virtual base::Result<std::unique_ptr<SeriesSelection>> Select(Matchers matchers,
                                                                const SelectHints& hints) = 0;
  // Sorted, distinct, of the series that all matchers select (all series when there are none).
  virtual base::Result<std::vector<std::string>> LabelNames(Matchers matchers) = 0;
  virtual base::Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                             Matchers matchers) = 0;
};

// Thread-safe.
class Queryable {
 public:
  virtual ~Queryable() = default;
  virtual base::Result<std::unique_ptr<Querier>> NewQuerier(model::Timestamp mint,
                                                            model::Timestamp maxt) = 0;
};

}  // namespace tributary::storage
