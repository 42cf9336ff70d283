// Discovery against a fake: FakeApi stands in for a kube-apiserver. It speaks the list and watch
// protocol (pages, resource versions, bookmarks, 410, 429) but knows nothing of Kubernetes.
#include "discovery/kubernetes/kubernetes_sd.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "net/http_server.h"

namespace tributary::discovery::kubernetes {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

void Nap() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

class FakeApi {
 public:
  FakeApi() {
    net::HttpServerOptions options;
    options.listen_addresses = {"127.0.0.1:0"};
    options.handler_threads = 16;
    server_ = net::HttpServer::Create(options, nullptr,
                                      [this](net::Request& request, net::ResponseWriter& response) {
                                        Serve(request, response);
                                      })
                  .value();
    server_->Start();
  }
  ~FakeApi() { server_->Stop(0); }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->ports()[0]); }

  // `body` is what follows the metadata: R"("spec": {...})".
  void Put(const std::string& path, const std::string& name, const std::string& body) {
    base::MutexLock lock(mutex_);
    auto& objects = objects_[path];
    const char* type = objects.contains(name) ? "MODIFIED" : "ADDED";
    objects[name] = Text(name, ++version_, body);
    events_.push_back({version_, path, Event(type, objects[name])});
  }
  void Delete(const std::string& path, const std::string& name) {
    base::MutexLock lock(mutex_);
    objects_[path].erase(name);
    events_.push_back({++version_, path, Event("DELETED", Text(name, version_, R"("x": 0)"))});
  }
  // A change that no watch tells: it is forgotten before anybody asks.
  void DeleteUnseen(const std::string& path, const std::string& name) {
    base::MutexLock lock(mutex_);
    objects_[path].erase(name);
    oldest_ = ++version_;
    events_.clear();
  }
  void Send(const std::string& path, const std::string& event) {
    base::MutexLock lock(mutex_);
    events_.push_back({++version_, path, event + "\n"});
  }
  // Until a watch has told the newest event.
  void AwaitTold() {
    for (int i = 0; i < 5000; ++i) {
      {
        base::MutexLock lock(mutex_);
        if (told_ == version_) return;
      }
      Nap();
    }
    ADD_FAILURE() << "no watch told the newest event";
  }
  void CutWatches() { Bump(&watch_epoch_); }
  // The next answers to requests whose query contains `part`.
  void Fail(const std::string& part, int status, int times, const std::string& retry_after = "") {
    base::MutexLock lock(mutex_);
    for (int i = 0; i < times; ++i) failures_.push_back({part, status, retry_after});
  }
  std::vector<std::string> requests() {
    base::MutexLock lock(mutex_);
    return requests_;
  }
  void AwaitRequests(const std::string& part, size_t count) {
    for (int i = 0; i < 5000; ++i) {
      size_t n = 0;
      for (const std::string& request : requests()) n += request.find(part) != std::string::npos;
      if (n >= count) return;
      Nap();
    }
    ADD_FAILURE() << "no " << count << " requests with " << part;
  }

 private:
  struct LoggedEvent {
    int64_t version;
    std::string path, text;
  };
  struct Failure {
    std::string part;
    int status;
    std::string retry_after;
  };

  // In one line, as watch events are.
  static std::string Text(const std::string& name, int64_t version, std::string body) {
    std::ranges::replace(body, '\n', ' ');
    return R"({"metadata": {"namespace": "n", "name": ")" + name + R"(", "resourceVersion": ")" +
           std::to_string(version) + R"("}, )" + body + "}";
  }
  static std::string Event(const std::string& type, const std::string& object) {
    return R"({"type": ")" + type + R"(", "object": )" + object + "}\n";
  }
  void Bump(int* value) {
    base::MutexLock lock(mutex_);
    ++*value;
  }

  void Serve(net::Request& request, net::ResponseWriter& response) {
    const std::string path(request.path());
    const net::Params params = net::Params::Parse(request.raw_query());
    {
      base::MutexLock lock(mutex_);
      requests_.push_back(path + "?" + std::string(request.raw_query()));
      for (auto it = failures_.begin(); it != failures_.end(); ++it) {
        if (request.raw_query().find(it->part) == std::string_view::npos) continue;
        response.SetStatus(it->status);
        if (!it->retry_after.empty()) response.SetHeader("Retry-After", it->retry_after);
        failures_.erase(it);
        return;
      }
    }
    response.SetHeader("Content-Type", "application/json");
    if (params.Get("watch") == "1") return Watch(path, params, request, response);
    List(path, params, response);
  }

  void List(const std::string& path, const net::Params& params, net::ResponseWriter& response) {
    base::MutexLock lock(mutex_);
    const size_t limit = std::stoul(std::string(params.Get("limit")));
    const std::string from(params.Get("continue"));
    std::string items;
    std::string next;
    size_t count = 0;
    const auto& objects = objects_[path];
    for (auto it = objects.lower_bound(from); it != objects.end(); ++it) {
      if (count++ == limit) {
        next = it->first;
        break;
      }
      items += (items.empty() ? "" : ", ") + it->second;
    }
    response.Write(R"({"metadata": {"resourceVersion": ")" + std::to_string(version_) +
                   R"(", "continue": ")" + next + R"("}, "items": [)" + items + "]}");
  }

  void Watch(const std::string& path, const net::Params& params, net::Request& request,
             net::ResponseWriter& response) {
    int64_t version = std::stoll(std::string(params.Get("resourceVersion")));
    int epoch = 0;
    {
      base::MutexLock lock(mutex_);
      epoch = watch_epoch_;
      if (version < oldest_) {
        response.SetStatus(410);
        return;
      }
    }
    response.DisableCompression();
    response.Flush();
    while (!request.cancelled()) {
      std::string out;
      {
        base::MutexLock lock(mutex_);
        if (epoch != watch_epoch_) return;
        for (const LoggedEvent& event : events_) {
          if (event.version > version && event.path == path) out += event.text;
        }
        version = version_;
      }
      // In two pieces: an event may arrive torn.
      if (!out.empty()) {
        response.Write(std::string_view(out).substr(0, out.size() / 2));
        response.Flush();
        Nap();
        response.Write(std::string_view(out).substr(out.size() / 2));
        if (!response.Flush()) return;
        base::MutexLock lock(mutex_);
        told_ = version;
      }
      Nap();
    }
  }

  base::Mutex mutex_;
  std::map<std::string, std::map<std::string, std::string>> objects_ TB_GUARDED_BY(mutex_);
  std::vector<LoggedEvent> events_ TB_GUARDED_BY(mutex_);
  std::deque<Failure> failures_ TB_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ TB_GUARDED_BY(mutex_);
  int64_t version_ TB_GUARDED_BY(mutex_) = 100;
  int64_t oldest_ TB_GUARDED_BY(mutex_) = 0;
  int64_t told_ TB_GUARDED_BY(mutex_) = 0;
  int watch_epoch_ TB_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<net::HttpServer> server_;
};

