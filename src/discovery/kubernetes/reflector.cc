#include "discovery/kubernetes/reflector.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/version.h"
#include "discovery/kubernetes/json.h"

namespace tributary::discovery::kubernetes {
namespace {

using base::Result;
using base::Status;
using net::ClientResponse;

constexpr int64_t kListTimeoutMs = 120'000;
constexpr size_t kMaxPageBytes = 256UL << 20;
constexpr size_t kMaxErrorBytes = 1UL << 20;
constexpr size_t kMaxEventBytes = 16UL << 20;   // etcd refuses objects over 1.5 MB
constexpr size_t kMaxQueuedBytes = 64UL << 20;  // of a watch, arrived and not read yet
constexpr int64_t kMinWatchSeconds = 300;       // the server ends a watch after this or twice it
constexpr int64_t kWatchGraceMs = 30'000;       // for a server that does not
constexpr int64_t kShortWatchMs = 1'000;
constexpr int64_t kMaxRetryAfterMs = 300'000;
constexpr int kGone = 410;

int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

struct Resource {
  std::string_view api, plural;
};

Resource ResourceOf(Kind kind) {
  constexpr std::string_view kCore = "/api/v1";
  switch (kind) {
    case Kind::kPod:
      return {kCore, "pods"};
    case Kind::kService:
      return {kCore, "services"};
    case Kind::kNode:
      return {kCore, "nodes"};
    case Kind::kNamespace:
      return {kCore, "namespaces"};
    case Kind::kEndpoints:
      return {kCore, "endpoints"};
    case Kind::kEndpointSlice:
      return {"/apis/discovery.k8s.io/v1", "endpointslices"};
    case Kind::kIngress:
      return {"/apis/networking.k8s.io/v1", "ingresses"};
    case Kind::kReplicaSet:
      return {"/apis/apps/v1", "replicasets"};
    case Kind::kJob:
      return {"/apis/batch/v1", "jobs"};
  }
  return {};
}

base::Error StatusError(const ClientResponse& response) {
  constexpr size_t kShown = 200;
  return base::Unavailable(fmt::format("server returned HTTP status {}: {}", response.status,
                                       response.body.substr(0, kShown)));
}

bool IsTransient(int status) { return status == 429 || status >= 500; }

}  // namespace

Reflector::Reflector(ReflectorOptions options, net::HttpClient& client, Mailbox& mailbox,
                     Cluster& cluster, ReflectorObserver& observer)
    : options_(std::move(options)),
      client_(client),
      mailbox_(mailbox),
      cluster_(cluster),
      observer_(observer),
      random_(static_cast<uint32_t>(base::ProcessSeed() ^ base::Hash64(Url()))) {}

std::string Reflector::Url() const {
  const Resource resource = ResourceOf(options_.kind);
  std::string url = options_.api_url + std::string(resource.api);
  if (!options_.name_space.empty()) {
    url += "/namespaces/" + net::UrlEncode(options_.name_space);
  }
  url += fmt::format("/{}?", resource.plural);
  if (!options_.label_selector.empty()) {
    url += fmt::format("labelSelector={}&", net::UrlEncode(options_.label_selector));
  }
  if (!options_.field_selector.empty()) {
    url += fmt::format("fieldSelector={}&", net::UrlEncode(options_.field_selector));
  }
  return url;
}

net::ClientRequest Reflector::NewRequest(std::string url) const {
  net::ClientRequest request;
  request.url = std::move(url);
  request.headers = {{"User-Agent", std::string(base::kUserAgent)}, {"Accept", "application/json"}};
  return request;
}

void Reflector::List() {
  continue_token_.clear();
  listed_.clear();
  GetPage();
}

void Reflector::GetPage() {
  std::string url = Url() + fmt::format("limit={}", options_.page_size);
  if (!continue_token_.empty()) url += "&continue=" + net::UrlEncode(continue_token_);
  net::ClientRequest request = NewRequest(std::move(url));
  request.timeout_ms = kListTimeoutMs;
  request.max_response_bytes = kMaxPageBytes;
  request.accept_gzip = true;
  client_.Send(std::move(request), [this](Result<ClientResponse> response) {
    mailbox_.Post([this, response = std::move(response)] { OnPage(response); });
  });
}

void Reflector::OnPage(const Result<ClientResponse>& response) {
  if (!response) return Retry(response.error(), Next::kSamePage, {});
  if (response->status != 200) {
    return Retry(StatusError(*response),
                 IsTransient(response->status) ? Next::kSamePage : Next::kList,
                 response->headers.Get("Retry-After"));
  }
  if (const Status read = ReadPage(response->body); !read) {
    return Retry(read.error(), Next::kList, {});
  }
  if (continue_token_.empty()) {
    FinishList();
  } else {
    GetPage();
  }
}

Status Reflector::ReadPage(const std::string& body) {
  simdjson::dom::parser parser;  // large, and rarely needed: not kept
  simdjson::dom::element document;
  if (const auto error = parser.parse(body).get(document); error != simdjson::SUCCESS) {
    return base::InvalidArgument(
        fmt::format("the list is no valid json: {}", simdjson::error_message(error)));
  }
  const Json list(document);
  const Json meta = list["metadata"];
  if (meta["resourceVersion"].Text().empty()) {
    return base::InvalidArgument("the answer is no kubernetes list: it has no resourceVersion");
  }
  list["items"].Each([&](const Json& item) {
    ObjectPtr object = ReadObject(options_.kind, item);
    if (!object) return;
    const std::string key = object->meta.Key();
    listed_.insert(key);
    Take(key, std::move(object));
  });
  resource_version_ = meta["resourceVersion"].String();
  continue_token_ = meta["continue"].String();
  return {};
}

void Reflector::FinishList() {
  for (const std::string& key : cluster_.Keys(options_.kind, options_.name_space)) {
    if (!listed_.contains(key)) Drop(key);
  }
  listed_ = {};
  failures_ = 0;
  if (!std::exchange(synced_, true)) observer_.OnSynced();
  Watch();
}

void Reflector::Watch() {
  const int64_t seconds =
      std::uniform_int_distribution<int64_t>(kMinWatchSeconds, 2 * kMinWatchSeconds)(random_);
  net::ClientRequest request = NewRequest(
      Url() + fmt::format("watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
                          net::UrlEncode(resource_version_), seconds));
  request.timeout_ms = seconds * 1000 + kWatchGraceMs;
  request.max_response_bytes = kMaxErrorBytes;
  auto stream = std::make_shared<Stream>();
  request.on_data = [this, stream](std::string_view bytes) {
    if (stream->abandoned) return false;
    if (stream->queued_bytes.fetch_add(bytes.size()) + bytes.size() > kMaxQueuedBytes) return false;
    mailbox_.Post([this, stream, copy = std::string(bytes)] {
      stream->queued_bytes.fetch_sub(copy.size());
      if (!stream->abandoned) OnWatchData(copy);
    });
    return true;
  };
  stream_ = std::move(stream);
  partial_line_.clear();
  must_list_ = false;
  got_event_ = false;
  watch_began_ms_ = NowMs();
  client_.Send(std::move(request), [this](Result<ClientResponse> response) {
    mailbox_.Post([this, response = std::move(response)] { OnWatchEnd(response); });
  });
}

void Reflector::OnWatchData(const std::string& bytes) {
  const auto fail = [this](const base::Error& error) {
    LOG_WARN("kubernetes watch ended", kv("resource", ResourceOf(options_.kind).plural),
             kv("err", error));
    must_list_ = true;
    stream_->abandoned = true;
  };
  partial_line_ += bytes;
  size_t begin = 0;
  size_t end = 0;
  while ((end = partial_line_.find('\n', begin)) != std::string::npos) {
    const std::string_view line = std::string_view(partial_line_).substr(begin, end - begin);
    begin = end + 1;
    if (base::TrimSpace(line).empty()) continue;
    if (const Status read = ReadEvent(line); !read) return fail(read.error());
    got_event_ = true;
    failures_ = 0;
  }
  partial_line_.erase(0, begin);
  if (partial_line_.size() > kMaxEventBytes) {
    fail(base::ResourceExhausted(
        fmt::format("a watch event is larger than {} bytes", kMaxEventBytes)));
  }
}

Status Reflector::ReadEvent(std::string_view line) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (const auto error = parser.parse(line.data(), line.size()).get(document);
      error != simdjson::SUCCESS) {
    return base::InvalidArgument(
        fmt::format("a watch event is no valid json: {}", simdjson::error_message(error)));
  }
  const Json event(document);
  const std::string_view type = event["type"].Text();
  const Json json = event["object"];
  if (type == "ERROR") {
    return base::Unavailable(fmt::format("the server reported: {} {}",
                                         json["code"].Int().value_or(0), json["message"].Text()));
  }
  const Json version = json["metadata"]["resourceVersion"];
  if (!version.Text().empty()) resource_version_ = version.String();
  if (type == "BOOKMARK") return {};
  ObjectPtr object = ReadObject(options_.kind, json);
  if (!object) return base::InvalidArgument("a watch event has no object");
  const std::string key = object->meta.Key();
  if (type == "DELETED") {
    Drop(key);
  } else if (type == "ADDED" || type == "MODIFIED") {
    Take(key, std::move(object));
  }
  return {};
}

