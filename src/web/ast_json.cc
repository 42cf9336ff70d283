#include "web/ast_json.h"

#include <optional>
#include <string>
#include <vector>

#include "base/strings.h"

namespace tributary::web {
namespace {

using promql::As;

std::string_view DurationOpText(promql::DurationOp op) {
  switch (op) {
    case promql::DurationOp::kAdd:
      return "+";
    case promql::DurationOp::kSub:
      return "-";
    case promql::DurationOp::kMul:
      return "*";
    case promql::DurationOp::kDiv:
      return "/";
    case promql::DurationOp::kMod:
      return "%";
    case promql::DurationOp::kPow:
      return "^";
    case promql::DurationOp::kStep:
      return "step";
    case promql::DurationOp::kRange:
      return "range";
    case promql::DurationOp::kMinOf:
      return "min_of";
    case promql::DurationOp::kMaxOf:
      return "max_of";
  }
  return "";
}

// One node after the other; keys in order of name, as a Go map is written.
class AstWriter {
 public:
  explicit AstWriter(wire::JsonWriter& json) : json_(json) {}

  // Null for no node.
  void Write(const promql::Expr* expr) {
    if (expr == nullptr) return json_.Null();
    switch (expr->kind) {
      case promql::ExprKind::kNumberLiteral:
        return Literal("numberLiteral", base::FormatFloat(As<promql::NumberLiteral>(*expr).value));
      case promql::ExprKind::kStringLiteral:
        return Literal("stringLiteral", As<promql::StringLiteral>(*expr).value);
      case promql::ExprKind::kVectorSelector:
        return Selector(As<promql::VectorSelector>(*expr), nullptr);
      case promql::ExprKind::kMatrixSelector: {
        const auto& matrix = As<promql::MatrixSelector>(*expr);
        return Selector(matrix.vector(), &matrix);
      }
      case promql::ExprKind::kSubquery:
        return Subquery(As<promql::SubqueryExpr>(*expr));
      case promql::ExprKind::kCall:
        return Call(As<promql::Call>(*expr));
      case promql::ExprKind::kAggregate:
        return Aggregate(As<promql::AggregateExpr>(*expr));
      case promql::ExprKind::kBinary:
        return Binary(As<promql::BinaryExpr>(*expr));
      case promql::ExprKind::kUnary: {
        const auto& unary = As<promql::UnaryExpr>(*expr);
        json_.BeginObject();
        Child("expr", unary.expr.get());
        Text("op", unary.negative ? "-" : "+");
        return End("unaryExpr");
      }
      case promql::ExprKind::kParen:
        json_.BeginObject();
        Child("expr", As<promql::ParenExpr>(*expr).expr.get());
        return End("parenExpr");
      case promql::ExprKind::kStepInvariant:
        return Write(As<promql::StepInvariantExpr>(*expr).expr.get());
      case promql::ExprKind::kDuration:
        return Duration(expr);
    }
  }

 private:
  void Text(std::string_view key, std::string_view value) {
    json_.Key(key);
    json_.String(value);
  }
  void Number(std::string_view key, int64_t value) {
    json_.Key(key);
    json_.Int(value);
  }
  void Flag(std::string_view key, bool value) {
    json_.Key(key);
    json_.Bool(value);
  }
  void Child(std::string_view key, const promql::Expr* expr) {
    json_.Key(key);
    Write(expr);
  }
  void List(std::string_view key, const std::vector<std::string>& items) {
    json_.Key(key);
    json_.BeginArray();
    for (const std::string& item : items) json_.String(item);
    json_.EndArray();
  }
  void End(std::string_view type) {
    Text("type", type);
    json_.EndObject();
  }

  void Literal(std::string_view type, std::string_view value) {
    json_.BeginObject();
    Text("type", type);
    Text("val", value);
    json_.EndObject();
  }

  void DurationChild(std::string_view key, const promql::Expr* expr) {
    json_.Key(key);
    Duration(expr);
  }

  void Duration(const promql::Expr* expr) {
    if (expr == nullptr) return json_.Null();
    if (const auto* number = promql::DynAs<promql::NumberLiteral>(expr)) {
      json_.BeginObject();
      Flag("duration", number->is_duration);
      Text("type", "numberLiteral");
      Text("val", base::FormatFloat(number->value));
      return json_.EndObject();
    }
    const auto* duration = promql::DynAs<promql::DurationExpr>(expr);
    if (duration == nullptr) return Write(expr);
    json_.BeginObject();
    DurationChild("lhs", duration->lhs.get());
    Text("op", DurationOpText(duration->op));
    DurationChild("rhs", duration->rhs.get());
    Text("type", "durationExpr");
    Flag("wrapped", duration->wrapped);
    json_.EndObject();
  }

