# What to build. LibTorch decides about CUDA: a LibTorch with CUDA gives a trainer and an engine with CUDA.

option(CHEXWORLD_TORCH "Model, training and LibTorch inference (LibTorch 2.6 to 2.11)" ON)
option(CHEXWORLD_ONEDNN "Inference engine on the processor (oneDNN, OpenMP), where they are found" ON)
option(CHEXWORLD_DICOM "DICOM decoding (DCMTK, OpenJPEG, CharLS, libjpeg-turbo, OpenCV)" ON)
option(CHEXWORLD_SERVICE "Store, index, pipeline and HTTP service (Boost, SQLite, libpq, OpenSSL)" ON)
option(CHEXWORLD_PLUGIN "Orthanc plugin (Orthanc SDK)" ON)
option(CHEXWORLD_TRAINER "Archive building and training" ON)
option(CHEXWORLD_TESTS "Tests (GoogleTest)" OFF)
option(CHEXWORLD_BENCH "Benchmarks" OFF)
option(CHEXWORLD_PACKAGES "Debian packages (cpack -G DEB); configure with -DCMAKE_INSTALL_PREFIX=/usr" OFF)
option(CHEXWORLD_FUZZ "Fuzzers (clang's libFuzzer)" OFF)
option(CHEXWORLD_WERROR "Warnings in our code are errors" OFF)
set(CHEXWORLD_HEADERS_DIR "" CACHE PATH
  "Where to look for header-only libraries (CLI11, spdlog, nlohmann json, toml++) that are not installed")

if(NOT CHEXWORLD_TORCH)
  set(CHEXWORLD_TRAINER OFF)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden) # public symbols are marked CHEXWORLD_API
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

include(GNUInstallDirs)

# Rooms where nothing takes a processor long; the preset `dev` compiles them with -O1, which takes less of its time.
set(CHEXWORLD_COLD_OPTIONS "" CACHE STRING "Compiler options of rooms where nothing takes a processor long")
mark_as_advanced(CHEXWORLD_COLD_OPTIONS)
add_library(chexworld_cold INTERFACE)
target_compile_options(chexworld_cold INTERFACE ${CHEXWORLD_COLD_OPTIONS})

find_program(CHEXWORLD_CCACHE ccache)
if(CHEXWORLD_CCACHE)
  # base_dir and no hash_dir: a second clone finds the first one's objects.
  # pch_defines, time_macros: what ccache asks for where precompiled headers are used.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1;CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime;${CHEXWORLD_CCACHE}")
endif()

add_library(chexworld_warnings INTERFACE)
# A designated initialiser names what differs from the defaults; the rest is meant to be left out.
target_compile_options(chexworld_warnings INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
  $<$<BOOL:${CHEXWORLD_WERROR}>:-Werror>)
