# Has spin search all states of MODEL with DEFINITIONS. EXPECT: nothing, then there must be no error; else what must be
# reported.
cmake_minimum_required(VERSION 3.25)
file(MAKE_DIRECTORY "${SCRATCH}")
set(optimize -O1)
if(EXPECT)
  set(optimize -O0) # an error is found soon: compiling takes longer than searching
endif()
execute_process(
  COMMAND "${SPIN}" ${DEFINITIONS} -a "${MODEL}"
  WORKING_DIRECTORY "${SCRATCH}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND "${COMPILER}" ${optimize} -w -DSAFETY -DCOLLAPSE -DMEMLIM=2000 pan.c -o pan
  WORKING_DIRECTORY "${SCRATCH}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND "${SCRATCH}/pan" -m100000 -n -w20
  WORKING_DIRECTORY "${SCRATCH}" OUTPUT_VARIABLE report ERROR_VARIABLE report)
if(NOT report MATCHES "errors: ([0-9]+)")
  message(FATAL_ERROR "${report}")
endif()
set(errors "${CMAKE_MATCH_1}")
string(REGEX MATCH "[0-9.e+]+ states, stored" states "${report}")
set(reason "")
if(report MATCHES "pan:[0-9]+: ([^\n]*)")
  set(reason "${CMAKE_MATCH_1}")
endif()
message("${states}; errors: ${errors} ${reason}")
if(EXPECT AND (errors EQUAL 0 OR NOT reason MATCHES "^${EXPECT}"))
  message(FATAL_ERROR "expected: ${EXPECT}\n${report}")
elseif(NOT EXPECT AND NOT errors EQUAL 0)
  cmake_path(GET MODEL FILENAME name)
  execute_process(COMMAND "${SCRATCH}/pan" -r ${name}.trail -n WORKING_DIRECTORY "${SCRATCH}") # the way there
  message(FATAL_ERROR "${report}")
elseif(NOT EXPECT AND report MATCHES "max search depth too small|-DMEMLIM|out of memory|Search not completed")
  message(FATAL_ERROR "the search is not complete: it proves nothing\n${report}")
endif()
