// GET over plain connections, against a server that answers with whatever bytes a test wants.
#include "net/client/plain_loop.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "net/http_client.h"

namespace tributary::net {
namespace {

using ::testing::HasSubstr;

// Gives each request the next answer of the script, in pieces, then closes the connection if the
// answer says so. One connection at a time.
class ScriptedServer {
 public:
  struct Answer {
    std::string bytes;
    size_t piece = 1 << 20;
    bool close = false;
  };

  ScriptedServer() {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    socklen_t size = sizeof(address);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    ::listen(listener_, 8);
    thread_ = std::thread([this] { Run(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (fd_ >= 0) ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  void Add(Answer answer) {
    base::MutexLock lock(mutex_);
    script_.push_back(std::move(answer));
  }
  std::string Url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/path?q=1"; }
  int connections() const { return connections_; }
  std::string last_request() {
    base::MutexLock lock(mutex_);
    return last_request_;
  }

 private:
  void Run() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      fd_ = fd;
      ++connections_;
      while (ServeOne(fd)) {
      }
      fd_ = -1;
      ::close(fd);
    }
  }

  bool ServeOne(int fd) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      char buffer[4096];
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n <= 0) return false;
      request.append(buffer, static_cast<size_t>(n));
    }
    Answer answer;
    {
      base::MutexLock lock(mutex_);
      last_request_ = request;
      if (!script_.empty()) {
        answer = std::move(script_.front());
        script_.pop_front();
      }
    }
    for (size_t at = 0; at < answer.bytes.size(); at += answer.piece) {
      const std::string_view piece = std::string_view(answer.bytes).substr(at, answer.piece);
      if (::send(fd, piece.data(), piece.size(), MSG_NOSIGNAL) < 0) return false;
      if (answer.piece < answer.bytes.size()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    return !answer.close;
  }

  int listener_ = -1;
  std::atomic<int> fd_{-1};
  uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  base::Mutex mutex_;
  std::deque<Answer> script_ TB_GUARDED_BY(mutex_);
  std::string last_request_ TB_GUARDED_BY(mutex_);
  std::thread thread_;
};

class PlainLoopTest : public ::testing::Test {
 protected:
  base::Result<ClientResponse> Get(size_t max_bytes = 0, int64_t timeout_ms = 5000) {
    ClientRequest request;
    request.url = server_.Url();
    request.headers = {{"X-A", "1"}};
    request.max_response_bytes = max_bytes;
    request.timeout_ms = timeout_ms;
    return client_->SendAndWait(request);
  }
  static std::string Sized(std::string_view body, std::string_view headers = "") {
    return "HTTP/1.1 200 OK\r\n" + std::string(headers) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }

