# chexworld_room(NAME [COLD] SOURCES file... [ROOMS room...] [LIBRARIES target...] [PRIVATE_LIBRARIES target...])
#
# One static library `chexworld_NAME` per folder of libchexworld/src, the trainer and the like.
# ROOMS are the rooms its headers or sources use (cmake/check_layers.py holds the allowed directions),
# LIBRARIES third-party targets that its internal headers show, PRIVATE_LIBRARIES those they do not.
# COLD: nothing in it takes a processor long, so that how fast it compiles matters more (chexworld_cold).
function(chexworld_room name)
  cmake_parse_arguments(arg "COLD" "" "SOURCES;ROOMS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  add_library(chexworld_${name} STATIC ${arg_SOURCES})
  target_include_directories(chexworld_${name} PUBLIC
    "${PROJECT_SOURCE_DIR}/libchexworld/include" "${PROJECT_SOURCE_DIR}/libchexworld/src" "${PROJECT_SOURCE_DIR}")
  list(TRANSFORM arg_ROOMS PREPEND chexworld_)
  target_link_libraries(chexworld_${name}
    PUBLIC ${arg_ROOMS} ${arg_LIBRARIES}
    PRIVATE chexworld_warnings ${arg_PRIVATE_LIBRARIES})
  target_compile_definitions(chexworld_${name} PUBLIC CHEXWORLD_BUILDING=1)
  if(arg_COLD)
    target_link_libraries(chexworld_${name} PRIVATE chexworld_cold)
  endif()
endfunction()
