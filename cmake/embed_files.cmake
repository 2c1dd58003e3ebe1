# Writes a C++ file with the content of text files, by their names:
#   cmake -DOUTPUT=embedded.cpp -DFILES="a.html;docs/b.yaml=shown.yaml" -P embed_files.cmake
# "path=name" gives another name than the file's own.
set(code "// Made by cmake/embed_files.cmake.\n#include \"orthanc-plugin/pages.h\"\n\nnamespace chexworld::plugin {\n\n")
string(APPEND code "std::string_view embedded_file(std::string_view name) {\n")
foreach(file IN LISTS FILES)
  string(REPLACE "=" ";" parts "${file}")
  list(GET parts 0 path)
  list(GET parts -1 name)
  get_filename_component(name "${name}" NAME)
  file(READ "${path}" content)
  string(FIND "${content}" ")embedded\"" delimiter)
  if(NOT delimiter EQUAL -1)
    message(FATAL_ERROR "${path} contains what ends a raw string here")
  endif()
  string(APPEND code "  if (name == \"${name}\") return R\"embedded(${content})embedded\";\n")
endforeach()
string(APPEND code "  return {};\n}\n\n}  // namespace chexworld::plugin\n")
file(WRITE "${OUTPUT}" "${code}")
