// Posting a form, as endpoints of tokens and credentials want it.
#pragma once

#include <map>
#include <string>

#include "net/http_client.h"

namespace tributary::net {

using FormFields = std::map<std::string, std::string>;

ClientRequest FormRequest(const std::string& url, const FormFields& form);

}  // namespace tributary::net
