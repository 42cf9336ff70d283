#include "net/client/transfer_loop.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <unordered_set>

#include <fmt/format.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "base/threads.h"
#include "net/client/gunzip.h"

namespace tributary::net {
namespace {

using base::Error;
using base::ErrorCode;

constexpr long kMaxIdleConnections = 16'384;  // thousands of targets, each kept open
constexpr size_t kMaxSpareHandles = 256;

thread_local bool on_completion_thread = false;
// Larger pages are rare, and their memory better given back.
constexpr size_t kMaxSpareBytes = 1 << 20;
thread_local std::string spare_body;

int64_t NowMs() { return base::SystemClock().MonotonicNs() / 1'000'000; }

size_t OnBody(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (transfer.request().on_data) {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status >= 200 && status < 300) {
      transfer.streamed_bytes += size;
      transfer.ended_by_reader = !transfer.request().on_data({data, size});
      return transfer.ended_by_reader ? 0 : size;
    }
  }
  const size_t max = transfer.request().max_response_bytes;
  if (max != 0 && transfer.body.size() + size > max) {
    transfer.too_large = true;
    return 0;
  }
  transfer.body.append(data, size);
  return size;
}

size_t OnHeader(char* data, size_t, size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line = base::TrimSpace({data, size});
  if (line.starts_with("HTTP/")) {  // of a redirect's next answer, or the one after 100
    transfer.headers = Headers();
    return size;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    transfer.headers.Add(std::string(line.substr(0, colon)),
                         std::string(base::TrimSpace(line.substr(colon + 1))));
  }
  return size;
}

Error FailureOf(const Transfer& transfer, CURLcode code) {
  const std::string name = RequestName(transfer.request());
  if (transfer.too_large) {
    return base::ResourceExhausted(fmt::format("{}: body size limit of {} bytes exceeded", name,
                                               transfer.request().max_response_bytes));
  }
  if (transfer.ended_by_reader) return {ErrorCode::kCancelled, name + ": ended by its reader"};
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorCode::kTimeout, name + ": context deadline exceeded"};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return base::InvalidArgument(fmt::format("{}: {}", name, curl_easy_strerror(code)));
    case CURLE_ABORTED_BY_CALLBACK:
      return {ErrorCode::kCancelled, name + ": context canceled"};
    default: {
      const std::string_view text = transfer.error_text.data();
      return base::Unavailable(
          fmt::format("{}: {}", name, text.empty() ? curl_easy_strerror(code) : text));
    }
  }
}

base::Result<ClientResponse> Outcome(Transfer& transfer, CURLcode code, long status) {
  if (code != CURLE_OK) return FailureOf(transfer, code);
  return UnpackResponse(transfer, static_cast<int>(status));
}

class EpollLoop final : public TransferLoop {
 public:
  EpollLoop()
      : epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
        wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        completions_("http-done", std::max<size_t>(2, std::thread::hardware_concurrency())) {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    // OpenSSL below libcurl writes without MSG_NOSIGNAL.
    struct sigaction action{};
    if (::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
      std::signal(SIGPIPE, SIG_IGN);
    }
    multi_ = curl_multi_init();
    CHECK(epoll_fd_ >= 0 && wake_fd_ >= 0 && multi_ != nullptr, "no event loop for http clients");
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = wake_fd_;
    ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
    thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }

  CURL* TakeEasy() override {
    {
      base::MutexLock lock(mutex_);
      if (!spare_.empty()) {
        CURL* easy = spare_.back();
        spare_.pop_back();
        return easy;
      }
    }
    CURL* easy = curl_easy_init();
    CHECK(easy != nullptr, "out of memory");
    return easy;
  }

  void Submit(std::unique_ptr<Transfer> transfer) override {
    {
      base::MutexLock lock(mutex_);
      inbox_.push_back(std::move(transfer));
    }
    Wake();
  }

  void CancelOwner(uint64_t owner) override {
    {
      base::MutexLock lock(mutex_);
      cancelled_.push_back(owner);
    }
    Wake();
  }

  void RunOnCompletionThread(std::function<void()> work) override {
    completions_.Submit([work = std::move(work)] {
      MakeCompletionThread();
      work();
    });
  }

