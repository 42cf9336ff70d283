// DNS discovery against a small DNS server on loopback, which also misbehaves.
#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <map>
#include <poll.h>
#include <set>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "discovery/discoverer.h"
#include "net/dns_client.h"

namespace tributary::discovery {
namespace {

using net::DnsType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string U16(unsigned v) { return {static_cast<char>(v >> 8), static_cast<char>(v & 0xff)}; }
std::string Name(std::string_view dotted) {
  std::string out;
  while (!dotted.empty()) {
    const size_t size = std::min(dotted.find('.'), dotted.size());
    out += static_cast<char>(size);
    out += dotted.substr(0, size);
    dotted.remove_prefix(std::min(size + 1, dotted.size()));
  }
  return out + '\0';
}
struct Record {
  DnsType type;
  std::string data;
};
Record Srv(std::string_view target, unsigned port) {
  return {DnsType::kSrv, U16(0) + U16(0) + U16(port) + Name(target)};
}

// Answers over UDP and TCP with the records of the name and type asked for.
class TinyDns {
 public:
  TinyDns() {
    // What is free for one protocol may be taken for the other.
    for (int attempt = 0; attempt < 20 && (tcp_ < 0 || udp_ < 0); ++attempt) {
      ::close(udp_);
      udp_ = Bind(SOCK_DGRAM, 0);
      tcp_ = Bind(SOCK_STREAM, port_);
    }
    EXPECT_TRUE(udp_ >= 0 && tcp_ >= 0) << "no port for both udp and tcp";
    ::listen(tcp_, 8);
    thread_ = std::thread([this] { Run(); });
  }
  ~TinyDns() {
    stop_ = true;
    thread_.join();
    ::close(udp_);
    ::close(tcp_);
  }

  uint16_t port() const { return port_; }
  void Set(const std::string& name, std::vector<Record> records) {
    base::MutexLock lock(mutex_);
    records_[Name(name)] = std::move(records);
  }
  void SetFailing(bool failing) { failing_ = failing; }  // SERVFAIL
  void SetTruncating(bool truncating) { truncating_ = truncating; }
  void SetNoise(bool noise) { noise_ = noise; }  // strangers' datagrams first
  int tcp_queries() const { return tcp_queries_; }

 private:
  // Below 0: the port is taken.
  int Bind(int type, uint16_t port) {
    const int fd = ::socket(AF_INET, type, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(fd);
      return -1;
    }
    socklen_t size = sizeof(address);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    return fd;
  }

