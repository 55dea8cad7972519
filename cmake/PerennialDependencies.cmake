# Third-party libraries, each from Debian 12 (scripts/install-deps.sh). Nothing is downloaded at build time.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(RocksDB REQUIRED)
find_package(GTest REQUIRED)

pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(ZMQ REQUIRED IMPORTED_TARGET libzmq)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive)
# cpp-httplib is a compiled library in Debian: its flags decide class layouts, so they must come from pkg-config.
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
find_path(CLI11_INCLUDE_DIR CLI/CLI.hpp REQUIRED)
find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)
find_library(SIMDJSON_LIBRARY simdjson REQUIRED)

if(PERENNIAL_WITH_TORCH)
  find_package(Torch REQUIRED)
  add_library(perennial_torch INTERFACE)
  # PyTorch's wheels export copies of libstdc++ functions, all of std::filesystem among them (pytorch issue 133437). The
  # machine's libstdc++ must come first, or our calls and RocksDB's would be bound to those.
  target_link_libraries(perennial_torch INTERFACE stdc++ ${TORCH_LIBRARIES})
  # PyTorch 2.11 ships its own fmt headers: spdlog must come first on the include path.
  target_include_directories(perennial_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(perennial_torch INTERFACE ${torch_flags})
endif()
