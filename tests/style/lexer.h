// A small C++ lexer: enough to look at a program's words without being fooled by comments and strings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace grapevine::style {

enum class TokenKind { kWord, kSymbol, kLiteral, kInclude };

struct Token {
  TokenKind kind = TokenKind::kSymbol;
  std::string_view text;  // kInclude: the path with its quotes or angle brackets; kLiteral: the literal with its quotes
  int line = 0;           // from 1
  bool in_directive = false;  // part of a preprocessor line
};

// Comments are dropped. "::" and "->" are one symbol, all others one character. The views point into `source`.
std::vector<Token> Lex(std::string_view source);

}  // namespace grapevine::style
