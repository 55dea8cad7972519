#include "serving/http/multipart.h"

#include <algorithm>

namespace perennial::http {
namespace {

constexpr size_t kMaxParts = 256;
constexpr size_t kMaxPartHead = 8192;

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  if (text.size() < prefix.size()) return false;
  return std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
    const char lower = b >= 'A' && b <= 'Z' ? static_cast<char>(b - 'A' + 'a') : b;
    return a == lower;
  });
}

std::string_view SkipSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

// The value of `; name=value` or `; name="va\"lue"` in a header's parameters.
std::string Parameter(std::string_view header, std::string_view name) {
  size_t at = header.find(';');
  while (at != std::string_view::npos && at < header.size()) {
    std::string_view rest = SkipSpace(header.substr(at + 1));
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    const bool wanted = equals == name.size() && StartsWithIgnoreCase(rest, name);
    rest.remove_prefix(equals + 1);
    std::string value;
    size_t used = 0;
    if (!rest.empty() && rest.front() == '"') {
      for (used = 1; used < rest.size() && rest[used] != '"'; ++used) {
        if (rest[used] == '\\' && used + 1 < rest.size() && (rest[used + 1] == '"' || rest[used + 1] == '\\')) ++used;
        value.push_back(rest[used]);
      }
    } else {
      used = std::min(rest.find(';'), rest.size());
      value = rest.substr(0, used);
      while (!value.empty() && value.back() == ' ') value.pop_back();
    }
    if (wanted) return value;
    rest.remove_prefix(std::min(used, rest.size()));
    const size_t next = rest.find(';');
    at = next == std::string_view::npos ? next : static_cast<size_t>(rest.data() - header.data()) + next;
  }
  return {};
}

Status ReadPartHead(std::string_view head, Request::Part& part) {
  bool disposition = false;
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    if (StartsWithIgnoreCase(line, "content-disposition:")) {
      const std::string_view value = SkipSpace(line.substr(20));
      if (!StartsWithIgnoreCase(value, "form-data")) return InvalidArgument("multipart: a part is not form-data");
      part.name = Parameter(value, "name");
      part.filename = Parameter(value, "filename");
      disposition = true;
    } else if (StartsWithIgnoreCase(line, "content-type:")) {
      part.content_type = SkipSpace(line.substr(13));
    }
  }
  if (!disposition || part.name.empty()) return InvalidArgument("multipart: a part has no name");
  return Status::Ok();
}

}  // namespace

std::string MultipartBoundary(std::string_view content_type) {
  if (!StartsWithIgnoreCase(content_type, "multipart/form-data")) return {};
  const std::string boundary = Parameter(content_type, "boundary");
  return boundary.size() <= 70 ? boundary : std::string();
}

Result<std::vector<Request::Part>> ParseMultipart(std::string_view body, std::string_view boundary) {
  const std::string delimiter = "--" + std::string(boundary);
  const std::string separator = "\r\n" + delimiter;
  size_t at = body.substr(0, delimiter.size()) == delimiter ? 0 : body.find(separator);
  if (at == std::string_view::npos) return InvalidArgument("multipart: the boundary does not occur in the body");
  at += at == 0 ? delimiter.size() : separator.size();
  std::vector<Request::Part> parts;
  while (body.substr(at, 2) != "--") {
    if (body.substr(at, 2) != "\r\n") return InvalidArgument("multipart: malformed boundary line");
    if (parts.size() >= kMaxParts)
      return InvalidArgument("multipart: more than " + std::to_string(kMaxParts) + " parts");
    at += 2;
    const size_t head_end = body.substr(at, kMaxPartHead).find("\r\n\r\n");
    if (head_end == std::string_view::npos) return InvalidArgument("multipart: a part's header is too long or cut off");
    Request::Part part;
    PERENNIAL_RETURN_IF_ERROR(ReadPartHead(body.substr(at, head_end), part));
    // The content may be empty: its separator then begins with the head's last CRLF's successor.
    const size_t content = at + head_end + 4;
    const size_t end = body.find(separator, content - 2);
    if (end == std::string_view::npos)
      return InvalidArgument("multipart: the body ends inside part '" + part.name + "'");
    part.content = end > content ? body.substr(content, end - content) : std::string_view();
    parts.push_back(std::move(part));
    at = end + separator.size();
  }
  return parts;
}

}  // namespace perennial::http
