# Each of PROGRAMS prints its use for --help and exits with 0; an option that it does not know is named, and it exits
# with 2. EMULATOR runs them where this machine cannot.
foreach(program IN LISTS PROGRAMS)
  cmake_path(GET program FILENAME name)
  execute_process(COMMAND ${EMULATOR} "${program}" --help RESULT_VARIABLE status OUTPUT_VARIABLE output)
  if(NOT status EQUAL 0 OR NOT output MATCHES "^Usage: ${name}[^\n]*\n[A-Z]")
    message(SEND_ERROR "${name} --help exits with ${status} and says: ${output}")
  endif()
  execute_process(COMMAND ${EMULATOR} "${program}" --nonsense 1
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE error)
  string(REPLACE "\r" "" error "${error}") # of Windows' line ends
  if(NOT status EQUAL 2 OR NOT output STREQUAL "" OR
     NOT error STREQUAL "${name}: bad option '--nonsense 1'; --help lists the options\n")
    message(SEND_ERROR "${name} --nonsense exits with ${status} and says: ${output}${error}")
  endif()
endforeach()