constexpr const char* kServices = "/api/v1/services";

std::string ServiceBody(int port) {
  return R"("spec": {"ports": [{"port": )" + std::to_string(port) + "}]}";
}

class KubernetesSdTest : public ::testing::Test {
 protected:
  void Start(config::KubernetesSdConfig config) {
    Pace pace;
    pace.min_backoff_ms = 2;
    pace.max_backoff_ms = 50;
    pace.gather_ms = 1;
    pace.page_size = 2;
    config.api_server = api_.url();
    const ApiAccess access{api_.url(), config.http, own_namespace_};
    const Context context{base::PosixFileSystem(), metrics_};
    auto started = kubernetes::Start(config, access, pace, context,
                                     [this](std::vector<config::TargetGroup> groups) {
                                       base::MutexLock lock(mutex_);
                                       for (auto& group : groups) Take(std::move(group));
                                     });
    ASSERT_TRUE(started) << started.error().message();
    discoverer_ = std::move(*started);
  }
  void StartRole(const std::string& role) {
    config::KubernetesSdConfig config;
    config.role = role;
    Start(config);
  }
  void Take(config::TargetGroup group) TB_REQUIRES(mutex_) {
    std::string addresses;
    for (const model::Labels& target : group.targets) {
      addresses +=
          std::string(addresses.empty() ? "" : " ") + std::string(target.Get("__address__"));
    }
    if (addresses.empty()) {
      found_.erase(group.source);
    } else {
      found_[group.source] = addresses;
    }
  }
  using Found = std::map<std::string, std::string>;  // addresses by source
  Found Now() {
    base::MutexLock lock(mutex_);
    return found_;
  }
  void Await(const Found& want) {
    for (int i = 0; i < 5000 && Now() != want; ++i) Nap();
    EXPECT_EQ(Now(), want);
  }
  double Failures() {
    return metrics_
        .GetCounter("prometheus_sd_kubernetes_failures_total",
                    "The number of failed WATCH/LIST requests.")
        .value();
  }