 private:
  static int OnSocket(CURL*, curl_socket_t fd, int what, void* user, void* known) {
    auto& self = *static_cast<EpollLoop*>(user);
    if (what == CURL_POLL_REMOVE) {
      ::epoll_ctl(self.epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    epoll_event event{};
    event.data.fd = fd;
    if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
    ::epoll_ctl(self.epoll_fd_, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(self.multi_, fd, &self);  // any non-null value: the socket is known
    return 0;
  }

  static int OnTimer(CURLM*, long timeout_ms, void* user) {
    auto& self = *static_cast<EpollLoop*>(user);
    self.timer_ms_ = timeout_ms < 0 ? -1 : NowMs() + timeout_ms;
    return 0;
  }

  void Wake() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof(one));
  }

  void Run(const std::stop_token& stop) {
    base::SetThreadName("http-client");
    std::array<epoll_event, 256> events;
    int running = 0;
    while (!stop.stop_requested()) {
      const int wait_ms =
          timer_ms_ < 0 ? -1
                        : static_cast<int>(std::clamp<int64_t>(timer_ms_ - NowMs(), 0, 60'000));
      const int n = ::epoll_wait(epoll_fd_, events.data(), events.size(), wait_ms);
      for (int i = 0; i < n; ++i) {
        const epoll_event& event = events[i];
        if (event.data.fd == wake_fd_) {
          uint64_t count = 0;
          [[maybe_unused]] const ssize_t got = ::read(wake_fd_, &count, sizeof(count));
          TakeInbox();
          continue;
        }
        int what = 0;
        if ((event.events & EPOLLIN) != 0) what |= CURL_CSELECT_IN;
        if ((event.events & EPOLLOUT) != 0) what |= CURL_CSELECT_OUT;
        if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) what |= CURL_CSELECT_ERR;
        curl_multi_socket_action(multi_, event.data.fd, what, &running);
      }
      if (timer_ms_ >= 0 && timer_ms_ <= NowMs()) {
        timer_ms_ = -1;
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
      }
      Collect();
    }
  }

  void TakeInbox() {
    std::vector<std::unique_ptr<Transfer>> fresh;
    std::vector<uint64_t> cancelled;
    {
      base::MutexLock lock(mutex_);
      fresh.swap(inbox_);
      cancelled.swap(cancelled_);
    }
    for (std::unique_ptr<Transfer>& transfer : fresh) {
      Transfer* raw = transfer.release();  // back in Complete()
      curl_easy_setopt(raw->easy, CURLOPT_PRIVATE, raw);
      curl_easy_setopt(raw->easy, CURLOPT_WRITEFUNCTION, OnBody);
      curl_easy_setopt(raw->easy, CURLOPT_WRITEDATA, raw);
      curl_easy_setopt(raw->easy, CURLOPT_HEADERFUNCTION, OnHeader);
      curl_easy_setopt(raw->easy, CURLOPT_HEADERDATA, raw);
      curl_easy_setopt(raw->easy, CURLOPT_ERRORBUFFER, raw->error_text.data());
      active_.insert(raw);
      if (curl_multi_add_handle(multi_, raw->easy) != CURLM_OK) {
        Complete(raw, CURLE_FAILED_INIT);
      }
    }
    for (uint64_t owner : cancelled) {
      std::vector<Transfer*> doomed;
      for (Transfer* transfer : active_) {
        if (transfer->owner == owner) doomed.push_back(transfer);
      }
      for (Transfer* transfer : doomed) Complete(transfer, CURLE_ABORTED_BY_CALLBACK);
    }
  }

  void Collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      Complete(transfer, code);
    }
  }

  void Complete(Transfer* raw, CURLcode code) {
    active_.erase(raw);
    raw->arrived_ns = base::SystemClock().MonotonicNs();
    std::shared_ptr<Transfer> transfer(raw);
    long status = 0;
    curl_easy_getinfo(raw->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi_, raw->easy);
    curl_easy_reset(raw->easy);
    {
      base::MutexLock lock(mutex_);
      if (spare_.size() < kMaxSpareHandles) {
        spare_.push_back(raw->easy);
        raw->easy = nullptr;
      }
    }
    if (raw->easy != nullptr) curl_easy_cleanup(raw->easy);
    RunOnCompletionThread(
        [transfer, code, status] { transfer->done(Outcome(*transfer, code, status)); });
  }

  const int epoll_fd_;
  const int wake_fd_;
  CURLM* multi_ = nullptr;
  int64_t timer_ms_ = -1;                 // the loop thread's
  std::unordered_set<Transfer*> active_;  // the loop thread's
  base::ThreadPool completions_;
  base::Mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> inbox_ TB_GUARDED_BY(mutex_);
  std::vector<uint64_t> cancelled_ TB_GUARDED_BY(mutex_);
  std::vector<CURL*> spare_ TB_GUARDED_BY(mutex_);
  std::jthread thread_;
};

}  // namespace

TransferLoop& TransferLoop::Shared() {
  static auto* const loop = new EpollLoop;
  return *loop;
}

void RecycleBody(std::string body) {
  if (body.size() > spare_body.size() && body.size() <= kMaxSpareBytes) {
    spare_body = std::move(body);
  }
}

base::Result<ClientResponse> UnpackResponse(Transfer& transfer, int status) {
  ClientResponse response;
  response.status = status;
  response.headers = std::move(transfer.headers);
  response.wire_bytes = transfer.body.size() + transfer.streamed_bytes;
  if (transfer.request().accept_gzip && !transfer.request().on_data &&
      base::EqualsIgnoreCase(response.headers.Get("Content-Encoding"), "gzip")) {
    auto plain =
        Gunzip(transfer.body, transfer.request().max_response_bytes, std::exchange(spare_body, {}));
    if (!plain) return plain.error().Context(RequestName(transfer.request()));
    response.body = *std::move(plain);
  } else {
    response.body = std::move(transfer.body);
  }
  response.queued_ns = base::SystemClock().MonotonicNs() - transfer.arrived_ns;
  return response;
}

bool TransferLoop::OnCompletionThread() { return on_completion_thread; }
void TransferLoop::MakeCompletionThread() { on_completion_thread = true; }

std::string RedactUrl(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const size_t begin = scheme + 3;
  const size_t end = std::min(url.find_first_of("/?#", begin), url.size());
  const size_t at = url.rfind('@', end);
  if (at == std::string::npos || at < begin || at >= end) return url;
  const size_t colon = url.find(':', begin);
  if (colon == std::string::npos || colon > at) return url;
  return url.substr(0, colon + 1) + "xxxxx" + url.substr(at);
}

std::string RequestName(const ClientRequest& request) {
  std::string method = base::ToLower(request.method);
  if (!method.empty() && method[0] >= 'a' && method[0] <= 'z') {
    method[0] = static_cast<char>(method[0] - 'a' + 'A');
  }
  return fmt::format("{} \"{}\"", method, RedactUrl(request.url));
}

}  // namespace tributary::net