  void Run() {
    while (!stop_) {
      pollfd polls[] = {{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
      if (::poll(polls, 2, 20) <= 0) continue;
      std::string buffer(4096, '\0');
      if ((polls[0].revents & POLLIN) != 0) {
        sockaddr_in from{};
        socklen_t size = sizeof(from);
        const ssize_t n = ::recvfrom(udp_, buffer.data(), buffer.size(), 0,
                                     reinterpret_cast<sockaddr*>(&from), &size);
        const auto send = [&](const std::string& bytes) {
          ::sendto(udp_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
        };
        if (n < 12) continue;
        if (noise_) {
          send("x");
          std::string other = Answer(buffer.substr(0, static_cast<size_t>(n)), false);
          other[0] = static_cast<char>(other[0] ^ 1);
          send(other);
        }
        send(Answer(buffer.substr(0, static_cast<size_t>(n)), truncating_));
      } else {
        const int fd = ::accept(tcp_, nullptr, nullptr);
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n > 14) {
          ++tcp_queries_;
          const std::string answer = Answer(buffer.substr(2, static_cast<size_t>(n) - 2), false);
          const std::string framed = U16(static_cast<unsigned>(answer.size())) + answer;
          // In pieces, as a network may deliver it.
          ::send(fd, framed.data(), 1, MSG_NOSIGNAL);
          ::send(fd, framed.data() + 1, framed.size() - 1, MSG_NOSIGNAL);
        }
        ::close(fd);
      }
    }
  }

  std::string Answer(const std::string& query, bool truncate) {
    base::MutexLock lock(mutex_);
    const size_t name_end = query.find('\0', 12) + 1;
    const std::string question = query.substr(12, name_end + 4 - 12);
    const auto type = static_cast<unsigned>(static_cast<uint8_t>(query[name_end]) << 8 |
                                            static_cast<uint8_t>(query[name_end + 1]));
    const auto found = records_.find(query.substr(12, name_end - 12));
    const unsigned code = failing_ ? 2 : found == records_.end() ? 3 : 0;
    std::string body;
    unsigned count = 0;
    if (code == 0 && !truncate) {
      for (const Record& record : found->second) {
        if (static_cast<unsigned>(record.type) != type && record.type != DnsType::kCname) continue;
        ++count;
        body += "\xc0\x0c" + U16(static_cast<unsigned>(record.type)) + U16(1) +
                std::string(4, '\0') + U16(static_cast<unsigned>(record.data.size())) + record.data;
      }
    }
    return query.substr(0, 2) + U16(0x8180 | code | (truncate ? 0x0200 : 0)) + U16(1) + U16(count) +
           U16(0) + U16(0) + question + body;
  }

  int udp_ = -1, tcp_ = -1;
  uint16_t port_ = 0;
  base::Mutex mutex_;
  std::map<std::string, std::vector<Record>> records_ TB_GUARDED_BY(mutex_);
  std::atomic<bool> failing_{false}, truncating_{false}, noise_{false}, stop_{false};
  std::atomic<int> tcp_queries_{0};
  std::thread thread_;
};

class DnsTest : public ::testing::Test {
 protected:
  DnsTest() : fs_(base::MakeMemoryFileSystem()) {
    SetResolvConf("search corp.test\nnameserver 127.0.0.1\n");
  }
  void SetResolvConf(const std::string& text) {
    auto file = fs_->Create("/resolv.conf");
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->Append(base::AsBytes(text)));
    ASSERT_TRUE((*file)->Close());
  }

  void Start(std::vector<std::string> names, const std::string& type, uint16_t port = 80) {
    config::DnsSdConfig config;
    config.names = std::move(names);
    config.type = type;
    config.port = port;
    config.refresh_interval_ms = 20;
    discoverer_ = StartDns(config, {*fs_, metrics_},
                           [this](std::vector<config::TargetGroup> groups) {
                             base::MutexLock lock(mutex_);
                             for (config::TargetGroup& group : groups) {
                               groups_[group.source] = std::move(group);
                             }
                             ++published_;
                           },
                           {"/resolv.conf", dns_.port()});
  }

  std::vector<std::string> Targets() {
    base::MutexLock lock(mutex_);
    std::vector<std::string> targets;
    for (const auto& [source, group] : groups_) {
      for (const model::Labels& target : group.targets) targets.push_back(target.ToString());
    }
    return targets;
  }
  template <class Matcher>
  ::testing::AssertionResult Becomes(const Matcher& matcher) {
    for (int i = 0; i < 500; ++i) {
      if (published_ > 0 && ::testing::Matches(matcher)(Targets())) {
        return ::testing::AssertionSuccess();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return ::testing::AssertionFailure() << ::testing::PrintToString(Targets());
  }

  TinyDns dns_;
  std::unique_ptr<base::FileSystem> fs_;
  base::MetricsRegistry metrics_;
  base::Mutex mutex_;
  std::map<std::string, config::TargetGroup> groups_ TB_GUARDED_BY(mutex_);
  std::atomic<int> published_{0};
  std::unique_ptr<Discoverer> discoverer_;
};

TEST_F(DnsTest, SrvRecordsBringTheirPorts) {
  dns_.SetNoise(true);
  dns_.Set("_web._tcp.corp.test", {Srv("a.corp.test", 9100), Srv("b.corp.test", 9200)});
  Start({"_web._tcp.corp.test"}, "SRV");
  EXPECT_TRUE(Becomes(ElementsAre(
      R"({__address__="a.corp.test:9100", __meta_dns_name="_web._tcp.corp.test", )"
      R"(__meta_dns_srv_record_port="9100", __meta_dns_srv_record_target="a.corp.test."})",
      R"({__address__="b.corp.test:9200", __meta_dns_name="_web._tcp.corp.test", )"
      R"(__meta_dns_srv_record_port="9200", __meta_dns_srv_record_target="b.corp.test."})")));
}

TEST_F(DnsTest, AddressesMailAndNameServers) {
  dns_.Set("x.test", {{DnsType::kCname, Name("y.test")},
                      {DnsType::kA, "\x7f\x01\x02\x03"},
                      {DnsType::kAaaa, std::string(15, '\0') + '\x01'},
                      {DnsType::kMx, U16(10) + Name("mail.test")},
                      {DnsType::kNs, Name("ns.test")}});
  Start({"x.test"}, "a");
  EXPECT_TRUE(Becomes(ElementsAre(R"({__address__="127.1.2.3:80", __meta_dns_name="x.test"})")));
  Start({"x.test"}, "AAAA");
  EXPECT_TRUE(Becomes(ElementsAre(R"({__address__="[::1]:80", __meta_dns_name="x.test"})")));
  Start({"x.test"}, "MX", 25);
  EXPECT_TRUE(Becomes(
      ElementsAre(R"({__address__="mail.test:25", __meta_dns_mx_record_target="mail.test.", )"
                  R"(__meta_dns_name="x.test"})")));
  Start({"x.test"}, "NS", 53);
  EXPECT_TRUE(Becomes(ElementsAre(R"({__address__="ns.test:53", __meta_dns_name="x.test", )"
                                  R"(__meta_dns_ns_record_target="ns.test."})")));
}

TEST_F(DnsTest, SearchDomainsAndLongAnswers) {
  dns_.SetTruncating(true);
  dns_.Set("db.corp.test", {{DnsType::kA, "\x0a\x01\x01\x01"}});
  Start({"db"}, "A");
  EXPECT_TRUE(Becomes(ElementsAre(R"({__address__="10.1.1.1:80", __meta_dns_name="db"})")));
  EXPECT_GT(dns_.tcp_queries(), 0);
}

TEST_F(DnsTest, FailuresKeepTheTargetsAndAbsenceRemovesThem) {
  dns_.Set("x.test", {{DnsType::kA, "\x7f\x01\x01\x01"}});
  Start({"x.test"}, "A");
  ASSERT_TRUE(Becomes(ElementsAre(::testing::HasSubstr("127.1.1.1:80"))));
  dns_.SetFailing(true);
  const auto failures = [&] {
    return metrics_.GetCounter("prometheus_sd_dns_lookup_failures_total", "").value();
  };
  for (int i = 0; i < 500 && failures() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(failures(), 2);
  EXPECT_THAT(Targets(), ElementsAre(::testing::HasSubstr("127.1.1.1:80")));
  dns_.Set("x.test", {});
  dns_.SetFailing(false);
  EXPECT_TRUE(Becomes(IsEmpty()));
}

TEST(DnsClient, ResolvConf) {
  const net::DnsConfig config = net::ParseResolvConf(
      "# comment\nnameserver 10.0.0.1 ; rest\n\tnameserver\tfd00::1\nsearch a.test b.test.\n"
      "options rotate ndots:2 timeout:1\nnonsense\n");
  EXPECT_THAT(config.servers, ElementsAre("10.0.0.1", "fd00::1"));
  EXPECT_EQ(config.ndots, 2u);
  EXPECT_THAT(net::DnsCandidates(config, "x.y"), ElementsAre("x.y.a.test.", "x.y.b.test.", "x.y."));
  EXPECT_THAT(net::DnsCandidates(config, "x.y.z"),
              ElementsAre("x.y.z.", "x.y.z.a.test.", "x.y.z.b.test."));
  EXPECT_THAT(net::DnsCandidates(config, "x."), ElementsAre("x."));
  EXPECT_THAT(net::ParseResolvConf("").servers, ElementsAre("127.0.0.1"));
}

TEST(DnsMessage, BadNamesAreNotAsked) {
  EXPECT_FALSE(net::EncodeDnsQuery(1, "a..b", DnsType::kA, 0));
  EXPECT_FALSE(net::EncodeDnsQuery(1, std::string(64, 'a'), DnsType::kA, 0));
  std::string name;
  for (int i = 0; i < 130; ++i) name += "a.";
  EXPECT_FALSE(net::EncodeDnsQuery(1, name, DnsType::kA, 0));
}

TEST(DnsMessage, PointerLoopsAndCutsEnd) {
  const std::string header = U16(1) + U16(0x8180) + U16(0) + U16(1) + U16(0) + U16(0);
  const std::string fixed = U16(2) + U16(1) + std::string(4, '\0');
  EXPECT_FALSE(net::DecodeDnsResponse(header + "\xc0\x0c" + fixed + U16(2) + "\xc0\x0c", 1));
  const std::string good = header + std::string(1, '\0') + fixed + U16(3) + Name("a");
  ASSERT_TRUE(net::DecodeDnsResponse(good, 1));
  EXPECT_EQ(net::DecodeDnsResponse(good, 1)->answers[0].target, "a.");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(net::DecodeDnsResponse(good.substr(0, size), 1)) << size;
  }
  EXPECT_FALSE(net::DecodeDnsResponse(good, 2));
}

}  // namespace
}  // namespace tributary::discovery