  FakeApi api_;
  base::MetricsRegistry metrics_;
  std::string own_namespace_;
  base::Mutex mutex_;
  Found found_ TB_GUARDED_BY(mutex_);
  std::unique_ptr<Discoverer> discoverer_;
};

TEST_F(KubernetesSdTest, ListsInPagesThenFollowsTheWatch) {
  for (const char* name : {"a", "b", "c", "d", "e"}) api_.Put(kServices, name, ServiceBody(1));
  StartRole("service");
  Found want;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    want[std::string("svc/n/") + name] = std::string(name) + ".n.svc:1";
  }
  Await(want);
  EXPECT_THAT(api_.requests(), Contains("/api/v1/services?limit=2&continue=c"));
  EXPECT_THAT(api_.requests(), Contains("/api/v1/services?limit=2&continue=e"));

  api_.Put(kServices, "f", ServiceBody(7));
  api_.Put(kServices, "a", ServiceBody(2));
  api_.Delete(kServices, "b");
  want["svc/n/f"] = "f.n.svc:7";
  want["svc/n/a"] = "a.n.svc:2";
  want.erase("svc/n/b");
  Await(want);
  const std::string text = metrics_.RenderText();
  for (const char* line : {R"(_events_total{event="add",role="service"} 6)",
                           R"(_events_total{event="update",role="service"} 1)",
                           R"(_events_total{event="delete",role="service"} 1)",
                           R"(_events_total{event="add",role="pod"} 0)"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(Failures(), 0);
}

TEST_F(KubernetesSdTest, AWatchThatEndedGoesOnWhereItStood) {
  api_.Put(kServices, "a", ServiceBody(1));
  StartRole("service");
  Await({{"svc/n/a", "a.n.svc:1"}});
  api_.Send(kServices,
            R"({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "102"}}})");
  api_.AwaitRequests("watch=1", 1);
  for (size_t i = 2; i < 5; ++i) {
    api_.Put(kServices, "a", ServiceBody(static_cast<int>(i)));
    Await({{"svc/n/a", "a.n.svc:" + std::to_string(i)}});
    api_.CutWatches();
    api_.AwaitRequests("watch=1", i);
  }
  size_t lists = 0;
  for (const std::string& request : api_.requests()) {
    lists += request.find("limit=") != std::string::npos;
  }
  EXPECT_EQ(lists, 1);
}

TEST_F(KubernetesSdTest, GoneListsAgainAndDropsWhatWentUnseen) {
  api_.Put(kServices, "a", ServiceBody(1));
  api_.Put(kServices, "b", ServiceBody(1));
  StartRole("service");
  Await({{"svc/n/a", "a.n.svc:1"}, {"svc/n/b", "b.n.svc:1"}});
  api_.AwaitRequests("watch=1", 1);
  api_.DeleteUnseen(kServices, "b");
  api_.CutWatches();
  Await({{"svc/n/a", "a.n.svc:1"}});
}

TEST_F(KubernetesSdTest, AnErrorEventOrNonsenseListsAgain) {
  api_.Put(kServices, "a", ServiceBody(1));
  StartRole("service");
  Await({{"svc/n/a", "a.n.svc:1"}});
  size_t watches = 1;
  for (const char* event :
       {R"({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}})",
        "this is no json", R"({"type": "ADDED"})", "[]"}) {
    api_.AwaitRequests("watch=1", watches);
    api_.Send(kServices, event);
    api_.AwaitTold();
    api_.CutWatches();
    api_.AwaitRequests("limit=", ++watches);
  }
  api_.Put(kServices, "z", ServiceBody(3));
  Await({{"svc/n/a", "a.n.svc:1"}, {"svc/n/z", "z.n.svc:3"}});
}

TEST_F(KubernetesSdTest, FailuresAreRetried) {
  for (const char* name : {"a", "b", "c"}) api_.Put(kServices, name, ServiceBody(1));
  api_.Fail("limit=", 500, 2);
  api_.Fail("continue=", 410, 1);  // the first page's picture is too old by now
  api_.Fail("continue=", 403, 1);
  api_.Fail("watch=1", 429, 1);
  api_.Fail("watch=1", 503, 1);
  StartRole("service");
  api_.AwaitRequests("watch=1", 3);
  api_.Put(kServices, "d", ServiceBody(4));
  Await({{"svc/n/a", "a.n.svc:1"},
         {"svc/n/b", "b.n.svc:1"},
         {"svc/n/c", "c.n.svc:1"},
         {"svc/n/d", "d.n.svc:4"}});
  EXPECT_EQ(Failures(), 6);
}

TEST_F(KubernetesSdTest, RetryAfterIsWaitedFor) {
  api_.Put(kServices, "a", ServiceBody(1));
  api_.Fail("limit=", 429, 1, "1");
  const auto began = std::chrono::steady_clock::now();
  StartRole("service");
  Await({{"svc/n/a", "a.n.svc:1"}});
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

TEST_F(KubernetesSdTest, EndpointsJoinPodsAndServicesOfTheNamespacesAndSelectors) {
  const std::string base = "/api/v1/namespaces/n/";
  api_.Put(base + "endpoints", "web", R"("subsets": [{"ports": [{"port": 80}],
    "addresses": [{"ip": "1.1.1.1",
                   "targetRef": {"kind": "Pod", "namespace": "n", "name": "p"}}]}])");
  config::KubernetesSdConfig config;
  config.role = "endpoints";
  config.namespaces = {"n", "other", "n"};
  config.selectors = {{"pod", "app in (a,b)", "status.phase=Running"}};
  own_namespace_ = "other";
  Start(config);
  Await({{"endpoints/n/web", "1.1.1.1:80"}});
  EXPECT_THAT(api_.requests(), Contains(base + "pods?labelSelector=app%20in%20%28a%2Cb%29&"
                                               "fieldSelector=status.phase%3DRunning&limit=2"));
  EXPECT_THAT(api_.requests(), Contains("/api/v1/namespaces/other/services?limit=2"));
  size_t lists = 0;
  for (const std::string& request : api_.requests()) {
    lists += request.find("limit=") != std::string::npos;
  }
  EXPECT_EQ(lists, 6);

  api_.Put(base + "pods", "p", R"("spec": {"containers": [{"name": "c", "ports":
    [{"containerPort": 80}, {"containerPort": 81}]}]}, "status": {"podIP": "1.1.1.1"})");
  Await({{"endpoints/n/web", "1.1.1.1:80 1.1.1.1:81"}});
  api_.Delete(base + "endpoints", "web");
  Await({});
}

