#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "style/lexer.h"
#include "style/rules.h"

namespace grapevine::style {
namespace {

enum class Scope {
  kOuter,     // namespace, class or enum: functions may stand in it
  kFunction,  // the body of a function
  kInner,     // anything inside a function, and initialisers
};

struct OpenBrace {
  Scope scope;
  int first_line;  // of what stands in front of the brace
};

// What a brace opens, by the tokens since the last ';', '{' or '}'.
Scope Classify(std::span<const Token> head, Scope enclosing) {
  if (enclosing != Scope::kOuter) return Scope::kInner;
  const auto has = [&](std::string_view text) {
    return std::ranges::any_of(head, [&](const Token& token) { return token.text == text; });
  };
  if (head.empty() || head.back().text == "=" || head.back().text == ",") return Scope::kInner;
  if (head.front().text == "namespace" || head.front().text == "extern") return Scope::kOuter;
  if (has("(")) return Scope::kFunction;
  return has("class") || has("struct") || has("union") || has("enum") || has("namespace") ? Scope::kOuter
                                                                                          : Scope::kInner;
}

}  // namespace

Findings CheckLengths(std::string_view path, std::string_view source) {
  Findings findings;
  const auto lines = std::ranges::count(source, '\n');
  if (lines > kMaxFileLines) {
    findings.push_back(fmt::format("{}: {} lines, more than {}: split it by concept", path, lines, kMaxFileLines));
  }
  std::vector<Token> tokens = Lex(source);
  std::erase_if(tokens, [](const Token& token) { return token.in_directive; });
  std::vector<OpenBrace> open;
  std::size_t head = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind != TokenKind::kSymbol) continue;
    if (token.text == "{") {
      const std::span<const Token> before = std::span(tokens).subspan(head, i - head);
      const Scope enclosing = open.empty() ? Scope::kOuter : open.back().scope;
      open.push_back({Classify(before, enclosing), before.empty() ? token.line : before.front().line});
    } else if (token.text == "}" && !open.empty()) {
      const int length = token.line - open.back().first_line + 1;
      if (open.back().scope == Scope::kFunction && length > kMaxFunctionLines) {
        findings.push_back(fmt::format("{}:{}: function of {} lines, more than {}", path, open.back().first_line,
                                       length, kMaxFunctionLines));
      }
      open.pop_back();
    }
    if (token.text == ";" || token.text == "{" || token.text == "}") head = i + 1;
  }
  return findings;
}

}  // namespace grapevine::style
