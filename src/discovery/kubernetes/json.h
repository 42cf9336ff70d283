// Json: a lenient look at one value of a parsed JSON document. What is absent or of another type
// reads as empty, as Go's zero values do in Kubernetes' own clients: an API server that leaves a
// field out means just that. Views live as long as the parser's document.
// simdjson is a heavy header: include this one in .cc files only.
#pragma once

#include <cstdint>
#include <optional>
#include <simdjson.h>
#include <string>
#include <string_view>

namespace tributary::discovery::kubernetes {

class Json {
 public:
  Json() = default;
  explicit Json(simdjson::dom::element element) : element_(element), present_(!element.is_null()) {}

  bool present() const { return present_; }

  Json operator[](std::string_view key) const {
    simdjson::dom::element value;
    if (!present_ || !element_.is_object()) return {};
    if (element_.at_key(key).get(value) != simdjson::SUCCESS) return {};
    return Json(value);
  }

  std::string_view Text() const {
    std::string_view text;
    if (!present_ || element_.get_string().get(text) != simdjson::SUCCESS) return {};
    return text;
  }
  std::string String() const { return std::string(Text()); }

  std::optional<int64_t> Int() const {
    int64_t number = 0;
    if (!present_ || element_.get_int64().get(number) != simdjson::SUCCESS) return std::nullopt;
    return number;
  }

  std::optional<bool> Bool() const {
    bool value = false;
    if (!present_ || element_.get_bool().get(value) != simdjson::SUCCESS) return std::nullopt;
    return value;
  }

  // Calls visit(Json) for each item of a list.
  template <class Visit>
  void Each(Visit visit) const {
    simdjson::dom::array items;
    if (!present_ || element_.get_array().get(items) != simdjson::SUCCESS) return;
    for (const simdjson::dom::element item : items) visit(Json(item));
  }

  // Calls visit(std::string_view key, Json value) for each field of an object.
  template <class Visit>
  void EachField(Visit visit) const {
    simdjson::dom::object fields;
    if (!present_ || element_.get_object().get(fields) != simdjson::SUCCESS) return;
    for (const simdjson::dom::key_value_pair field : fields) visit(field.key, Json(field.value));
  }

 private:
  simdjson::dom::element element_;
  bool present_ = false;
};

}  // namespace tributary::discovery::kubernetes