TEST_F(KubernetesSdTest, WhatStandsAbovePodsIsFollowedWhereAskedFor) {
  config::KubernetesSdConfig config;
  config.role = "pod";
  config.namespaces = {"n"};
  config.attach_deployment = true;
  config.attach_job = true;  // the pod itself names its Job
  Start(config);
  api_.AwaitRequests("watch=1", 2);
  EXPECT_THAT(api_.requests(), Contains("/apis/apps/v1/namespaces/n/replicasets?limit=2"));
  EXPECT_THAT(api_.requests(), Not(Contains(HasSubstr("/jobs?"))));
  discoverer_.reset();

  config.attach_cronjob = true;
  Start(config);
  api_.AwaitRequests("watch=1", 5);
  EXPECT_THAT(api_.requests(), Contains("/apis/batch/v1/namespaces/n/jobs?limit=2"));
}

TEST_F(KubernetesSdTest, NothingIsPublishedBeforeAllIsListed) {
  api_.Put("/apis/discovery.k8s.io/v1/endpointslices", "s", R"("ports": [{"port": 1}],
    "endpoints": [{"addresses": ["1.1.1.1"]}])");
  api_.Fail("limit=2", 429, 1, "1");  // one of the three lists is late
  StartRole("endpointslice");
  api_.AwaitRequests("watch=1", 2);
  EXPECT_THAT(Now(), IsEmpty());
  Await({{"endpointslice/n/s", "1.1.1.1:1"}});
}

