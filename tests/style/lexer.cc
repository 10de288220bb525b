#include "style/lexer.h"

#include <cctype>
#include <cstddef>

namespace grapevine::style {
namespace {

bool IsWordCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> Run() {
    while (at_ < source_.size()) Step();
    return std::move(tokens_);
  }

 private:
  std::string_view Rest() const { return source_.substr(at_); }
  bool Starts(std::string_view text) const { return Rest().starts_with(text); }

  void Step() {
    const char c = source_[at_];
    if (c == '\n') {
      EndLine();
    } else if (c == '\\' && at_ + 1 < source_.size() && source_[at_ + 1] == '\n') {
      at_ += 2;  // the line goes on, and so does a directive
      ++line_;
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      ++at_;
    } else if (Starts("//")) {
      at_ = std::min(source_.find('\n', at_), source_.size());
    } else if (Starts("/*")) {
      const std::size_t end = source_.find("*/", at_ + 2);
      Skip(end == std::string_view::npos ? source_.size() : end + 2);
    } else if (IsWordCharacter(c)) {
      Word();
    } else if (c == '"' || c == '\'') {
      Take(TokenKind::kLiteral, EndOfQuoted(at_));
    } else if (c == '#' && line_is_empty_) {
      directive_ = true;
      Take(TokenKind::kSymbol, at_ + 1);
    } else if (c == '<' && AfterInclude()) {
      Take(TokenKind::kInclude, std::min(source_.find('>', at_), source_.size() - 1) + 1);
    } else {
      Take(TokenKind::kSymbol, at_ + (Starts("::") || Starts("->") ? 2 : 1));
    }
  }

  void EndLine() {
    ++at_;
    ++line_;
    line_is_empty_ = true;
    directive_ = false;
  }

  bool AfterInclude() const {
    return directive_ && !tokens_.empty() && tokens_.back().in_directive && tokens_.back().text == "include";
  }

  // A word, a number (with digit separators) or, if the word is a string prefix, a string.
  void Word() {
    const bool number = std::isdigit(static_cast<unsigned char>(source_[at_])) != 0;
    std::size_t end = at_;
    while (end < source_.size() &&
           (IsWordCharacter(source_[end]) || (number && (source_[end] == '\'' || source_[end] == '.')))) {
      ++end;
    }
    if (end < source_.size() && source_[end] == '"') {
      const std::string_view prefix = source_.substr(at_, end - at_);
      if (prefix.ends_with('R') && prefix.size() <= 3) return Take(TokenKind::kLiteral, EndOfRaw(end));
      if (prefix == "u8" || prefix == "u" || prefix == "U" || prefix == "L") {
        return Take(TokenKind::kLiteral, EndOfQuoted(end));
      }
    }
    Take(number ? TokenKind::kLiteral : TokenKind::kWord, end);
  }

  std::size_t EndOfQuoted(std::size_t quote) const {
    for (std::size_t i = quote + 1; i < source_.size() && source_[i] != '\n'; ++i) {
      if (source_[i] == '\\') {
        ++i;
      } else if (source_[i] == source_[quote]) {
        return i + 1;
      }
    }
    return std::min(source_.find('\n', quote), source_.size());
  }

  // R"delimiter( ... )delimiter"
  std::size_t EndOfRaw(std::size_t quote) const {
    const std::size_t open = source_.find('(', quote);
    if (open == std::string_view::npos) return source_.size();
    const std::string close = ")" + std::string(source_.substr(quote + 1, open - quote - 1)) + "\"";
    const std::size_t end = source_.find(close, open);
    return end == std::string_view::npos ? source_.size() : end + close.size();
  }

  void Take(TokenKind kind, std::size_t end) {
    if (kind == TokenKind::kLiteral && AfterInclude()) kind = TokenKind::kInclude;
    tokens_.push_back({kind, source_.substr(at_, end - at_), line_, directive_});
    line_is_empty_ = false;
    Skip(end);
  }

  void Skip(std::size_t end) {
    for (; at_ < end; ++at_) line_ += source_[at_] == '\n' ? 1 : 0;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_is_empty_ = true;
  bool directive_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Lex(std::string_view source) { return Lexer(source).Run(); }

}  // namespace grapevine::style
