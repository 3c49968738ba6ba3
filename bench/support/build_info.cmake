# cmake -D git= -D source= -D compiler= -D flags= -D out= -P build_info.cmake: how the programs are built, as C++. It runs
# at each build, so that the commit, and whether files differ from it, are those of what is built.
set(commit unknown)
if(git AND EXISTS "${source}/.git")
  execute_process(COMMAND "${git}" describe --always --dirty --exclude=*
    WORKING_DIRECTORY "${source}" OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
configure_file("${CMAKE_CURRENT_LIST_DIR}/build_info.cpp.in" "${out}" @ONLY) # written only if it differs