void Reflector::OnWatchEnd(const Result<ClientResponse>& response) {
  if (must_list_) return After(BackoffMs(), Next::kList);
  if (!response) return Retry(response.error(), Next::kWatch, {});
  if (response->status == kGone) return After(BackoffMs(), Next::kList);
  if (response->status != 200) {
    return Retry(StatusError(*response), IsTransient(response->status) ? Next::kWatch : Next::kList,
                 response->headers.Get("Retry-After"));
  }
  if (!got_event_ && NowMs() - watch_began_ms_ < kShortWatchMs) {
    return Retry(base::Unavailable("the watch ended at once, without an event"), Next::kWatch, {});
  }
  Watch();
}

void Reflector::Take(const std::string& key, ObjectPtr object) {
  const bool replaced = cluster_.Put(options_.kind, key, std::move(object));
  observer_.OnObject(options_.kind, key, replaced ? ObjectEvent::kUpdate : ObjectEvent::kAdd);
}

void Reflector::Drop(const std::string& key) {
  if (!cluster_.Remove(options_.kind, key)) return;
  observer_.OnObject(options_.kind, key, ObjectEvent::kDelete);
}

void Reflector::Retry(const base::Error& error, Next next, std::string_view retry_after) {
  observer_.OnFailure();
  LOG_WARN("kubernetes list or watch failed, trying again",
           kv("resource", ResourceOf(options_.kind).plural), kv("namespace", options_.name_space),
           kv("err", error));
  int64_t delay = BackoffMs();
  if (const auto seconds = base::ParseInt(base::TrimSpace(retry_after)); seconds && *seconds > 0) {
    delay = std::max(delay, std::min(*seconds, kMaxRetryAfterMs / 1000) * 1000);
  }
  After(delay, next);
}

void Reflector::After(int64_t delay_ms, Next next) {
  mailbox_.PostAfter(delay_ms, [this, next] {
    switch (next) {
      case Next::kList:
        return List();
      case Next::kSamePage:
        return GetPage();
      case Next::kWatch:
        return Watch();
    }
  });
}

// Doubles with each failure; spread over as much again, so that agents do not come in step.
int64_t Reflector::BackoffMs() {
  constexpr int kMaxDoublings = 16;
  const int64_t base_ms = std::min(options_.min_backoff_ms << std::min(failures_, kMaxDoublings),
                                   options_.max_backoff_ms);
  ++failures_;
  return base_ms + std::uniform_int_distribution<int64_t>(0, base_ms)(random_);
}

}  // namespace tributary::discovery::kubernetes
