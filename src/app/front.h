// Front: the HTTP server with the web behind it, and the web config file that both obey. The file
// is looked at again and again, so that certificates and users change without a restart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "app/options.h"
#include "base/fs.h"
#include "base/result.h"
#include "config/web_config.h"
#include "net/http_server.h"
#include "web/web.h"

namespace tributary::app {

class Front {
 public:
  // Binds the addresses. `web` and `fs` outlive the front.
  static base::Result<std::unique_ptr<Front>> Create(const Options& options, web::Web& web,
                                                     base::FileSystem& fs);

  void Start() { server_->Start(); }
  // Applies the web config file if its text changed. An error keeps what was before, and is said
  // once for each text of the file.
  base::Status RefreshWebConfig();
  void Stop(int64_t grace_ms) { server_->Stop(grace_ms); }

 private:
  Front(const Options& options, web::Web& web, base::FileSystem& fs)
      : options_(options), web_(web), fs_(fs) {}

  const Options& options_;
  web::Web& web_;
  base::FileSystem& fs_;
  std::unique_ptr<net::HttpServer> server_;
  std::string web_config_text_;  // as last looked at
};

}  // namespace tributary::app