  ScriptedServer server_;
  std::unique_ptr<HttpClient> client_ = HttpClient::Create({}).value();
};

TEST_F(PlainLoopTest, FramingsOfAnswers) {
  const std::string long_body(300'000, 'x');
  const struct {
    std::string bytes;
    std::string body;
    bool close;
  } cases[] = {
      {Sized("hello"), "hello", false},
      {Sized(""), "", false},
      {Sized(long_body), long_body, false},
      {"HTTP/1.1 100 Continue\r\n\r\n" + Sized("after"), "after", false},
      {"HTTP/1.1 204 No Content\r\n\r\n", "", false},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;ext=1\r\n!\r\n0\r\nT: "
       "1\r\n\r\n",
       "hello!", false},
      {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", true},
      {"HTTP/1.0 200 OK\nContent-Length: 3\n\nold", "old", true},
  };
  for (const auto& c : cases) {
    for (const size_t piece : {size_t{1} << 20, size_t{7}}) {
      if (piece == 7 && c.bytes.size() > 1000) continue;
      server_.Add({.bytes = c.bytes, .piece = piece, .close = c.close});
      const auto response = Get();
      ASSERT_TRUE(response) << response.error().message() << c.bytes.substr(0, 200);
      EXPECT_EQ(response->body, c.body);
    }
  }
  EXPECT_THAT(server_.last_request(), HasSubstr("GET /path?q=1 HTTP/1.1\r\n"));
  EXPECT_THAT(server_.last_request(), HasSubstr("\r\nHost: 127.0.0.1:"));
  EXPECT_THAT(server_.last_request(), HasSubstr("\r\nX-A: 1\r\n"));
}

TEST_F(PlainLoopTest, AKeptConnectionThatWasClosedIsReplaced) {
  server_.Add({.bytes = Sized("1")});
  server_.Add({.bytes = "", .close = true});
  server_.Add({.bytes = Sized("2")});
  server_.Add({.bytes = Sized("3"), .close = true});
  server_.Add({.bytes = Sized("4", "Connection: close\r\n"), .close = true});
  server_.Add({.bytes = Sized("5")});
  for (const char* body : {"1", "2", "3", "4", "5"}) {
    const auto response = Get();
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, body);
  }
  EXPECT_EQ(server_.connections(), 4);
}

TEST_F(PlainLoopTest, AnswersThatAreNone) {
  const auto f = [&](ScriptedServer::Answer answer, base::ErrorCode code, std::string_view what,
                     size_t max_bytes = 0) {
    server_.Add(std::move(answer));
    const auto response = Get(max_bytes, 1000);
    ASSERT_FALSE(response) << what;
    EXPECT_EQ(response.error().code(), code) << response.error().message();
    EXPECT_THAT(response.error().message(), HasSubstr(what));
    EXPECT_THAT(response.error().message(), HasSubstr("Get \"http://127.0.0.1"));
  };
  using base::ErrorCode;
  f({.bytes = "", .close = true}, ErrorCode::kUnavailable, "EOF");
  f({.bytes = "SSH-2.0\r\n", .close = true}, ErrorCode::kUnavailable, "malformed");
  f({.bytes = "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", .close = true}, ErrorCode::kUnavailable,
    "malformed");
  f({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .close = true},
    ErrorCode::kUnavailable, "unexpected EOF");
  f({.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .close = true},
    ErrorCode::kUnavailable, "malformed");
  f({.bytes = "HTTP/1.1 200 OK\r\nX: " + std::string(300'000, 'x'), .close = true},
    ErrorCode::kUnavailable, "malformed");
  f({.bytes = Sized("too long"), .close = true}, ErrorCode::kResourceExhausted, "limit of 4", 4);
  f({.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\nabc\r\n",
     .close = true},
    ErrorCode::kResourceExhausted, "limit of 4", 4);
  f({.bytes = "HTTP/1.1 200 OK\r\n\r\ntoo long", .close = true}, ErrorCode::kResourceExhausted,
    "limit of 4", 4);
  f({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"}, ErrorCode::kTimeout,
    "context deadline exceeded");
}

TEST_F(PlainLoopTest, RedirectsAreFollowedUnlessToldNot) {
  const std::string redirect = "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n" +
                               std::string("Connection: close\r\n\r\n");
  server_.Add({.bytes = redirect, .close = true});
  server_.Add({.bytes = redirect, .close = true});  // asked for again on the way that follows
  server_.Add({.bytes = Sized("there"), .close = true});
  const auto response = Get();
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->body, "there");
  EXPECT_THAT(server_.last_request(), HasSubstr("GET /other "));
  HttpClientOptions options;
  options.follow_redirects = false;
  client_ = HttpClient::Create(options).value();
  server_.Add({.bytes = redirect, .close = true});
  EXPECT_EQ(Get()->status, 302);
}

// The end of a client takes the lock of the loop. When a completion that owns its client is through
// before the loop has let go of the transfer, the loop must not end the client in turn: it would
// wait for its own lock, and all plain requests of the process with it.
TEST_F(PlainLoopTest, ATransferMayOwnItsClient) {
  for (int i = 0; i < 3000; ++i) {
    const bool fails = i % 2 == 1;
    server_.Add({.bytes = fails ? "" : Sized("x"), .close = true});
    std::shared_ptr<HttpClient> client = HttpClient::Create({}).value();
    const auto answered = std::make_shared<std::promise<bool>>();
    std::future<bool> answer = answered->get_future();
    ClientRequest request;
    request.url = server_.Url();
    HttpClient* const sender = client.get();
    sender->Send(std::move(request), [owned = std::move(client), answered](const auto& response) {
      answered->set_value(static_cast<bool>(response));
    });
    ASSERT_EQ(answer.wait_for(std::chrono::seconds(20)), std::future_status::ready)
        << "the loop stands still";
    EXPECT_EQ(answer.get(), !fails);
  }
}

// A small answer is handed over by the loop itself: requests under way while its completion takes
// long are not late for that, on a kept connection or on a new one.
TEST_F(PlainLoopTest, ASlowCompletionMakesNobodyLate) {
  constexpr std::chrono::milliseconds kSlow{600};
  ScriptedServer fresh, kept;
  fresh.Add({.bytes = Sized("in time")});
  kept.Add({.bytes = Sized("connected")});
  kept.Add({.bytes = Sized("in time")});
  server_.Add({.bytes = Sized("slow")});
  const auto to = [&](const ScriptedServer& server) {
    ClientRequest request;
    request.url = server.Url();
    request.timeout_ms = kSlow.count() / 2;
    return request;
  };
  ASSERT_TRUE(client_->SendAndWait(to(kept)));
  std::promise<void> began;
  client_->Send(to(server_), [&](const auto&) {
    began.set_value();
    std::this_thread::sleep_for(kSlow);
  });
  began.get_future().wait();
  std::promise<std::string> from_fresh, from_kept;
  const auto tell = [](std::promise<std::string>* promise) {
    return [promise](const base::Result<ClientResponse>& response) {
      promise->set_value(response ? response->body : response.error().message());
    };
  };
  client_->Send(to(fresh), tell(&from_fresh));
  client_->Send(to(kept), tell(&from_kept));
  EXPECT_EQ(from_fresh.get_future().get(), "in time");
  EXPECT_EQ(from_kept.get_future().get(), "in time");
  EXPECT_EQ(kept.connections(), 1);
}

// What came together with another answer, and was handed over behind it, is told how long it waited.
TEST_F(PlainLoopTest, WaitingForTheCompletionOfAnotherIsTold) {
  constexpr std::chrono::milliseconds kSlow{200};
  ScriptedServer one, two;
  const auto to = [](const ScriptedServer& server) {
    ClientRequest request;
    request.url = server.Url();
    return request;
  };
  server_.Add({.bytes = Sized("page")});
  for (ScriptedServer* server : {&one, &two}) {
    server->Add({.bytes = Sized("connected")});
    server->Add({.bytes = Sized("page")});
    ASSERT_TRUE(client_->SendAndWait(to(*server)));
  }
  std::promise<void> began, both;
  std::vector<std::chrono::nanoseconds> waited;
  client_->Send(to(server_), [&](const auto&) {
    began.set_value();
    std::this_thread::sleep_for(kSlow);  // the two answers come meanwhile
  });
  began.get_future().wait();
  for (const ScriptedServer* server : {&one, &two}) {
    client_->Send(to(*server), [&](const base::Result<ClientResponse>& response) {
      waited.emplace_back(response ? response->queued_ns : -1);
      if (waited.size() == 2) return both.set_value();
      std::this_thread::sleep_for(kSlow);
    });
  }
  both.get_future().wait();
  EXPECT_LT(waited[0], kSlow / 2);
  EXPECT_GE(waited[1], kSlow);
}

TEST(ParsePlainUrl, AddressesOnly) {
  const auto f = [](std::string_view url, bool plain) {
    EXPECT_EQ(ParsePlainUrl(url).has_value(), plain) << url;
  };
  f("http://127.0.0.1/", true);
  f("http://127.0.0.1:9100/metrics?a=b", true);
  f("http://[::1]:9100/metrics", true);
  f("http://[::1]", true);
  f("https://127.0.0.1/", false);
  f("http://localhost/", false);
  f("http://127.0.0.1:0/", false);
  f("http://127.0.0.1:99999/", false);
  f("http://127.0.0.1:/", false);
  f("http://u:p@127.0.0.1/", false);
  f("http://127.0.0.1/a b", false);
  f("http://127.0.0.1/a\r\nX: y", false);
  f("http://127.0.0.1/#x", false);
  f("http://127.1/", false);
  f("http://[::1/", false);
  EXPECT_EQ(ParsePlainUrl("http://1.2.3.4")->path, "/");
  EXPECT_EQ(ParsePlainUrl("http://1.2.3.4?x")->path, "/?x");
}

}  // namespace
}  // namespace tributary::net
