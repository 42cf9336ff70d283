#include "net/http_client.h"

#include <algorithm>
#include <atomic>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/mutex.h"
#include "base/strings.h"
#include "net/client/plain_loop.h"
#include "net/client/transfer_loop.h"
#include "net/client/watched_file.h"
#include "net/credentials/aws_credentials.h"
#include "net/credentials/azure_token.h"
#include "net/credentials/google_token.h"
#include "net/credentials/oauth2_token.h"
#include "net/credentials/token_source.h"

namespace tributary::net {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::Status;

std::atomic<uint64_t> next_id{1};  // of clients, for cancelling

constexpr long kMaxRedirects = 10;
constexpr long kIdleConnectionSeconds = 300;
// A silent connection is probed after that; nine probes without an answer end it.
constexpr long kKeepAliveSeconds = 30;
constexpr long kProbeSeconds = 10;

// A header line must not be able to smuggle in another.
bool ValidHeader(std::string_view name, std::string_view value) {
  constexpr std::string_view kForbidden("\r\n\0", 3);
  return !name.empty() && name.find_first_of(kForbidden) == std::string_view::npos &&
         name.find(':') == std::string_view::npos &&
         value.find_first_of(kForbidden) == std::string_view::npos;
}

void AppendHeader(SlistPtr& list, std::string_view name, std::string_view value) {
  // libcurl's notation: "Name;" is an empty value.
  const std::string line =
      value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value);
  curl_slist* head = curl_slist_append(list.get(), line.c_str());
  static_cast<void>(list.release());
  list.reset(head);
}

long CurlTlsVersion(TlsVersion min, TlsVersion max) {
  long version = CURL_SSLVERSION_TLSv1_2;
  if (min == TlsVersion::kTls10) version = CURL_SSLVERSION_TLSv1_0;
  if (min == TlsVersion::kTls11) version = CURL_SSLVERSION_TLSv1_1;
  if (min == TlsVersion::kTls13) version = CURL_SSLVERSION_TLSv1_3;
  switch (max) {
    case TlsVersion::kUnset:
      return version;
    case TlsVersion::kTls10:
      return version | CURL_SSLVERSION_MAX_TLSv1_0;
    case TlsVersion::kTls11:
      return version | CURL_SSLVERSION_MAX_TLSv1_1;
    case TlsVersion::kTls12:
      return version | CURL_SSLVERSION_MAX_TLSv1_2;
    case TlsVersion::kTls13:
      return version | CURL_SSLVERSION_MAX_TLSv1_3;
  }
  return version;
}

struct CurlUrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string UrlPart(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string out = text;
  curl_free(text);
  return out;
}

// libcurl takes the name to ask for and to verify from the URL. For another one, the URL gets that
// name, the connection goes to the original host, and so does the Host header.
Status UseServerName(const std::string& server_name, Transfer& transfer, std::string* url_text) {
  const std::unique_ptr<CURLU, CurlUrlFree> url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, url_text->c_str(), 0) != CURLUE_OK) {
    return base::InvalidArgument(RequestName(transfer.request()) + ": malformed url");
  }
  if (UrlPart(url.get(), CURLUPART_SCHEME) != "https") return {};
  const std::string host = UrlPart(url.get(), CURLUPART_HOST);
  const std::string given_port = UrlPart(url.get(), CURLUPART_PORT);
  const std::string port = UrlPart(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  curl_url_set(url.get(), CURLUPART_HOST, server_name.c_str(), 0);
  *url_text = UrlPart(url.get(), CURLUPART_URL);
  const std::string target = fmt::format("{}:{}:{}:{}", server_name, port, host, port);
  transfer.connect_to.reset(curl_slist_append(nullptr, target.c_str()));
  AppendHeader(transfer.header_list, "Host",
               given_port.empty() ? host : fmt::format("{}:{}", host, given_port));
  return {};
}

// What had to be fetched before a request can go out.
struct Fetched {
  std::string authorization;  // a header's value
  AwsCredentials aws;         // to sign with
};

// Completions that are still to come, of one client.
struct Pending {
  base::Mutex mutex;
  base::CondVar changed;
  size_t count TB_GUARDED_BY(mutex) = 0;
  bool closing TB_GUARDED_BY(mutex) = false;
};

