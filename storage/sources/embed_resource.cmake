# cmake -DINPUT=.. -DOUTPUT=.. -DNAME=kThing -P embed_resource.cmake: the file's bytes as `std::string_view kThing()` in a source
# file, so that sources stay ASCII and the program needs no files beside it.
file(READ "${INPUT}" hex HEX)
string(REGEX REPLACE "(................................................................)" "\\1\n" hex "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE "${OUTPUT}" "#include <string_view>
namespace perennial::sources {
namespace {
constexpr unsigned char kBytes[] = {
${bytes}};
}  // namespace
std::string_view ${NAME}();
std::string_view ${NAME}() { return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)}; }
}  // namespace perennial::sources
")
