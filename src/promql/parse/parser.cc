// The grammar is that of Prometheus promql/parser/generated_parser.y, including what its generated
// tables decide where the rules are ambiguous: after `offset` a single literal or call stands
// alone, so `a offset 5m + b` adds.
#include "promql/parse/parser.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "promql/parse/literals.h"
#include "promql/parse/parser_impl.h"

namespace tributary::promql {
namespace {

using enum TokenType;

struct BinaryOperator {
  BinaryOp op;
  int precedence;  // higher binds tighter; 0: not an operator
};

constexpr int kOrPrecedence = 1;
constexpr int kPowPrecedence = 6;

BinaryOperator BinaryOperatorOf(TokenType type) {
  switch (type) {
    case kOr:
      return {BinaryOp::kOr, kOrPrecedence};
    case kAnd:
      return {BinaryOp::kAnd, 2};
    case kUnless:
      return {BinaryOp::kUnless, 2};
    case kEqlC:
      return {BinaryOp::kEq, 3};
    case kNeq:
      return {BinaryOp::kNe, 3};
    case kGte:
      return {BinaryOp::kGe, 3};
    case kGtr:
      return {BinaryOp::kGt, 3};
    case kLte:
      return {BinaryOp::kLe, 3};
    case kLss:
      return {BinaryOp::kLt, 3};
    case kTrimUpper:
      return {BinaryOp::kTrimUpper, 3};
    case kTrimLower:
      return {BinaryOp::kTrimLower, 3};
    case kAdd:
      return {BinaryOp::kAdd, 4};
    case kSub:
      return {BinaryOp::kSub, 4};
    case kMul:
      return {BinaryOp::kMul, 5};
    case kDiv:
      return {BinaryOp::kDiv, 5};
    case kMod:
      return {BinaryOp::kMod, 5};
    case kAtan2:
      return {BinaryOp::kAtan2, 5};
    case kPow:
      return {BinaryOp::kPow, kPowPrecedence};
    default:
      return {BinaryOp::kAdd, 0};
  }
}

AggregateOp AggregateOpOf(TokenType type) {
  switch (type) {
    case kAvg:
      return AggregateOp::kAvg;
    case kBottomK:
      return AggregateOp::kBottomK;
    case kCount:
      return AggregateOp::kCount;
    case kCountValues:
      return AggregateOp::kCountValues;
    case kGroup:
      return AggregateOp::kGroup;
    case kMax:
      return AggregateOp::kMax;
    case kMin:
      return AggregateOp::kMin;
    case kQuantile:
      return AggregateOp::kQuantile;
    case kStddev:
      return AggregateOp::kStddev;
    case kStdvar:
      return AggregateOp::kStdvar;
    case kTopK:
      return AggregateOp::kTopK;
    case kLimitK:
      return AggregateOp::kLimitK;
    case kLimitRatio:
      return AggregateOp::kLimitRatio;
    default:
      return AggregateOp::kSum;
  }
}

}  // namespace

class Parser::ScopedDepth {
 public:
  explicit ScopedDepth(Parser& parser) : parser_(parser) { ++parser_.nesting_; }
  ~ScopedDepth() { --parser_.nesting_; }
  bool too_deep() const { return parser_.nesting_ > parser_.options_.max_depth; }