std::optional<TokenOptions> TokensOf(const HttpClientOptions& options) {
  if (options.oauth2) return OAuth2Tokens(*options.oauth2);
  if (options.azuread) return AzureTokens(*options.azuread);
  if (options.google_iam) return GoogleTokens(*options.google_iam);
  return std::nullopt;
}

bool HeadersStay(const HttpClientOptions& options) {
  const auto& basic = options.basic_auth;
  return !options.oauth2 && !options.azuread && !options.google_iam && !options.sigv4 &&
         !(basic && (!basic->username_file.empty() || !basic->password_file.empty())) &&
         !(options.authorization && !options.authorization->credentials_file.empty()) &&
         std::ranges::all_of(options.http_headers,
                             [](const auto& header) { return header.second.files.empty(); });
}

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(HttpClientOptions options)
      : options_(std::move(options)),
        username_(options_.basic_auth ? options_.basic_auth->username : "",
                  options_.basic_auth ? options_.basic_auth->username_file : "", true),
        password_(options_.basic_auth ? options_.basic_auth->password : "",
                  options_.basic_auth ? options_.basic_auth->password_file : "", true),
        credentials_(options_.authorization ? options_.authorization->credentials : "",
                     options_.authorization ? options_.authorization->credentials_file : "", true),
        ca_(options_.tls.ca, options_.tls.ca_file, false),
        cert_(options_.tls.cert, options_.tls.cert_file, false),
        key_(options_.tls.key, options_.tls.key_file, false),
        headers_stay_(HeadersStay(options_)) {
    for (const auto& [name, option] : options_.http_headers) {
      for (const std::string& file : option.files) {
        header_files_.emplace_back(name, std::make_unique<WatchedFile>(file, true));
      }
    }
  }

  ~CurlClient() override {
    {
      base::MutexLock lock(pending_->mutex);
      pending_->closing = true;
    }
    TransferLoop::Shared().CancelOwner(id_);
    PlainLoop::Shared().CancelOwner(id_);
    tokens_.reset();  // these two fail those who wait for them
    aws_.reset();
    // A completion that destroys its own client cannot wait for itself.
    if (TransferLoop::OnCompletionThread()) return;
    base::MutexLock lock(pending_->mutex);
    while (pending_->count > 0) pending_->changed.Wait(pending_->mutex);
  }

  Status Init() {
    if (auto tokens = TokensOf(options_)) {
      ASSIGN_OR_RETURN(tokens_, TokenSource::Create(*std::move(tokens)));
    }
    if (options_.sigv4) {
      ASSIGN_OR_RETURN(aws_, AwsCredentialSource::Create(*options_.sigv4));
      aws_scope_ = fmt::format("aws:amz:{}:{}", aws_->region(), options_.sigv4->service_name);
    }
    for (const auto& [name, option] : options_.http_headers) {
      for (const auto* values : {&option.values, &option.secrets}) {
        for (const std::string& value : *values) {
          if (!ValidHeader(name, value)) {
            return base::InvalidArgument(fmt::format("http_headers: invalid header {}", name));
          }
        }
      }
    }
    return {};
  }

  std::shared_ptr<const PreparedRequest> Prepare(ClientRequest request) override {
    auto prepared = std::make_shared<PreparedRequest>();
    prepared->plain = PlainTargetOf(request);
    prepared->request = std::move(request);
    if (prepared->plain && headers_stay_) {
      auto head = HeadOf(*prepared, {});
      if (head) prepared->head = *std::move(head);  // else Send() meets the error
    }
    return prepared;
  }

  void Send(std::shared_ptr<const PreparedRequest> request, Completion done) override {
    {
      base::MutexLock lock(pending_->mutex);
      ++pending_->count;
    }
    auto transfer = std::make_unique<Transfer>();
    transfer->owner = id_;
    transfer->prepared = std::move(request);
    transfer->done = [pending = pending_, done = std::move(done)](Result<ClientResponse> result) {
      done(std::move(result));
      base::MutexLock lock(pending->mutex);
      --pending->count;
      pending->changed.NotifyAll();
    };
    if (!tokens_ && !aws_) return Go(std::move(transfer), {});
    // std::function wants to copy what it holds.
    auto held = std::make_shared<std::unique_ptr<Transfer>>(std::move(transfer));
    const auto go = [this, held, pending = pending_](Result<Fetched> fetched) {
      {
        base::MutexLock lock(pending->mutex);
        if (pending->closing) {
          fetched = Error(ErrorCode::kCancelled, "the http client was closed");
        }
      }
      if (!fetched) return Fail(std::move(*held), fetched.error());
      Go(std::move(*held), *fetched);
    };
    if (tokens_) {
      return tokens_->Get([go](const Result<std::string>& token) {
        go(token ? Result<Fetched>(Fetched{.authorization = *token, .aws = {}})
                 : Result<Fetched>(token.error()));
      });
    }
    aws_->Get([go](const Result<AwsCredentials>& aws) {
      go(aws ? Result<Fetched>(Fetched{.authorization = {}, .aws = *aws})
             : Result<Fetched>(aws.error()));
    });
  }

 private:
  static void Fail(std::unique_ptr<Transfer> transfer, const Error& error) {
    std::shared_ptr<Transfer> shared = std::move(transfer);
    TransferLoop::Shared().RunOnCompletionThread([shared, error] { shared->done(error); });
  }

  void Go(std::unique_ptr<Transfer> transfer, const Fetched& fetched) {
    if (transfer->prepared->plain) {
      return GoPlain(std::move(transfer), fetched);
    }
    GoWithCurl(std::move(transfer), fetched);
  }

  // Where a request needs nothing of what libcurl is for.
  std::optional<PlainTarget> PlainTargetOf(const ClientRequest& request) const {
    const bool plain = request.method == "GET" && request.body.empty() && !request.on_data &&
                       request.unix_socket.empty() && options_.proxy.url.empty() &&
                       !options_.proxy.from_environment && !options_.sigv4;
    return plain ? ParsePlainUrl(request.url) : std::nullopt;
  }

  Result<std::string> HeadOf(const PreparedRequest& prepared, const Fetched& fetched) {
    std::string head = fmt::format("GET {} HTTP/1.1\r\n", prepared.plain->path);
    bool has_host = false;
    RETURN_IF_ERROR(ForEachHeader(prepared.request, fetched,
                                  [&](std::string_view name, std::string_view value) {
                                    has_host = has_host || base::EqualsIgnoreCase(name, "Host");
                                    head.append(name).append(": ").append(value).append("\r\n");
                                  }));
    if (!has_host) head.append("Host: ").append(prepared.plain->authority).append("\r\n");
    head.append("\r\n");
    return head;
  }

  void GoPlain(std::unique_ptr<Transfer> transfer, const Fetched& fetched) {
    std::string head;
    if (transfer->prepared->head.empty()) {
      auto built = HeadOf(*transfer->prepared, fetched);
      if (!built) return Fail(std::move(transfer), built.error());
      head = *std::move(built);
    }
    if (options_.follow_redirects) {
      transfer->redirected = [this, pending = pending_,
                              fetched](const std::shared_ptr<Transfer>& first) {
        auto again = std::make_unique<Transfer>();
        again->owner = first->owner;
        again->prepared = first->prepared;
        again->done = first->done;
        // The client waits for this lock before it dies.
        base::MutexLock lock(pending->mutex);
        if (pending->closing) {
          return Fail(std::move(again), Error(ErrorCode::kCancelled, "the http client was closed"));
        }
        GoWithCurl(std::move(again), fetched);
      };
    }
    PlainLoop::Shared().Submit(std::move(transfer), std::move(head));
  }

  void GoWithCurl(std::unique_ptr<Transfer> transfer, const Fetched& fetched) {
    const Status headers = BuildHeaders(*transfer, fetched);
    if (!headers) return Fail(std::move(transfer), headers.error());
    transfer->easy = TransferLoop::Shared().TakeEasy();
    const Status set_up = SetUp(*transfer, fetched.aws);
    if (!set_up) {
      curl_easy_cleanup(transfer->easy);
      return Fail(std::move(transfer), set_up.error());
    }
    TransferLoop::Shared().Submit(std::move(transfer));
  }

  Result<std::string> AuthorizationHeader() {
    if (options_.basic_auth) {
      std::string pair;
      for (TextOrFile* part : {&username_, &password_}) {
        if (part->given()) {
          ASSIGN_OR_RETURN(const auto text, part->Get());
          pair += *text;
        }
        if (part == &username_) pair += ':';
      }
      return "Basic " + base::Base64Encode(pair);
    }
    if (options_.authorization && credentials_.given()) {
      ASSIGN_OR_RETURN(const auto text, credentials_.Get());
      return options_.authorization->type + " " + *text;
    }
    return std::string();
  }

  // Calls take(name, value) for all headers of the request and of the client's options.
  template <class F>
  Status ForEachHeader(const ClientRequest& request, const Fetched& fetched, F&& take) {
    const auto add = [&](std::string_view name, std::string_view value) -> Status {
      if (!ValidHeader(name, value)) {
        return base::InvalidArgument(
            fmt::format("{}: invalid header {}", RequestName(request), base::Quote(name)));
      }
      take(name, value);
      return {};
    };
    for (const auto& [name, value] : request.headers) RETURN_IF_ERROR(add(name, value));
    if (request.accept_gzip && !request.on_data) RETURN_IF_ERROR(add("Accept-Encoding", "gzip"));
    for (const auto& [name, option] : options_.http_headers) {
      for (const auto* values : {&option.values, &option.secrets}) {
        for (const std::string& value : *values) RETURN_IF_ERROR(add(name, value));
      }
    }
    for (const auto& [name, file] : header_files_) {
      ASSIGN_OR_RETURN(const auto text, file->Get());
      RETURN_IF_ERROR(add(name, *text));
    }
    std::string authorization = fetched.authorization;
    if (authorization.empty()) {
      ASSIGN_OR_RETURN(authorization, AuthorizationHeader());
    }
    if (!authorization.empty()) RETURN_IF_ERROR(add("Authorization", authorization));
    if (!fetched.aws.session_token.empty()) {
      RETURN_IF_ERROR(add("X-Amz-Security-Token", fetched.aws.session_token));
    }
    return {};
  }

  Status BuildHeaders(Transfer& transfer, const Fetched& fetched) {
    SlistPtr& list = transfer.header_list;
    bool has_content_type = false;
    RETURN_IF_ERROR(ForEachHeader(
        transfer.request(), fetched, [&](std::string_view name, std::string_view value) {
          AppendHeader(list, name, value);
          has_content_type = has_content_type || base::EqualsIgnoreCase(name, "Content-Type");
        }));
    // "Name:" without a value takes back what libcurl would add by itself: a wait for 100 and a
    // form's content type.
    curl_slist* head = curl_slist_append(list.release(), "Expect:");
    if (!has_content_type) head = curl_slist_append(head, "Content-Type:");
    list.reset(head);
    return {};
  }

  Status SetUpTls(Transfer& transfer) {
    CURL* easy = transfer.easy;
    const auto use = [&](TextOrFile& source, CURLoption option) -> Status {
      if (!source.given()) return {};
      auto pem = source.Get();
      if (!pem) return pem.error().Context("tls_config");
      curl_blob blob{const_cast<char*>((*pem)->data()), (*pem)->size(), CURL_BLOB_NOCOPY};
      curl_easy_setopt(easy, option, &blob);
      transfer.kept.push_back(*std::move(pem));
      return {};
    };
    RETURN_IF_ERROR(use(ca_, CURLOPT_CAINFO_BLOB));
    RETURN_IF_ERROR(use(cert_, CURLOPT_SSLCERT_BLOB));
    RETURN_IF_ERROR(use(key_, CURLOPT_SSLKEY_BLOB));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                     CurlTlsVersion(options_.tls.min_version, options_.tls.max_version));
    if (options_.tls.insecure_skip_verify) {
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
      curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return {};
  }

  void SetUpProxy(Transfer& transfer) {
    CURL* easy = transfer.easy;
    if (!options_.proxy.from_environment) {
      curl_easy_setopt(easy, CURLOPT_PROXY, options_.proxy.url.c_str());  // "": none
      if (!options_.proxy.no_proxy.empty()) {
        curl_easy_setopt(easy, CURLOPT_NOPROXY, options_.proxy.no_proxy.c_str());
      }
    }
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    for (const auto& [name, values] : options_.proxy.connect_header) {
      for (const std::string& value : values) {
        if (ValidHeader(name, value)) AppendHeader(transfer.proxy_header_list, name, value);
      }
    }
    if (transfer.proxy_header_list) {
      curl_easy_setopt(easy, CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));
      curl_easy_setopt(easy, CURLOPT_PROXYHEADER, transfer.proxy_header_list.get());
    }
  }

  Status SetUp(Transfer& transfer, const AwsCredentials& aws) {
    CURL* easy = transfer.easy;
    const ClientRequest& request = transfer.request();
    std::string url = request.url;
    if (!options_.tls.server_name.empty() && request.unix_socket.empty()) {
      RETURN_IF_ERROR(UseServerName(options_.tls.server_name, transfer, &url));
    }
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    if (transfer.connect_to) {
      curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer.connect_to.get());
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleConnectionSeconds);
    curl_easy_setopt(
        easy, CURLOPT_HTTP_VERSION,
        static_cast<long>(options_.enable_http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (options_.shuffle_addresses) {
      curl_easy_setopt(easy, CURLOPT_DNS_SHUFFLE_ADDRESSES, 1L);
      curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT,
                       0L);  // what is cached is not shuffled again
    }
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, options_.follow_redirects ? 1L : 0L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, kMaxRedirects);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.header_list.get());
    // A peer that vanished must not look like one that has no news. Of all requests, because a
    // stream may go over the connection that another one has made.
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveSeconds);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kProbeSeconds);
    if (!request.unix_socket.empty()) {
      curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
    }
    if (request.method == "HEAD") {
      curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (request.method == "POST" || !request.body.empty()) {
      curl_easy_setopt(easy, CURLOPT_POST, 1L);
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    }
    if (request.method != "HEAD" && request.method != "POST" && request.method != "GET") {
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (options_.sigv4) {
      curl_easy_setopt(easy, CURLOPT_AWS_SIGV4, aws_scope_.c_str());
      curl_easy_setopt(easy, CURLOPT_USERNAME, aws.access_key.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, aws.secret_key.c_str());
    }
    SetUpProxy(transfer);
    return SetUpTls(transfer);
  }

  const uint64_t id_ = next_id.fetch_add(1);
  HttpClientOptions options_;
  TextOrFile username_, password_, credentials_;
  TextOrFile ca_, cert_, key_;
  std::vector<std::pair<std::string, std::unique_ptr<WatchedFile>>> header_files_;
  std::shared_ptr<TokenSource> tokens_;
  std::shared_ptr<AwsCredentialSource> aws_;
  // No request has other headers than the one before: none comes from a file or from a service.
  const bool headers_stay_;
  std::string aws_scope_;  // libcurl's notation of what is signed for
  const std::shared_ptr<Pending> pending_ = std::make_shared<Pending>();
};

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::Create(HttpClientOptions options) {
  auto client = std::make_unique<CurlClient>(std::move(options));
  RETURN_IF_ERROR(client->Init());
  return std::unique_ptr<HttpClient>(std::move(client));
}

Result<ClientResponse> HttpClient::SendAndWait(ClientRequest request) {
  struct Outcome {
    base::Mutex mutex;
    base::CondVar arrived;
    std::unique_ptr<Result<ClientResponse>> result TB_GUARDED_BY(mutex);
  };
  auto outcome = std::make_shared<Outcome>();
  Send(std::move(request), [outcome](Result<ClientResponse> result) {
    base::MutexLock lock(outcome->mutex);
    outcome->result = std::make_unique<Result<ClientResponse>>(std::move(result));
    outcome->arrived.NotifyAll();
  });
  base::MutexLock lock(outcome->mutex);
  while (!outcome->result) outcome->arrived.Wait(outcome->mutex);
  return std::move(*outcome->result);
}

}  // namespace tributary::net
