// MessageEncoder: writes a shipment as a remote write message, compressed. Thread-compatible;
// reuses its memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.h"
#include "remote/send/family_lookup.h"
#include "remote/send/probe.h"
#include "remote/send/series_labels.h"
#include "remote/send/shipment.h"
#include "storage/wal_source.h"
#include "wire/remote_write_v2.h"

namespace tributary::remote {

class MessageEncoder {
 public:
  // All are borrowed and outlive it.
  MessageEncoder(const config::RemoteWriteConfig& config, const storage::WalSource& source,
                 SeriesLabels& labels, SendProbe& probe)
      : config_(config), source_(source), labels_(labels), probe_(probe) {}

  // Fills body, body_* and form of the shipment. Samples older than `oldest` (sample_age_limit) and
  // series that relabelling drops are taken out of it and counted. The body stays empty when
  // nothing is left to send.
  void Encode(const WireForm& form, model::Timestamp oldest, Shipment* shipment);

  // What 2.0 messages say of series whose metadata the source does not have.
  FamilyLookup& families() { return families_; }

  // A 1.0 message with metadata only.
  using Families = std::vector<std::pair<std::string, model::Metadata>>;
  static std::string EncodeMetadata(const Families& families, size_t from, size_t to);

 private:
  // Calls add(item, start) for each, with its labels in span_ (1.0) or refs_ (2.0). Those that are
  // not sent are taken out of the lists and counted.
  template <class Item, class Add>
  void ForEach(SendProbe::Kind kind, model::Timestamp oldest, std::vector<Item>* items,
               storage::Starts* starts, Add&& add);
  template <class Item, class Add>  // add(item)
  void ForEach(SendProbe::Kind kind, model::Timestamp oldest, std::vector<Item>* items, Add&& add);
  bool Resolve(SendProbe::Kind kind, model::SeriesRef ref, const storage::LabelNumbers& numbers);
  // What is known of the series in refs_, encoded; valid until the next call.
  wire::WriteEncoderV2::About AboutOf(model::SeriesRef ref);
  // The message, valid until the next call of either.
  std::string_view EncodeV1(model::Timestamp oldest, Shipment* shipment);
  std::string_view EncodeV2(model::Timestamp oldest, Shipment* shipment);

  const config::RemoteWriteConfig& config_;
  const storage::WalSource& source_;
  SeriesLabels& labels_;
  SendProbe& probe_;
  bool as_symbols_ = false;
  std::vector<model::Label> span_;
  wire::WriteEncoderV2::Refs refs_;
  std::vector<model::SeriesRef> series_;
  std::vector<storage::LabelNumbers> numbers_;  // of series_
  std::string message_;                         // of the first version
  wire::WriteEncoderV2 v2_;
  FamilyLookup families_;
  uint32_t name_symbol_ = 0;  // of "__name__"
  // What is known of a metric, encoded for this message.
  struct Known {
    bool looked_up = false;
    std::optional<std::string> about;
  };
  std::vector<Known> known_;  // by the symbol of the metric's name
  model::Metadata metadata_;
};

}  // namespace tributary::remote