 private:
  Parser& parser_;
};

const Token& Parser::Peek() {
  if (!have_token_) {
    token_ = lexer_.Next();
    have_token_ = true;
    if (token_.type == kError) Fail(lexer_.error_pos(), std::string(token_.text));
  }
  return token_;
}

Token Parser::Take() {
  const Token token = Peek();
  if (token.type != kEof && token.type != kError) {
    have_token_ = false;
    last_end_ = token.end();
  }
  return token;
}

bool Parser::Expect(TokenType type) {
  if (Peek().type != type) {
    Unexpected();
    return false;
  }
  Take();
  return true;
}

bool Parser::ExpectEnd() {
  if (Peek().type == kEof) return true;
  Unexpected();
  return false;
}

bool Parser::Fail(int32_t pos, std::string message) {
  if (!error_) error_ = ParseErrorAt(text_, pos, message);
  return false;
}

std::nullptr_t Parser::Unexpected(std::string_view where, std::string_view expected) {
  const Token& token = Peek();
  if (token.type == kError) return nullptr;  // reported already
  std::string message = "unexpected " + DescribeToken(token);
  if (!where.empty()) message += fmt::format(" in {}", where);
  if (!expected.empty()) message += fmt::format(", expected {}", expected);
  Fail(token.pos, std::move(message));
  return nullptr;
}

bool Parser::TooDeep(int32_t pos) {
  Fail(pos, fmt::format("expression is nested too deeply, at most {} levels are allowed",
                        options_.max_depth));
  return true;
}

ExprPtr Parser::Deepen(ExprPtr node, std::initializer_list<const Expr*> children) {
  int depth = 0;
  for (const Expr* child : children) {
    if (child != nullptr) depth = std::max<int>(depth, child->depth);
  }
  if (depth >= options_.max_depth) {
    TooDeep(node->pos.start);
    return nullptr;
  }
  node->depth = static_cast<uint16_t>(depth + 1);
  return node;
}

base::Result<ExprPtr> Parser::Expression() {
  if (Peek().type == kEof) {
    Fail(0, "no expression found in input");
    return *error_;
  }
  ExprPtr expr = ParseBinary(kOrPrecedence);
  if (!expr || !ExpectEnd()) return *error_;
  RETURN_IF_ERROR(TypeCheck(text_, *expr));
  return expr;
}

base::Result<std::vector<model::Matcher>> Parser::MetricSelector() {
  ExprPtr expr;
  if (IsMetricIdentifier(Peek().type) || Peek().type == kLeftBrace) {
    expr = ParseSelector();
  } else {
    Unexpected();
  }
  if (!expr || !ExpectEnd()) return *error_;
  return std::move(As<VectorSelector>(*expr).matchers);
}

base::Result<model::Labels> Parser::Metric() {
  std::vector<std::pair<std::string, std::string>> labels;
  std::string name;
  if (IsMetricIdentifier(Peek().type)) name = std::string(Take().text);
  if (!ParseLabelSet(&labels) || !ExpectEnd()) return *error_;
  if (!name.empty()) labels.emplace_back(model::kMetricName, std::move(name));
  return model::Labels::FromPairs(std::move(labels));
}

ExprPtr Parser::ParseBinary(int min_precedence) {
  const ScopedDepth depth(*this);
  if (depth.too_deep()) {
    TooDeep(last_end_);
    return nullptr;
  }
  ExprPtr lhs = ParseUnary();
  while (lhs) {
    const auto [op, precedence] = BinaryOperatorOf(Peek().type);
    if (precedence == 0 || precedence < min_precedence) break;
    Take();
    auto binary = std::make_unique<BinaryExpr>(op);
    VectorMatching matching;
    if (!ParseBinaryModifiers(binary.get(), &matching)) return nullptr;
    const bool right_associative = op == BinaryOp::kPow;
    ExprPtr rhs = ParseBinary(right_associative ? precedence : precedence + 1);
    if (!rhs) return nullptr;
    binary->pos = {lhs->pos.start, rhs->pos.end};
    if ((matching.fill_left || matching.fill_right) && !options_.binop_fill_modifiers) {
      Fail(binary->pos.start, "binop fill modifiers are experimental and not enabled");
      return nullptr;
    }
    binary->matching = std::move(matching);
    const Expr* left = lhs.get();
    const Expr* right = rhs.get();
    binary->lhs = std::move(lhs);
    binary->rhs = std::move(rhs);
    lhs = Deepen(std::move(binary), {left, right});
  }
  return lhs;
}

bool Parser::ParseBinaryModifiers(BinaryExpr* binary, VectorMatching* matching) {
  if (Peek().type == kBool) {
    Take();
    binary->return_bool = true;
  }
  if (Peek().type == kOn || Peek().type == kIgnoring) {
    matching->on = Take().type == kOn;
    if (!ParseGroupingLabels(&matching->labels)) return false;
    if (Peek().type == kGroupLeft || Peek().type == kGroupRight) {
      matching->card =
          Take().type == kGroupLeft ? MatchCardinality::kManyToOne : MatchCardinality::kOneToMany;
      // The labels may be left out when an operand follows.
      const bool has_labels = Peek().type == kLeftParen || !StartsExpression(Peek().type);
      if (has_labels && !ParseGroupingLabels(&matching->include)) return false;
    }
  }
  const auto fill = [&](std::optional<double>* side) {
    Take();
    double value = 0;
    if (!ParseFill(&value)) return false;
    *side = value;
    return true;
  };
  switch (Peek().type) {
    case kFill:
      if (!fill(&matching->fill_left)) return false;
      matching->fill_right = matching->fill_left;
      return true;
    case kFillLeft:
      if (!fill(&matching->fill_left)) return false;
      return Peek().type != kFillRight || fill(&matching->fill_right);
    case kFillRight:
      if (!fill(&matching->fill_right)) return false;
      return Peek().type != kFillLeft || fill(&matching->fill_left);
    default:
      return true;
  }
}

bool Parser::ParseFill(double* value) {
  if (!Expect(kLeftParen)) return false;
  bool negative = false;
  if (Peek().type == kAdd || Peek().type == kSub) negative = Take().type == kSub;
  const ExprPtr number = ParseNumberOrDuration();
  if (!number || !Expect(kRightParen)) return false;
  *value = As<NumberLiteral>(*number).value * (negative ? -1 : 1);
  return true;
}

bool Parser::ParseGroupingLabels(std::vector<std::string>* labels) {
  constexpr std::string_view kWhere = "grouping opts";
  if (Peek().type != kLeftParen) {
    Unexpected(kWhere, "\"(\"");
    return false;
  }
  Take();
  while (Peek().type != kRightParen) {
    const Token token = Peek();
    std::string name;
    if (token.type == kString) {
      Take();
      auto unquoted = UnquoteToken(token);
      if (!unquoted) return false;
      name = std::move(*unquoted);
    } else if (IsGroupingLabel(token.type)) {
      Take();
      name = std::string(token.text);
    } else {
      Unexpected(kWhere, "label");
      return false;
    }
    if (name.empty() || !base::IsValidUtf8(name)) {
      return Fail(token.pos, "invalid label name for grouping: " + base::Quote(name));
    }
    labels->push_back(std::move(name));
    if (Peek().type == kRightParen) break;
    if (Peek().type != kComma) {
      Unexpected(kWhere, "\",\" or \")\"");
      return false;
    }
    Take();
  }
  Take();
  return true;
}

ExprPtr Parser::ParseUnary() {
  if (Peek().type != kAdd && Peek().type != kSub) return ParsePostfix();
  const Token op = Take();
  const bool negative = op.type == kSub;
  // Binds like '*': only '^' and what follows a selector is inside.
  ExprPtr operand = ParseBinary(kPowPrecedence);
  if (!operand) return nullptr;
  if (auto* number = DynAs<NumberLiteral>(operand.get())) {
    if (negative) number->value = -number->value;
    number->pos.start = op.pos;
    return operand;
  }
  auto unary = std::make_unique<UnaryExpr>();
  unary->negative = negative;
  unary->pos = {op.pos, operand->pos.end};
  const Expr* child = operand.get();
  unary->expr = std::move(operand);
  return Deepen(std::move(unary), {child});
}

ExprPtr Parser::ParsePostfix() {
  ExprPtr expr = ParsePrimary();
  while (expr) {
    switch (Peek().type) {
      case kLeftBracket:
        expr = ParseRange(std::move(expr));
        break;
      case kOffset:
        expr = ParseOffset(std::move(expr));
        break;
      case kAt:
        expr = ParseAt(std::move(expr));
        break;
      case kAnchored:
      case kSmoothed:
        expr = ParseExtendedRange(std::move(expr));
        break;
      default:
        return expr;
    }
  }
  return expr;
}

ExprPtr Parser::ParsePrimary() {
  const Token token = Peek();
  switch (token.type) {
    case kNumber:
    case kDuration:
      return ParseNumberOrDuration();
    case kString:
      return ParseString();
    case kLeftParen:
      return ParseParen();
    case kLeftBrace:
      return ParseSelector();
    default:
      break;
  }
  if (IsAggregatorToken(token.type)) {
    // Look one further: `sum` alone is a metric.
    Take();
    const TokenType next = Peek().type;
    if (next == kLeftParen || next == kBy || next == kWithout) return ParseAggregate(token);
    return ParseSelectorNamed(token);
  }
  if (token.type == kIdentifier || IsCallableKeyword(token.type)) {
    Take();
    return Peek().type == kLeftParen ? ParseCall(token) : ParseSelectorNamed(token);
  }
  if (IsMetricIdentifier(token.type)) {
    Take();
    return ParseSelectorNamed(token);
  }
  return Unexpected();
}

ExprPtr Parser::ParseNumberOrDuration() {
  const Token token = Peek();
  if (token.type != kNumber && token.type != kDuration) return Unexpected();
  Take();
  auto number = std::make_unique<NumberLiteral>();
  number->pos = {token.pos, token.end()};
  if (token.type == kDuration) {
    const auto ms = ParseDurationLiteral(token.text);
    if (!ms) {
      Fail(token.pos, ms.error().message());
      return nullptr;
    }
    number->value = DurationSeconds(*ms);
    number->is_duration = true;
    return number;
  }
  const auto value = ParseNumber(token.text);
  if (!value) {
    Fail(token.pos, "error parsing number: " + value.error().message());
    return nullptr;
  }
  number->value = *value;
  return number;
}

std::optional<std::string> Parser::UnquoteToken(const Token& token) {
  auto unquoted = Unquote(token.text);
  if (!unquoted) {
    Fail(token.pos, fmt::format("error unquoting string {}: {}", base::Quote(token.text),
                                unquoted.error().message()));
    return std::nullopt;
  }
  return std::move(*unquoted);
}

ExprPtr Parser::ParseString() {
  const Token token = Take();
  auto unquoted = UnquoteToken(token);
  if (!unquoted) return nullptr;
  auto string = std::make_unique<StringLiteral>();
  string->value = std::move(*unquoted);
  string->pos = {token.pos, token.end()};
  return string;
}

ExprPtr Parser::ParseParen() {
  const Token open = Take();
  auto paren = std::make_unique<ParenExpr>();
  paren->expr = ParseBinary(kOrPrecedence);
  if (!paren->expr || !Expect(kRightParen)) return nullptr;
  paren->pos = {open.pos, last_end_};
  const Expr* child = paren->expr.get();
  return Deepen(std::move(paren), {child});
}

bool Parser::ParseArguments(std::vector<ExprPtr>* args, int32_t* end) {
  if (!Expect(kLeftParen)) return false;
  while (Peek().type != kRightParen) {
    if (!args->empty()) {
      if (Peek().type != kComma) {
        Unexpected();
        return false;
      }
      const Token comma = Take();
      if (!StartsExpression(Peek().type)) {
        return Fail(comma.pos, "trailing commas not allowed in function call args");
      }
    }
    ExprPtr arg = ParseBinary(kOrPrecedence);
    if (!arg) return false;
    args->push_back(std::move(arg));
  }
  Take();
  *end = last_end_;
  return true;
}

ExprPtr Parser::ParseCall(const Token& name) {
  auto call = std::make_unique<Call>();
  call->pos.start = name.pos;
  if (!ParseArguments(&call->args, &call->pos.end)) return nullptr;
  call->function = FindFunction(name.text);
  if (call->function == nullptr) {
    Fail(name.pos, "unknown function with name " + base::Quote(name.text));
    return nullptr;
  }
  if (call->function->experimental && !options_.experimental_functions) {
    Fail(name.pos, fmt::format("function {} is not enabled", base::Quote(name.text)));
    return nullptr;
  }
  int depth = 0;
  for (const ExprPtr& arg : call->args) depth = std::max<int>(depth, arg->depth);
  if (depth >= options_.max_depth) {
    TooDeep(name.pos);
    return nullptr;
  }
  call->depth = static_cast<uint16_t>(depth + 1);
  return call;
}

ExprPtr Parser::ParseAggregate(const Token& op) {
  std::vector<ExprPtr> args;
  auto aggregate = std::make_unique<AggregateExpr>(AggregateOpOf(op.type));
  aggregate->pos.start = op.pos;
  bool has_modifier = false;
  const auto modifier = [&] {
    has_modifier = true;
    aggregate->without = Take().type == kWithout;
    const bool ok = ParseGroupingLabels(&aggregate->grouping);
    aggregate->pos.end = last_end_;
    return ok;
  };
  {
    const ScopedContext context(*this, {"aggregation", ""});
    if (Peek().type != kLeftParen && !modifier()) return nullptr;
    if (!ParseArguments(&args, &aggregate->pos.end)) return nullptr;
  }
  if (!has_modifier && (Peek().type == kBy || Peek().type == kWithout) && !modifier()) {
    return nullptr;
  }
  const auto fail = [&](std::string message) -> ExprPtr {
    Fail(op.pos, std::move(message));
    return nullptr;
  };
  if (args.empty()) return fail("no arguments for aggregate expression provided");
  const bool experimental =
      aggregate->op == AggregateOp::kLimitK || aggregate->op == AggregateOp::kLimitRatio;
  if (experimental && !options_.experimental_functions) {
    return fail(
        fmt::format("{}() is experimental and must be enabled with "
                    "--enable-feature=promql-experimental-functions",
                    AggregateOpName(aggregate->op)));
  }
  const size_t wanted = TakesParameter(aggregate->op) ? 2 : 1;
  if (args.size() != wanted) {
    return fail(fmt::format(
        "wrong number of arguments for aggregate expression provided, expected {}, got {}", wanted,
        args.size()));
  }
  if (wanted == 2) aggregate->param = std::move(args[0]);
  aggregate->expr = std::move(args[wanted - 1]);
  const Expr* operand = aggregate->expr.get();
  const Expr* param = aggregate->param.get();
  return Deepen(std::move(aggregate), {operand, param});
}

base::Error ParseErrorAt(std::string_view text, int32_t pos, std::string_view message) {
  return base::InvalidArgument(fmt::format("{}: parse error: {}", LineColumn(text, pos), message));
}

std::string LineColumn(std::string_view text, int32_t offset) {
  if (text.empty()) return "unknown position";
  if (offset < 0 || static_cast<size_t>(offset) > text.size()) return "invalid position";
  const std::string_view before = text.substr(0, static_cast<size_t>(offset));
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return fmt::format("{}:{}", line, before.size() - line_start + 1);
}

base::Result<ExprPtr> ParseExpr(std::string_view text, const ParserOptions& options) {
  if (text.size() > std::numeric_limits<int32_t>::max()) {
    return base::InvalidArgument("the query is longer than 2 GiB");
  }
  return Parser(text, options).Expression();
}

base::Result<std::vector<model::Matcher>> ParseMetricSelector(std::string_view text) {
  if (text.size() > std::numeric_limits<int32_t>::max()) {
    return base::InvalidArgument("the selector is longer than 2 GiB");
  }
  return Parser(text, {}).MetricSelector();
}

base::Result<model::Labels> ParseMetric(std::string_view text) {
  if (text.size() > std::numeric_limits<int32_t>::max()) {
    return base::InvalidArgument("the metric is longer than 2 GiB");
  }
  return Parser(text, {}).Metric();
}

}  // namespace tributary::promql
