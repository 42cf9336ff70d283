// Shipment: what goes to a receiver in one request, and how its delivery stands.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "remote/send/wire_form.h"
#include "storage/wal_source.h"

namespace tributary::remote {

// How many items a request holds.
struct RequestSize {
  size_t enough = 0;  // worth a request
  size_t most = 0;
  size_t read = 0;  // what is read for one: where there is a choice, a record more still fits in
};
// Where the configuration does not say it, as many as the log holds already, up to 10,000: the
// series of a large request have more texts in common, which saves a fifth of the agent's CPU and
// an eighth of the bytes.
RequestSize RequestSizeOf(const config::QueueConfig& queue);

struct Shipment {
  std::vector<storage::RefSample> samples;
  storage::Starts starts;  // of the samples
  std::vector<storage::RefHistogram> histograms;
  std::vector<storage::RefExemplar> exemplars;

  size_t size() const { return samples.size() + histograms.size() + exemplars.size(); }

  // The request body, empty until encoded, and the form it is in.
  std::string body;
  WireForm form;
  // Items of each kind that are in the body (relabelling may have dropped some).
  uint64_t body_samples = 0, body_histograms = 0, body_exemplars = 0;

  enum class State : unsigned char { kWaiting, kInFlight, kDone };
  State state = State::kWaiting;
  // Index of the shipment with earlier samples of the same series, or -1: that one goes first.
  int after = -1;
  int attempts = 0;           // sends that failed and were retried
  int64_t not_before_ns = 0;  // monotonic
  int64_t backoff_ms = 0;
  int64_t sent_ns = 0;
  int splits = 0;  // how many times what it came from was cut in half
};

// Distributes a batch over as few shipments of at most `max_items` as it takes. All samples of a
// series go to the same shipment or to one chained behind it, in their order.
// Histograms and exemplars are moved out of the batch.
std::vector<Shipment> MakeShipments(storage::WalBatch* batch, size_t max_items);

// Cuts in two, earlier items first; the second half waits for the first.
// REQUIRES: shipment.size() > 1.
std::pair<Shipment, Shipment> Halve(Shipment shipment);

}  // namespace tributary::remote