TEST_F(KubernetesSdTest, StopsWhileRequestsAreUnderWay) {
  api_.Put(kServices, "a", ServiceBody(1));
  for (int i = 0; i < 5; ++i) {
    StartRole("service");
    if (i % 2 == 0) api_.AwaitRequests("watch=1", static_cast<size_t>(i / 2 + 1));
    api_.Put(kServices, "a", ServiceBody(i));
    discoverer_.reset();
  }
}

TEST(FindApi, InCluster) {
  const auto fs = base::MakeMemoryFileSystem();
  const auto write = [&](const std::string& path, std::string_view text) {
    EXPECT_TRUE(fs->Create(path).value()->Append(base::AsBytes(text)));
  };
  config::KubernetesSdConfig config;
  config.own_namespace = true;
  InCluster in_cluster;
  in_cluster.service_account_dir = "/sa";
  EXPECT_THAT(FindApi(config, *fs, in_cluster).error().message(),
              HasSubstr("KUBERNETES_SERVICE_HOST"));
  in_cluster.host = "fd00::1";
  in_cluster.port = "443";
  EXPECT_FALSE(FindApi(config, *fs, in_cluster));  // no token
  ASSERT_TRUE(fs->CreateDirs("/sa"));
  write("/sa/token", "secret");
  write("/sa/ca.crt", "pem");
  write("/sa/namespace", "monitoring\n");
  const auto access = FindApi(config, *fs, in_cluster);
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ(access->url, "https://[fd00::1]:443");
  EXPECT_EQ(access->own_namespace, "monitoring");
  EXPECT_EQ(access->http.authorization->credentials_file, "/sa/token");
  EXPECT_EQ(access->http.tls.ca_file, "/sa/ca.crt");
}

TEST(FindApi, Kubeconfig) {
  const auto fs = base::MakeMemoryFileSystem();
  ASSERT_TRUE(fs->CreateDirs("/etc"));
  constexpr std::string_view kText = R"(apiVersion: v1
kind: Config
current-context: two
contexts:
- {name: one, context: {cluster: a, user: u}}
- {name: two, context: {cluster: b, user: v}}
clusters:
- {name: a, cluster: {server: "https://a"}}
- name: b
  cluster: {server: "https://b:6443/", certificate-authority-data: cGVt, tls-server-name: kube}
users:
- {name: u, user: {exec: {command: login}}}
- {name: v, user: {token: t, client-certificate: c.pem, client-key: /k.pem}}
)";
  ASSERT_TRUE(fs->Create("/etc/kc").value()->Append(base::AsBytes(kText)));
  config::KubernetesSdConfig config;
  config.kubeconfig_file = "/etc/kc";
  const auto access = FindApi(config, *fs, {});
  ASSERT_TRUE(access) << access.error().message();
  EXPECT_EQ(access->url, "https://b:6443");
  EXPECT_EQ(access->http.tls.ca, "pem");
  EXPECT_EQ(access->http.tls.server_name, "kube");
  EXPECT_EQ(access->http.tls.cert_file, "/etc/c.pem");
  EXPECT_EQ(access->http.tls.key_file, "/k.pem");
  EXPECT_EQ(access->http.authorization->credentials, "t");
  config.kubeconfig_file = "/etc/none";
  EXPECT_FALSE(FindApi(config, *fs, {}));
}

}  // namespace
}  // namespace tributary::discovery::kubernetes
