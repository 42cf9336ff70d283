#include "net/http_client.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <string>
#include <sys/un.h>
#include <thread>

#include <gtest/gtest.h>

#include "base/temp_dir_test_support.h"
#include "net/http_server.h"
#include "net/testing/raw_socket.h"

namespace tributary::net {
namespace {

using base::ErrorCode;
using base::Result;
using base::TempDir;

class HttpClientTest : public ::testing::Test {
 protected:
  void Serve(Handler handler) { server_ = NewServer(std::move(handler)); }
  static std::unique_ptr<HttpServer> NewServer(Handler handler,
                                               const std::string& address = "127.0.0.1:0") {
    HttpServerOptions options;
    options.listen_addresses = {address};
    options.handler_threads = 4;
    auto server = HttpServer::Create(options, nullptr, std::move(handler)).value();
    server->Start();
    return server;
  }
  static std::string UrlOf(const HttpServer& server, const std::string& path) {
    return "http://127.0.0.1:" + std::to_string(server.ports()[0]) + path;
  }
  std::string Url(const std::string& path = "/") const { return UrlOf(*server_, path); }
  Result<ClientResponse> Get(const HttpClientOptions& options, const std::string& path = "/") {
    ClientRequest request;
    request.url = Url(path);
    return HttpClient::Create(options).value()->SendAndWait(request);
  }
  static void EchoAuthorization(Request& request, ResponseWriter& response) {
    response.Write(request.header("Authorization"));
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpClientTest, CredentialsAreReadAgainWhenTheirFileChanges) {
  Serve(EchoAuthorization);
  const TempDir dir;
  HttpClientOptions bearer;
  bearer.authorization = Authorization{};
  bearer.authorization->credentials_file = dir.Write("token", "one\n");
  const auto client = HttpClient::Create(bearer).value();
  ClientRequest request;
  request.url = Url();
  EXPECT_EQ(client->SendAndWait(request)->body, "Bearer one");
  dir.Write("token", "second");
  EXPECT_EQ(client->SendAndWait(request)->body, "Bearer second");

  HttpClientOptions basic;
  basic.basic_auth = BasicAuth{};
  basic.basic_auth->username = "user";
  basic.basic_auth->password_file = dir.Write("password", " pass\n");
  EXPECT_EQ(Get(basic)->body, "Basic dXNlcjpwYXNz");
  basic.basic_auth->password_file = dir.path() + "/none";
  EXPECT_EQ(Get(basic).error().message(),
            "read " + dir.path() + "/none: no such file or directory");
}

TEST_F(HttpClientTest, HeadersAndBody) {
  Serve([](Request& request, ResponseWriter& response) {
    for (const char* name : {"X-A", "X-B", "X-File", "User-Agent", "Content-Type", "Expect"}) {
      response.Write(std::string(name) + "=" + std::string(request.header(name)) + ";");
    }
    response.Write(request.body());
  });
  const TempDir dir;
  HttpClientOptions options;
  options.http_headers["X-A"].values = {"a"};
  options.http_headers["X-File"].files = {dir.Write("h", "from file\n")};
  ClientRequest request;
  request.method = "POST";
  request.url = Url();
  request.headers = {{"X-B", "b"}, {"User-Agent", "me/1"}};
  request.body = std::string("a\0b", 3);
  const auto client = HttpClient::Create(options).value();
  EXPECT_EQ(client->SendAndWait(request)->body,
            "X-A=a;X-B=b;X-File=from file;User-Agent=me/1;Content-Type=;Expect=;" + request.body);
  request.headers = {{"X-B", "b\r\nX-Evil: 1"}};
  EXPECT_EQ(client->SendAndWait(request).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(HttpClientTest, Limits) {
  Serve([](Request& request, ResponseWriter& response) {
    if (request.path() == "/slow") {
      while (!request.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    response.Write(std::string(100'000, 'x'));
  });
  const auto client = HttpClient::Create({}).value();
  const auto f = [&](const std::string& path, size_t max, bool gzip) {
    ClientRequest request;
    request.url = Url(path);
    request.timeout_ms = path == "/slow" ? 150 : 10'000;
    request.max_response_bytes = max;
    request.accept_gzip = gzip;
    return client->SendAndWait(request);
  };
  EXPECT_EQ(f("/", 0, false)->body.size(), 100'000u);
  EXPECT_EQ(f("/", 100'000, true)->body.size(), 100'000u);
  EXPECT_LT(f("/", 0, true)->wire_bytes, 10'000u);
  EXPECT_EQ(f("/", 99'999, false).error().code(), ErrorCode::kResourceExhausted);
  EXPECT_EQ(f("/", 99'999, true).error().code(), ErrorCode::kResourceExhausted);
  const auto slow = f("/slow", 0, false);
  EXPECT_EQ(slow.error().code(), ErrorCode::kTimeout);
  EXPECT_EQ(slow.error().message(), "Get \"" + Url("/slow") + "\": context deadline exceeded");
}

TEST_F(HttpClientTest, ErrorsBelowHttp) {
  const auto client = HttpClient::Create({}).value();
  const auto f = [&](const std::string& url, ErrorCode want) {
    ClientRequest request;
    request.url = url;
    const auto response = client->SendAndWait(request);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code(), want) << response.error().message();
    EXPECT_EQ(response.error().message().find("hunter2"), std::string::npos);
  };
  f("http://user:hunter2@127.0.0.1:1/", ErrorCode::kUnavailable);
  f("ftp://127.0.0.1/", ErrorCode::kInvalidArgument);
  f("not a url", ErrorCode::kInvalidArgument);
}

TEST_F(HttpClientTest, RedirectsKeepCredentialsFromOtherHosts) {
  const auto other = NewServer(EchoAuthorization);
  const std::string elsewhere = "http://localhost:" + std::to_string(other->ports()[0]) + "/there";
  Serve([&](Request& request, ResponseWriter& response) {
    if (request.path() == "/here") return EchoAuthorization(request, response);
    response.SetStatus(302);
    response.SetHeader("Location", request.path() == "/away" ? elsewhere : "/here");
    response.Write("moved");
  });
  HttpClientOptions options;
  options.authorization = Authorization{"Bearer", "secret", ""};
  EXPECT_EQ(Get(options, "/near")->body, "Bearer secret");
  const auto away = Get(options, "/away");
  ASSERT_TRUE(away) << away.error().message();
  EXPECT_EQ(away->status, 200);
  EXPECT_EQ(away->body, "");
  options.follow_redirects = false;
  EXPECT_EQ(Get(options, "/near")->status, 302);
}

TEST_F(HttpClientTest, ConnectionsAreReused) {
  std::mutex mutex;
  std::vector<std::string> peers;
  Serve([&](Request& request, ResponseWriter&) {
    const std::lock_guard lock(mutex);
    peers.push_back(request.remote_address());
  });
  const auto client = HttpClient::Create({}).value();
  ClientRequest request;
  request.url = Url();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(client->SendAndWait(request));
  for (const std::string& peer : peers) EXPECT_EQ(peer, peers[0]);
}

TEST_F(HttpClientTest, ConnectionsGoToAllAddressesOfANameWhereThatIsAskedFor) {
  const auto named = [](const char* name) {
    return [name](Request&, ResponseWriter& response) {
      response.SetHeader("Connection", "close");
      response.Write(name);
    };
  };
  Serve(named("four"));
  const std::string port = std::to_string(server_->ports()[0]);
  HttpServerOptions six;
  six.listen_addresses = {"[::1]:" + port};
  if (!HttpServer::Create(six, nullptr, named("probe"))) GTEST_SKIP() << "no [::1] here";
  const auto other = NewServer(named("six"), "[::1]:" + port);
  ClientRequest request;
  request.url = "http://localhost:" + port + "/";
  const auto peers = [&](bool shuffle) {
    HttpClientOptions options;
    options.shuffle_addresses = shuffle;
    const auto client = HttpClient::Create(options).value();
    std::set<std::string> seen;
    for (int i = 0; i < 40; ++i) {
      seen.insert(client->SendAndWait(request)->body);
    }
    return seen.size();
  };
  EXPECT_EQ(peers(false), 1u);
  EXPECT_EQ(peers(true), 2u);
}

TEST_F(HttpClientTest, OAuth2TokenIsFetchedOnceAndKept) {
  std::atomic<int> tokens{0};
  std::string seen;
  const auto issuer = NewServer([&](Request& request, ResponseWriter& response) {
    if (request.has_header("Authorization")) {  // wants the secret in the body
      response.SetStatus(401);
      return;
    }
    seen = request.body();
    response.Write(R"({"access_token":"t)" + std::to_string(++tokens) +
                   R"(","token_type":"bearer","expires_in":3600})");
  });
  Serve(EchoAuthorization);
  HttpClientOptions options;
  options.oauth2 = OAuth2{};
  options.oauth2->client_id = "id";
  options.oauth2->client_secret = "s&t";
  options.oauth2->token_url = UrlOf(*issuer, "/token");
  options.oauth2->scopes = {"a", "b"};
  const auto client = HttpClient::Create(options).value();
  ClientRequest request;
  request.url = Url();
  EXPECT_EQ(client->SendAndWait(request)->body, "Bearer t1");
  EXPECT_EQ(client->SendAndWait(request)->body, "Bearer t1");
  EXPECT_EQ(tokens, 1);
  EXPECT_EQ(seen, "client_id=id&client_secret=s%26t&grant_type=client_credentials&scope=a%20b");
  issuer->Stop(0);
  const auto fresh = HttpClient::Create(options).value()->SendAndWait(request);
  EXPECT_EQ(fresh.error().code(), ErrorCode::kUnavailable);
}

TEST_F(HttpClientTest, SigV4SignsForAmazonPrometheus) {
  Serve([](Request& request, ResponseWriter& response) {
    response.Write(request.header("Authorization"));
  });
  HttpClientOptions options;
  SigV4& sigv4 = options.sigv4.emplace();
  sigv4.region = "eu-west-1";
  sigv4.access_key = "AKID";
  sigv4.secret_key = "secret";
  const auto response = Get(options);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_TRUE(response->body.starts_with("AWS4-HMAC-SHA256 Credential=AKID/")) << response->body;
  EXPECT_NE(response->body.find("/eu-west-1/aps/aws4_request"), std::string::npos);
}

TEST_F(HttpClientTest, UnixSockets) {
  const TempDir dir;
  const std::string path = dir.path() + "/s";
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  std::thread server([&] {
    const int fd = ::accept(listener, nullptr, nullptr);
    char buffer[1024];
    static_cast<void>(::recv(fd, buffer, sizeof(buffer), 0));
    const std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    ::send(fd, answer.data(), answer.size(), 0);
    ::close(fd);
  });
  ClientRequest request;
  request.url = "http://localhost/x";
  request.unix_socket = path;
  EXPECT_EQ(HttpClient::Create({}).value()->SendAndWait(request)->body, "ok");
  server.join();
  ::close(listener);
}

TEST_F(HttpClientTest, DestructionCancelsAndCompletionsStillRun) {
  std::atomic<int> running{0};
  Serve([&](Request& request, ResponseWriter&) {
    ++running;
    while (!request.cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  });
  std::atomic<int> cancelled{0};
  auto client = HttpClient::Create({}).value();
  for (int i = 0; i < 3; ++i) {
    ClientRequest request;
    request.url = Url();
    client->Send(request, [&](Result<ClientResponse> response) {
      if (!response && response.error().code() == ErrorCode::kCancelled) ++cancelled;
    });
  }
  while (running < 3) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  client.reset();
  EXPECT_EQ(cancelled, 3);
}

TEST_F(HttpClientTest, ACompletionMayDestroyItsClient) {
  Serve([](Request&, ResponseWriter& response) { response.Write("x"); });
  std::shared_ptr<HttpClient> client = HttpClient::Create({}).value();
  std::atomic<bool> done{false};
  ClientRequest request;
  request.url = Url();
  HttpClient* raw = client.get();
  raw->Send(request, [&done, held = std::move(client)](Result<ClientResponse>) mutable {
    held.reset();
    done = true;
  });
  while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

TEST_F(HttpClientTest, AReaderGetsTheBodyWhileItIsMade) {
  std::atomic<bool> first_seen{false};
  Serve([&](Request& request, ResponseWriter& response) {
    response.Write("one ");
    response.Flush();
    while (!first_seen && !request.cancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    response.Write("two");
  });
  std::string got;
  ClientRequest request;
  request.url = Url();
  request.max_response_bytes = 2;  // of no account for a stream
  request.on_data = [&](std::string_view piece) {
    got += piece;
    first_seen = true;
    return true;
  };
  const auto response = HttpClient::Create({}).value()->SendAndWait(request);
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(got, "one two");
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(response->wire_bytes, 7);
}

TEST_F(HttpClientTest, AReaderMayEndTheRequest) {
  Serve([](Request& request, ResponseWriter& response) {
    while (!request.cancelled() && response.Write("x") && response.Flush()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  ClientRequest request;
  request.url = Url();
  request.on_data = [](std::string_view) { return false; };
  const auto response = HttpClient::Create({}).value()->SendAndWait(request);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), ErrorCode::kCancelled);
}

TEST_F(HttpClientTest, AReaderDoesNotGetAnErrorsBody) {
  Serve([](Request&, ResponseWriter& response) {
    response.SetStatus(410);
    response.Write("too old");
  });
  bool called = false;
  ClientRequest request;
  request.url = Url();
  request.on_data = [&](std::string_view) { return called = true; };
  const auto response = HttpClient::Create({}).value()->SendAndWait(request);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 410);
  EXPECT_EQ(response->body, "too old");
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace tributary::net
