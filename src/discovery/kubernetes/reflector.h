// Reflector: keeps the cluster's picture of one resource in step with the API server. Lists it in
// pages, then watches for changes from there; resumes a watch that ended where it stood, lists
// again when the server has forgotten that place (410 Gone), and backs off when it fails.
// Source of the protocol: Kubernetes API concepts, "efficient detection of changes".
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "base/string_map.h"
#include "discovery/kubernetes/cluster.h"
#include "discovery/kubernetes/mailbox.h"
#include "net/http_client.h"

namespace tributary::discovery::kubernetes {

enum class ObjectEvent : unsigned char { kAdd, kUpdate, kDelete };

// Told on the mailbox's thread.
class ReflectorObserver {
 public:
  virtual void OnObject(Kind kind, const std::string& key, ObjectEvent event) = 0;
  virtual void OnSynced() = 0;   // a list is complete, for the first time
  virtual void OnFailure() = 0;  // a list or watch failed and will be tried again

 protected:
  ~ReflectorObserver() = default;
};

struct ReflectorOptions {
  Kind kind = Kind::kPod;
  std::string api_url;     // without a slash at its end
  std::string name_space;  // "": all
  std::string label_selector, field_selector;
  int64_t min_backoff_ms = 800;
  int64_t max_backoff_ms = 30'000;
  size_t page_size = 500;
};

class Reflector {
 public:
  // All references outlive this; the mailbox is closed and the client gone before this dies.
  Reflector(ReflectorOptions options, net::HttpClient& client, Mailbox& mailbox, Cluster& cluster,
            ReflectorObserver& observer);
  // On the mailbox's thread.
  void Start() { List(); }

 private:
  // What the watch's reader and the mailbox share.
  struct Stream {
    std::atomic<size_t> queued_bytes{0};
    std::atomic<bool> abandoned{false};
  };
  enum class Next : unsigned char { kList, kSamePage, kWatch };

  void List();
  void GetPage();
  void OnPage(const base::Result<net::ClientResponse>& response);
  base::Status ReadPage(const std::string& body);
  void FinishList();
  void Watch();
  void OnWatchData(const std::string& bytes);
  void OnWatchEnd(const base::Result<net::ClientResponse>& response);
  base::Status ReadEvent(std::string_view line);
  void Take(const std::string& key, ObjectPtr object);
  void Drop(const std::string& key);
  // Counts and logs the failure, and goes on with `next` after a pause.
  void Retry(const base::Error& error, Next next, std::string_view retry_after);
  void After(int64_t delay_ms, Next next);
  int64_t BackoffMs();
  std::string Url() const;
  net::ClientRequest NewRequest(std::string url) const;

  const ReflectorOptions options_;
  net::HttpClient& client_;
  Mailbox& mailbox_;
  Cluster& cluster_;
  ReflectorObserver& observer_;
  std::minstd_rand random_;

  bool synced_ = false;
  int failures_ = 0;  // in a row
  std::string resource_version_;
  std::string continue_token_;
  base::StringSet listed_;  // keys of the list under way

  std::shared_ptr<Stream> stream_;  // of the watch under way
  std::string partial_line_;
  bool must_list_ = false;
  bool got_event_ = false;
  int64_t watch_began_ms_ = 0;
};

}  // namespace tributary::discovery::kubernetes