  // "startOrEnd" and "timestamp".
  void At(const promql::AtModifier& at) {
    json_.Key("startOrEnd");
    if (at.kind == promql::AtKind::kStart) {
      json_.String("start");
    } else if (at.kind == promql::AtKind::kEnd) {
      json_.String("end");
    } else {
      json_.Null();
    }
  }
  void Timestamp(const promql::AtModifier& at) {
    json_.Key("timestamp");
    if (at.kind == promql::AtKind::kTimestamp) {
      json_.Int(at.timestamp_ms);
    } else {
      json_.Null();
    }
  }

  void Selector(const promql::VectorSelector& vector, const promql::MatrixSelector* matrix) {
    json_.BeginObject();
    Flag("anchored", vector.anchored);
    json_.Key("matchers");
    json_.BeginArray();
    for (const model::Matcher& matcher : vector.matchers) {
      json_.BeginObject();
      Text("name", matcher.name());
      Text("type", model::MatchTypeSymbol(matcher.type()));
      Text("value", matcher.value());
      json_.EndObject();
    }
    json_.EndArray();
    Text("name", vector.name);
    Number("offset", vector.offset_ms);
    DurationChild("offsetExpr", vector.offset_expr.get());
    if (matrix != nullptr) {
      Number("range", matrix->range_ms);
      DurationChild("rangeExpr", matrix->range_expr.get());
    }
    Flag("smoothed", vector.smoothed);
    At(vector.at);
    Timestamp(vector.at);
    End(matrix != nullptr ? "matrixSelector" : "vectorSelector");
  }

  void Subquery(const promql::SubqueryExpr& subquery) {
    json_.BeginObject();
    Child("expr", subquery.expr.get());
    Number("offset", subquery.offset_ms);
    DurationChild("offsetExpr", subquery.offset_expr.get());
    Number("range", subquery.range_ms);
    DurationChild("rangeExpr", subquery.range_expr.get());
    At(subquery.at);
    Number("step", subquery.step_ms);
    DurationChild("stepExpr", subquery.step_expr.get());
    Timestamp(subquery.at);
    End("subquery");
  }

  void Call(const promql::Call& call) {
    json_.BeginObject();
    json_.Key("args");
    json_.BeginArray();
    for (const promql::ExprPtr& arg : call.args) Write(arg.get());
    json_.EndArray();
    json_.Key("func");
    json_.BeginObject();
    json_.Key("argTypes");
    json_.BeginArray();
    for (const promql::ValueType type : call.function->arg_types()) {
      json_.String(promql::ValueTypeName(type));
    }
    json_.EndArray();
    Text("name", call.function->name);
    Text("returnType", promql::ValueTypeName(call.function->return_type));
    Number("variadic", call.function->variadic);
    json_.EndObject();
    End("call");
  }

  void Aggregate(const promql::AggregateExpr& aggregate) {
    json_.BeginObject();
    Child("expr", aggregate.expr.get());
    List("grouping", aggregate.grouping);
    Text("op", promql::AggregateOpName(aggregate.op));
    Child("param", aggregate.param.get());
    Text("type", "aggregation");
    Flag("without", aggregate.without);
    json_.EndObject();
  }

  void FillValue(std::string_view key, const std::optional<double>& value) {
    json_.Key(key);
    if (value) {
      json_.Double(*value);
    } else {
      json_.Null();
    }
  }

  void Binary(const promql::BinaryExpr& binary) {
    json_.BeginObject();
    Flag("bool", binary.return_bool);
    Child("lhs", binary.lhs.get());
    json_.Key("matching");
    if (binary.matching) {
      const promql::VectorMatching& matching = *binary.matching;
      json_.BeginObject();
      Text("card", promql::MatchCardinalityName(matching.card));
      json_.Key("fillValues");
      json_.BeginObject();
      FillValue("lhs", matching.fill_left);
      FillValue("rhs", matching.fill_right);
      json_.EndObject();
      List("include", matching.include);
      List("labels", matching.labels);
      Flag("on", matching.on);
      json_.EndObject();
    } else {
      json_.Null();
    }
    Text("op", promql::BinaryOpSymbol(binary.op));
    Child("rhs", binary.rhs.get());
    End("binaryExpr");
  }

  wire::JsonWriter& json_;
};

}  // namespace

void WriteAst(wire::JsonWriter& json, const promql::Expr& expr) { AstWriter(json).Write(&expr); }

}  // namespace tributary::web
