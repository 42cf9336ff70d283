#include "web/auth.h"

#include <algorithm>
#include <crypt.h>

#include "base/strings.h"
#include "net/keyed_digest.h"

namespace tributary::web {
namespace {

constexpr size_t kMaxVerdicts = 1024;
// Of nobody's password; what an unknown user's is compared with. Cost 10, as people use.
constexpr const char* kNobodysHash = "$2y$10$abcdefghijklmnopqrstuuTEr5uZGfJqXw2aYcBqMTwGlF0EqGZHG";

bool EqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

bool BcryptMatches(const std::string& password, const std::string& hash) {
  const auto data = std::make_unique<crypt_data>();
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), data.get());
  return made != nullptr && made[0] != '*' && EqualInConstantTime(made, hash);
}

}  // namespace

std::optional<BasicCredentials> ParseBasicAuthorization(std::string_view header) {
  constexpr std::string_view kScheme = "Basic ";
  if (header.size() < kScheme.size() ||
      !base::EqualsIgnoreCase(header.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  const auto pair = base::Base64Decode(header.substr(kScheme.size()));
  if (!pair) return std::nullopt;
  const size_t colon = pair->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{pair->substr(0, colon), pair->substr(colon + 1)};
}

PasswordChecker::PasswordChecker() : digest_key_(net::RandomKey()) {}

bool PasswordChecker::Check(const std::map<std::string, std::string>& users,
                            const BasicCredentials& credentials) {
  // crypt works on C strings: what follows a zero byte would not count.
  if (credentials.password.find('\0') != std::string::npos) return false;
  const auto user = users.find(credentials.user);
  const bool known = user != users.end();
  const std::string hash = known ? user->second : kNobodysHash;
  const std::string key =
      net::KeyedDigest(digest_key_, std::to_string(credentials.user.size()) + ":" +
                                        credentials.user + hash + ":" + credentials.password);
  {
    base::MutexLock lock(mutex_);
    if (const auto it = verdicts_.find(key); it != verdicts_.end()) return it->second;
  }
  bool matches = false;
  {
    base::MutexLock lock(bcrypt_mutex_);
    matches = BcryptMatches(credentials.password, hash) && known;
  }
  base::MutexLock lock(mutex_);
  if (verdicts_.size() >= kMaxVerdicts) verdicts_.clear();
  verdicts_.emplace(key, matches);
  return matches;
}

}  // namespace tributary::web
