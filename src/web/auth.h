// BasicAuth: who is asking? Users and bcrypt hashes come from the web config file.
//
// bcrypt is slow on purpose, so verdicts are remembered, under a keyed digest of user, hash and
// password: the password itself is never kept. An unknown user costs one bcrypt as well, so that
// time does not tell which users exist. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/string_map.h"

namespace tributary::web {

struct BasicCredentials {
  std::string user, password;
};

// Out of an Authorization header.
std::optional<BasicCredentials> ParseBasicAuthorization(std::string_view header);

class PasswordChecker {
 public:
  PasswordChecker();
  bool Check(const std::map<std::string, std::string>& users, const BasicCredentials& credentials);

 private:
  const std::string digest_key_;
  base::Mutex bcrypt_mutex_;  // one at a time: a flood of guesses must not take all cores
  base::Mutex mutex_;
  base::StringMap<bool> verdicts_ TB_GUARDED_BY(mutex_);
};

}  // namespace tributary::web
