// WindowSender: brings one window of the log to the receiver: cut into requests that are sent side
// by side, each again until the receiver has said yes or definitely no. Used by one thread, except
// Wake().
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "config/config.h"
#include "net/http_client.h"
#include "remote/send/message_encoder.h"
#include "remote/send/probe.h"
#include "remote/send/receiver_window.h"
#include "remote/send/shipment.h"
#include "remote/send/wire_form.h"
#include "storage/wal_source.h"

namespace tributary::remote {

// A POST of `body` to the configured address.
net::ClientRequest MakeWriteRequest(const config::RemoteWriteConfig& config,
                                    std::string_view user_agent, std::string body,
                                    const WireForm& form);

class WindowSender {
 public:
  // All are borrowed. The client's completions use the sender: the client must end first.
  WindowSender(const config::RemoteWriteConfig& config, std::string_view user_agent,
               const base::Clock& clock, MessageEncoder& encoder, SendProbe& probe)
      : config_(config),
        user_agent_(user_agent),
        clock_(clock),
        encoder_(encoder),
        probe_(probe),
        forms_(config.protobuf_message, config.protobuf_message_is_default),
        receiver_window_(config.url) {}

  // Begins with another window; histograms and exemplars are moved out of the batch.
  void Begin(storage::WalBatch* batch);
  bool done() const { return unfinished_ == 0; }
  // Sends what may go now, at most `width` requests at a time, and takes the answers that are there
  // or come within a second.
  void Step(net::HttpClient& client, size_t width);
  // Ends the wait of Step(). Thread-safe.
  void Wake() { wake_.NotifyAll(); }

  // The newest answer was a refusal or a failure.
  bool in_trouble() const { return trouble_; }
  // What waits is dropped and counted; what is on its way gets its answer first.
  void GiveUp(const char* reason);
  bool has_given_up() const { return given_up_; }

  size_t pending() const;  // items that are not delivered
  ReceiverWindow& receiver_window() { return receiver_window_; }

 private:
  struct Answer {
    size_t shipment;
    base::Result<net::ClientResponse> response;
  };

  void SendReady(net::HttpClient& client, size_t width, int64_t* next_ns);
  void Send(net::HttpClient& client, size_t index);
  void OnAnswer(Answer answer);
  void OnRetry(const Answer& answer, bool hold, Shipment* shipment);
  void OnForm(const Answer& answer, Shipment* shipment);
  void OnRejected(const net::ClientResponse& response, size_t index);
  void Split(size_t index);
  void Finish(Shipment* shipment);

  const config::RemoteWriteConfig& config_;
  const std::string_view user_agent_;
  const base::Clock& clock_;
  MessageEncoder& encoder_;
  SendProbe& probe_;
  FormNegotiator forms_;
  ReceiverWindow receiver_window_;
  std::vector<Shipment> shipments_;
  size_t unfinished_ = 0;
  size_t in_flight_ = 0;
  bool trouble_ = false;
  bool given_up_ = false;
  int64_t next_complaint_ns_ = 0;

  base::Mutex mutex_;
  base::CondVar wake_;
  std::vector<Answer> answers_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::remote
