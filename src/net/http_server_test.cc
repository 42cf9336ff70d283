#include "net/http_server.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include <gtest/gtest.h>

#include "base/temp_dir_test_support.h"
#include "net/client/gunzip.h"
#include "net/http_client.h"
#include "net/testing/raw_socket.h"
#include "net/testing/test_certs.h"

namespace tributary::net {
namespace {

using base::TempDir;
using testing::CertPem;
using testing::RawSocket;
using testing::TestCa;

bool Eventually(const std::function<bool()>& condition, int wait_ms = 5'000) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

HttpServerOptions Loopback() {
  HttpServerOptions options;
  options.listen_addresses = {"127.0.0.1:0"};
  options.handler_threads = 4;
  return options;
}

struct TestServer {
  explicit TestServer(Handler handler, HttpServerOptions options = Loopback(),
                      HeadCheck check = nullptr) {
    auto created = HttpServer::Create(std::move(options), std::move(check), std::move(handler));
    EXPECT_TRUE(created) << created.error().message();
    server = *std::move(created);
    server->Start();
  }
  uint16_t port() const { return server->ports()[0]; }
  std::string url(const std::string& path, const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + std::to_string(port()) + path;
  }
  std::unique_ptr<HttpServer> server;
};

void Echo(Request& request, ResponseWriter& response) {
  response.SetHeader("X-Method", std::string(request.method()));
  response.SetHeader("X-Path", std::string(request.path()));
  response.SetHeader("X-Query", std::string(request.raw_query()));
  response.Write(request.body());
}

ClientResponse Ask(const std::string& url, std::string method = "GET", std::string body = {},
                   HttpClientOptions options = {}, bool gzip = false) {
  auto client = HttpClient::Create(std::move(options)).value();
  ClientRequest request;
  request.method = std::move(method);
  request.url = url;
  request.body = std::move(body);
  request.accept_gzip = gzip;
  request.timeout_ms = 10'000;
  auto response = client->SendAndWait(std::move(request));
  EXPECT_TRUE(response) << response.error().message();
  return response ? *std::move(response) : ClientResponse{};
}

TEST(HttpServer, AnswersWithWhatTheHandlerSaid) {
  TestServer s(Echo);
  const ClientResponse get = Ask(s.url("/a%20b/c?x=1&y=%20"));
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.headers.Get("X-Path"), "/a b/c");
  EXPECT_EQ(get.headers.Get("X-Query"), "x=1&y=%20");
  EXPECT_EQ(get.headers.Get("Content-Length"), "0");
  const ClientResponse post = Ask(s.url("/"), "POST", std::string(3'000'000, 'p'));
  EXPECT_EQ(post.headers.Get("X-Method"), "POST");
  EXPECT_EQ(post.body, std::string(3'000'000, 'p'));
}

TEST(HttpServer, PipelinedRequestsAreAnsweredInOrder) {
  TestServer s(Echo);
  RawSocket socket(s.port());
  socket.Send(
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
      "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
      "GET http://a/4?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = socket.Read();
  const size_t first = all.find("X-Path: /1");
  const size_t second = all.find("X-Path: /2");
  const size_t third = all.find("X-Path: /3");
  const size_t fourth = all.find("X-Path: /4");
  EXPECT_TRUE(first < second && second < third && third < fourth && fourth != std::string::npos)
      << all;
  EXPECT_NE(all.find("\r\n\r\nhello"), std::string::npos);
  EXPECT_NE(all.find("\r\n\r\nabc"), std::string::npos);
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST(HttpServer, LargeAnswersAreStreamedInBoundedMemory) {
  std::atomic<size_t> written{0};
  TestServer s([&](Request&, ResponseWriter& response) {
    const std::string block(50'000, 'b');
    for (int i = 0; i < 400 && response.Write(block); ++i) written += block.size();
  });
  RawSocket socket(s.port());
  socket.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(written, 400u * 50'000u) << "the handler ran ahead of a client that does not read";
  const std::string all = socket.Read();
  EXPECT_NE(all.find("Transfer-Encoding: chunked"), std::string::npos);
  EXPECT_GT(all.size(), 400u * 50'000u);
  EXPECT_TRUE(all.ends_with("\r\n0\r\n\r\n"));
  EXPECT_EQ(Ask(s.url("/")).body.size(), 400u * 50'000u);
  EXPECT_EQ(Ask(s.url("/"), "GET", "", {}, /*gzip=*/true).body.size(), 400u * 50'000u);
  const ClientResponse head = Ask(s.url("/"), "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST(HttpServer, Http10AndHead) {
  TestServer s([](Request&, ResponseWriter& response) { response.Write("hello"); });
  RawSocket old(s.port());
  old.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.Read().ends_with("\r\n\r\nhello"));
  RawSocket head(s.port());
  head.Send("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = head.Read();
  EXPECT_NE(all.find("Content-Length: 5\r\n"), std::string::npos);
  EXPECT_TRUE(all.ends_with("\r\n\r\n"));
}

TEST(HttpServer, CompressesWhatIsWorthIt) {
  TestServer s([](Request& request, ResponseWriter& response) {
    if (request.path() == "/raw") response.DisableCompression();
    response.Write(std::string(request.path() == "/small" ? 100 : 30'000, 'z'));
  });
  const auto f = [&](const std::string& path, const char* accept, std::string_view want) {
    auto client = HttpClient::Create({}).value();
    ClientRequest request;
    request.url = s.url(path);
    request.headers = {{"Accept-Encoding", accept}};
    const auto response = client->SendAndWait(request).value();
    EXPECT_EQ(response.headers.Get("Content-Encoding"), want) << path << " " << accept;
    if (want == "gzip") {
      EXPECT_EQ(Gunzip(response.body, 0).value(), std::string(30'000, 'z'));
    }
    if (want.empty()) {
      EXPECT_GE(response.body.size(), 100u);
    } else {
      EXPECT_LT(response.body.size(), 1'000u);
    }
  };
  f("/", "gzip", "gzip");
  f("/", "zstd", "zstd");
  f("/", "identity", "");
  f("/small", "gzip", "");
  f("/raw", "gzip", "");
}

TEST(HttpServer, BadRequestsGetAnAnswerAndTheDoor) {
  HttpServerOptions options = Loopback();
  options.max_header_bytes = 2'000;
  options.max_body_bytes = 10'000;
  TestServer s(Echo, options);
  const auto f = [&](const std::string& request, std::string_view want) {
    RawSocket socket(s.port());
    socket.Send(request);
    const std::string answer = socket.Read();
    EXPECT_TRUE(answer.starts_with(want)) << request.substr(0, 60) << " -> " << answer;
  };
  f("nonsense\r\n\r\n", "HTTP/1.1 400 ");
  f("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ");
  f("GET / HTTP/2.5\r\nHost: a\r\n\r\n", "HTTP/1.1 505 ");
  f("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5'000, 'x') + "\r\n\r\n", "HTTP/1.1 431 ");
  f("GET /" + std::string(5'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 431 ");
  f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10001\r\n\r\n" + std::string(10'001, 'x'),
    "HTTP/1.1 413 ");
  f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2711\r\n" +
        std::string(10'001, 'x'),
    "HTTP/1.1 413 ");
  f("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 400 ");
  f("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "HTTP/1.1 400 ");
}

TEST(HttpServer, HeadCheckStopsStrangersBeforeTheirBody) {
  std::atomic<int> handled{0};
  TestServer s(
      [&](Request&, ResponseWriter& response) {
        ++handled;
        response.Write("in");
      },
      Loopback(),
      [](Request& request, ResponseWriter& response) {
        if (request.has_header("X-Pass")) return true;
        response.SetStatus(401);
        response.Write("who?");
        return false;
      });
  // A small body is thrown away and the connection goes on.
  RawSocket socket(s.port());
  socket.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(500, 'x'));
  EXPECT_NE(socket.Read("who?").find("401 Unauthorized"), std::string::npos);
  socket.Send(std::string(500, 'x') +
              "POST / HTTP/1.1\r\nHost: a\r\nX-Pass: 1\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_NE(socket.Read("\r\n\r\nin").find("200 OK"), std::string::npos);
  EXPECT_EQ(handled, 1);
  // A large one is not waited for.
  RawSocket large(s.port());
  large.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\nabc");
  EXPECT_NE(large.Read().find("Connection: close"), std::string::npos);
  EXPECT_EQ(handled, 1);
}

TEST(HttpServer, ExpectContinue) {
  TestServer s(Echo);
  RawSocket socket(s.port());
  socket.Send(
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"
      "Connection: close\r\n\r\n");
  EXPECT_EQ(socket.Read("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.Send("body");
  EXPECT_TRUE(socket.Read().ends_with("\r\n\r\nbody"));
}

TEST(HttpServer, SlowClientsAreCutOff) {
  HttpServerOptions options = Loopback();
  options.header_timeout_ms = 150;
  options.read_timeout_ms = 300;
  TestServer s(Echo, options);
  const auto f = [&](std::string_view start, std::string_view drip) {
    RawSocket socket(s.port());
    socket.Send(start);
    const auto begin = std::chrono::steady_clock::now();
    bool alive = true;
    while (alive && std::chrono::steady_clock::now() - begin < std::chrono::seconds(4)) {
      alive = socket.Send(drip);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      pollfd p{socket.fd(), POLLIN | POLLRDHUP, 0};
      alive = alive && ::poll(&p, 1, 0) == 0;
    }
    EXPECT_FALSE(alive) << start;
  };
  f("GET / HTTP/1.1\r\n", "X: y\r\n");
  f("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n", "x");
  f("", "");  // idle
}

TEST(HttpServer, CancelledWhenTheClientLeaves) {
  std::atomic<bool> running{false};
  std::atomic<bool> noticed{false};
  TestServer s([&](Request& request, ResponseWriter&) {
    running = true;
    noticed = Eventually([&] { return request.cancelled(); });
  });
  RawSocket socket(s.port());
  socket.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return running.load(); }));
  EXPECT_FALSE(noticed);
  socket.Close();
  EXPECT_TRUE(Eventually([&] { return noticed.load(); }));
}

TEST(HttpServer, WriteFailsWhenTheClientLeaves) {
  std::atomic<bool> stopped{false};
  TestServer s([&](Request&, ResponseWriter& response) {
    const std::string block(100'000, 'x');
    while (response.Write(block)) {
    }
    stopped = true;
  });
  RawSocket socket(s.port());
  socket.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  socket.Read("xxx");
  socket.Close();
  EXPECT_TRUE(Eventually([&] { return stopped.load(); }));
}

TEST(HttpServer, StopLetsRequestsEndAndRefusesNewOnes) {
  std::atomic<bool> running{false};
  std::atomic<bool> saw_stop{false};
  auto s = std::make_unique<TestServer>([&](Request& request, ResponseWriter& response) {
    running = true;
    saw_stop = Eventually([&] { return request.cancelled(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    response.Write("finished");
  });
  const uint16_t port = s->port();
  RawSocket idle(port);
  RawSocket busy(port);
  busy.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return running.load(); }));
  std::thread stopper([&] { s->server->Stop(5'000); });
  const std::string answer = busy.Read();
  EXPECT_TRUE(answer.ends_with("finished")) << answer;
  EXPECT_EQ(idle.Read(), "");
  stopper.join();
  EXPECT_TRUE(saw_stop);
  EXPECT_FALSE(RawSocket(port).connected());
  s->server->Stop(5'000);
}

TEST(HttpServer, StopCutsAfterTheGrace) {
  std::atomic<bool> running{false};
  TestServer s([&](Request&, ResponseWriter& response) {
    running = true;
    const std::string block(100'000, 'x');
    while (response.Write(block)) {
    }
  });
  RawSocket stuck(s.port());
  stuck.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(Eventually([&] { return running.load(); }));
  const auto begin = std::chrono::steady_clock::now();
  s.server->Stop(100);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

TEST(HttpServer, ConnectionLimitMakesNewcomersWait) {
  HttpServerOptions options = Loopback();
  options.max_connections = 2;
  TestServer s(Echo, options);
  RawSocket a(s.port());
  RawSocket b(s.port());
  RawSocket c(s.port());  // in the kernel's queue
  const std::string get = "GET /c HTTP/1.1\r\nHost: a\r\n\r\n";
  a.Send(get);
  b.Send(get);
  EXPECT_NE(a.Read("\r\n\r\n").find("200 OK"), std::string::npos);
  EXPECT_NE(b.Read("\r\n\r\n").find("200 OK"), std::string::npos);
  c.Send(get);
  pollfd p{c.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&p, 1, 100), 0);
  a.Close();
  EXPECT_NE(c.Read("\r\n\r\n").find("200 OK"), std::string::npos);
}

TEST(HttpServer, ManyConnectionsAtOnce) {
  TestServer s(Echo);
  auto client = HttpClient::Create({}).value();
  std::atomic<int> ok{0};
  std::atomic<int> done{0};
  for (int i = 0; i < 400; ++i) {
    ClientRequest request;
    request.method = "POST";
    request.url = s.url("/" + std::to_string(i));
    request.body = "body " + std::to_string(i);
    client->Send(request, [&, want = request.body](base::Result<ClientResponse> response) {
      if (response && response->body == want) ++ok;
      ++done;
    });
  }
  EXPECT_TRUE(Eventually([&] { return done == 400; }, 20'000));
  EXPECT_EQ(ok, 400);
}

TEST(HttpServer, BindErrorsSayWhatToDo) {
  TestServer s(Echo);
  const auto f = [](const std::string& address, std::string_view want) {
    HttpServerOptions options;
    options.listen_addresses = {address};
    const auto server = HttpServer::Create(options, nullptr, Echo);
    ASSERT_FALSE(server) << address;
    EXPECT_EQ(server.error().message(), want);
  };
  const std::string taken = "127.0.0.1:" + std::to_string(s.port());
  f(taken, "listen on " + taken +
               ": address already in use: stop the other process or choose another "
               "--web.listen-address");
  f("127.0.0.1", "listen on \"127.0.0.1\": expected host:port, [ipv6]:port or :port");
  f("127.0.0.1:99999", "listen on \"127.0.0.1:99999\": expected host:port, [ipv6]:port or :port");
}

TEST(HttpServer, SeveralListeners) {
  HttpServerOptions options = Loopback();
  options.listen_addresses.push_back(":0");
  TestServer s(Echo, options);
  ASSERT_EQ(s.server->ports().size(), 2u);
  for (const uint16_t port : s.server->ports()) {
    EXPECT_EQ(Ask("http://127.0.0.1:" + std::to_string(port) + "/").status, 200);
  }
}

TEST(HttpServerTls, ServesAndTakesNewCertificatesWithoutRestart) {
  const TestCa ca;
  const TempDir dir;
  const CertPem old_pair = ca.Issue("old", "DNS:old.example");
  HttpServerOptions options = Loopback();
  TlsServerOptions tls;
  tls.cert_file = dir.Write("cert.pem", old_pair.cert);
  tls.key_file = dir.Write("key.pem", old_pair.key);
  options.tls = tls;
  TestServer s(Echo, options);
  const auto works_as = [&](const std::string& name) {
    HttpClientOptions client;
    client.tls.ca = ca.pem();
    client.tls.server_name = name;
    ClientRequest request;
    request.method = "POST";
    request.url = s.url("/", "https");
    request.body = std::string(300'000, 's');
    request.headers = {{"Connection", "close"}};  // each call shakes hands anew
    const auto response = HttpClient::Create(client).value()->SendAndWait(request);
    return response && response->body == request.body;
  };
  EXPECT_TRUE(works_as("old.example"));
  EXPECT_FALSE(works_as("new.example"));
  // A pair that does not fit: the old one stays.
  const CertPem new_pair = ca.Issue("new", "DNS:new.example");
  dir.Write("cert.pem", new_pair.cert);
  std::this_thread::sleep_for(std::chrono::milliseconds(1'100));
  EXPECT_TRUE(works_as("old.example"));
  dir.Write("key.pem", new_pair.key);
  EXPECT_TRUE(Eventually([&] { return works_as("new.example"); }));
  EXPECT_FALSE(works_as("old.example"));
  // Plain text to a TLS port is not answered.
  RawSocket plain(s.port());
  plain.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(plain.Read().find("200"), std::string::npos);
}

TEST(HttpServerTls, ClientCertificates) {
  const TestCa ca;
  const TestCa stranger_ca;
  const CertPem pair = ca.Issue("server", "IP:127.0.0.1");
  const CertPem good = ca.Issue("good", "DNS:good.example");
  const CertPem other = ca.Issue("other", "DNS:other.example");
  const CertPem stranger = stranger_ca.Issue("good", "DNS:good.example");
  const auto f = [&](ClientAuth auth, const CertPem* shown, std::vector<std::string> sans) {
    HttpServerOptions options = Loopback();
    TlsServerOptions tls;
    tls.cert = pair.cert;
    tls.key = pair.key;
    tls.client_ca = ca.pem();
    tls.client_auth = auth;
    tls.client_allowed_sans = std::move(sans);
    options.tls = tls;
    TestServer s(Echo, options);
    HttpClientOptions client;
    client.tls.ca = ca.pem();
    if (shown != nullptr) {
      client.tls.cert = shown->cert;
      client.tls.key = shown->key;
    }
    ClientRequest request;
    request.url = s.url("/", "https");
    return static_cast<bool>(HttpClient::Create(client).value()->SendAndWait(request));
  };
  EXPECT_TRUE(f(ClientAuth::kNone, nullptr, {}));
  EXPECT_TRUE(f(ClientAuth::kRequest, &stranger, {}));
  EXPECT_FALSE(f(ClientAuth::kRequireAny, nullptr, {}));
  EXPECT_TRUE(f(ClientAuth::kRequireAny, &stranger, {}));
  EXPECT_TRUE(f(ClientAuth::kVerifyIfGiven, nullptr, {}));
  EXPECT_FALSE(f(ClientAuth::kVerifyIfGiven, &stranger, {}));
  EXPECT_FALSE(f(ClientAuth::kRequireAndVerify, nullptr, {}));
  EXPECT_TRUE(f(ClientAuth::kRequireAndVerify, &good, {}));
  EXPECT_TRUE(f(ClientAuth::kRequireAndVerify, &good, {"good.example"}));
  EXPECT_FALSE(f(ClientAuth::kRequireAndVerify, &other, {"good.example"}));
}

TEST(HttpServerTls, SettingsAreChecked) {
  const TestCa ca;
  const CertPem pair = ca.Issue("server", "IP:127.0.0.1");
  const CertPem other = ca.Issue("other", "IP:127.0.0.1");
  const auto f = [&](const std::function<void(TlsServerOptions&)>& change) -> std::string {
    HttpServerOptions options = Loopback();
    TlsServerOptions tls;
    tls.cert = pair.cert;
    tls.key = pair.key;
    change(tls);
    options.tls = tls;
    const auto server = HttpServer::Create(options, nullptr, Echo);
    return server ? "" : server.error().message();
  };
  EXPECT_EQ(f([](TlsServerOptions& t) {
              t.cipher_suites = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                                 "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305"};
              t.curve_preferences = {"CurveP256", "X25519"};
            }),
            "");
  EXPECT_EQ(f([](TlsServerOptions& t) { t.cipher_suites = {"ROT13"}; }),
            "tls: unknown cipher suite \"ROT13\"");
  EXPECT_EQ(f([](TlsServerOptions& t) { t.curve_preferences = {"CurveP1"}; }),
            "tls: unknown curve \"CurveP1\"");
  EXPECT_NE(f([&](TlsServerOptions& t) { t.key = other.key; }).find("key inline"),
            std::string::npos);
  EXPECT_EQ(f([](TlsServerOptions& t) {
              t.cert.clear();
              t.cert_file = "/nonexistent/cert.pem";
            }),
            "tls: certificate /nonexistent/cert.pem: No such file or directory");
}

}  // namespace
}  // namespace tributary::net
