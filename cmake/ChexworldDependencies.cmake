# Finds what the chosen options need. A missing piece stops the configuration with its Debian package
# and the option that does without it.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

function(chexworld_missing what package option)
  set(without "")
  if(option)
    set(without ", or configure with -D${option}=OFF")
  endif()
  message(FATAL_ERROR "chexworld needs ${what}: install ${package}${without}.")
endfunction()

# find_package, or the sentence above.
macro(chexworld_find name what package option)
  find_package(${name} ${ARGN} QUIET)
  if(NOT ${name}_FOUND)
    chexworld_missing("${what}" "${package}" "${option}")
  endif()
endmacro()

# A library without a CMake package of its own, as imported target chexworld_dep_NAME.
function(chexworld_find_plain name header library package option)
  find_path(CHEXWORLD_${name}_INCLUDE ${header} PATH_SUFFIXES ${name}-2.5 ${name}4 ${name})
  find_library(CHEXWORLD_${name}_LIBRARY ${library})
  if(NOT CHEXWORLD_${name}_INCLUDE OR NOT CHEXWORLD_${name}_LIBRARY)
    chexworld_missing("${name}" "${package}" "${option}")
  endif()
  add_library(chexworld_dep_${name} UNKNOWN IMPORTED)
  set_target_properties(chexworld_dep_${name} PROPERTIES
    IMPORTED_LOCATION "${CHEXWORLD_${name}_LIBRARY}"
    INTERFACE_INCLUDE_DIRECTORIES "${CHEXWORLD_${name}_INCLUDE}")
endfunction()

# Header-only libraries: the installed package, else a copy below CHEXWORLD_HEADERS_DIR.
function(chexworld_find_headers name header package)
  find_path(CHEXWORLD_${name}_INCLUDE ${header} HINTS ${CHEXWORLD_HEADERS_DIR}
    PATH_SUFFIXES include single_include nlohmann-json/include spdlog/include CLI11/include tomlplusplus/include)
  if(NOT CHEXWORLD_${name}_INCLUDE)
    message(FATAL_ERROR "chexworld needs the headers of ${name} (${header}): install ${package}, "
      "or put them below a folder named by -DCHEXWORLD_HEADERS_DIR.")
  endif()
  add_library(chexworld_dep_${name} INTERFACE)
  target_include_directories(chexworld_dep_${name} SYSTEM INTERFACE "${CHEXWORLD_${name}_INCLUDE}")
endfunction()

chexworld_find_headers(json nlohmann/json.hpp nlohmann-json3-dev)
chexworld_find_headers(toml toml++/toml.hpp libtomlplusplus-dev)
chexworld_find_headers(cli11 CLI/CLI.hpp libcli11-dev)
chexworld_find_headers(spdlog spdlog/spdlog.h libspdlog-dev)
# Debian's is made for the separate fmt library. Both are taken as headers: the plugin must load wherever an Orthanc runs,
# whatever versions of these libraries are there.
find_package(spdlog QUIET)
if(TARGET spdlog::spdlog)
  target_compile_definitions(chexworld_dep_spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
endif()

find_package(OpenSSL QUIET COMPONENTS Crypto) # SHA-256 with the processor's instructions; else our portable one

if(CHEXWORLD_TORCH)
  find_package(Torch QUIET)
  if(NOT Torch_FOUND)
    chexworld_missing("LibTorch 2.6 or newer" "libtorch-dev (or set CMAKE_PREFIX_PATH to your LibTorch)" CHEXWORLD_TORCH)
  endif()
  add_library(chexworld_dep_torch INTERFACE)
  target_include_directories(chexworld_dep_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  target_link_libraries(chexworld_dep_torch INTERFACE ${TORCH_LIBRARIES})
  separate_arguments(chexworld_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}") # the C++ ABI of LibTorch
  target_compile_options(chexworld_dep_torch INTERFACE ${chexworld_torch_flags})
endif()

if(CHEXWORLD_ONEDNN) # used where it is there; without it there is no inference engine
  find_package(dnnl CONFIG QUIET)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(NOT TARGET DNNL::dnnl OR NOT TARGET OpenMP::OpenMP_CXX)
    message(STATUS "chexworld: no inference engine, because oneDNN (libdnnl-dev) or OpenMP was not found")
    set(CHEXWORLD_ONEDNN OFF)
  endif()
endif()

if(CHEXWORLD_DICOM)
  # OpenCV's CMake package comes only with all of its modules; three of them are enough.
  chexworld_find_plain(opencv opencv2/core.hpp opencv_core libopencv-core-dev CHEXWORLD_DICOM)
  chexworld_find_plain(opencv_imgproc opencv4/opencv2/imgproc.hpp opencv_imgproc libopencv-imgproc-dev CHEXWORLD_DICOM)
  chexworld_find_plain(opencv_imgcodecs opencv4/opencv2/imgcodecs.hpp opencv_imgcodecs libopencv-imgcodecs-dev CHEXWORLD_DICOM)
  set_property(TARGET chexworld_dep_opencv APPEND PROPERTY INTERFACE_LINK_LIBRARIES
    chexworld_dep_opencv_imgproc chexworld_dep_opencv_imgcodecs)
  chexworld_find(DCMTK "DCMTK" libdcmtk-dev CHEXWORLD_DICOM)
  chexworld_find_plain(openjpeg openjpeg.h openjp2 libopenjp2-7-dev CHEXWORLD_DICOM)
  chexworld_find_plain(charls charls/charls.h charls libcharls-dev CHEXWORLD_DICOM)
  chexworld_find_plain(turbojpeg turbojpeg.h turbojpeg libturbojpeg0-dev CHEXWORLD_DICOM)
  find_path(CHEXWORLD_seccomp_INCLUDE seccomp.h)
  if(CHEXWORLD_seccomp_INCLUDE)
    chexworld_find_plain(seccomp seccomp.h seccomp libseccomp-dev CHEXWORLD_DICOM)
  else()
    message(STATUS "chexworld: decoder processes without a system call filter, because libseccomp-dev was not found")
  endif()
endif()

if(CHEXWORLD_SERVICE OR CHEXWORLD_PLUGIN)
  chexworld_find_headers(boost boost/beast.hpp libboost-dev)
endif()
if(CHEXWORLD_SERVICE)
  chexworld_find_plain(sqlite sqlite3.h sqlite3 libsqlite3-dev CHEXWORLD_SERVICE)
  chexworld_find_plain(postgresql libpq-fe.h pq libpq-dev CHEXWORLD_SERVICE)
endif()

if(CHEXWORLD_PLUGIN)
  find_path(CHEXWORLD_ORTHANC_SDK orthanc/OrthancCPlugin.h)
  if(NOT CHEXWORLD_ORTHANC_SDK)
    chexworld_missing("the Orthanc SDK" orthanc-dev CHEXWORLD_PLUGIN)
  endif()
endif()

if(CHEXWORLD_TESTS)
  chexworld_find(GTest "GoogleTest" "libgtest-dev and libgmock-dev" CHEXWORLD_TESTS)
endif()
