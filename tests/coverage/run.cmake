# Has CHECK judge the counters that the test PROGRAMS left in PROFILES, as far as they are of the headers in INCLUDE.
cmake_minimum_required(VERSION 3.25)
set(profile "${SCRATCH}/merged.profdata")
file(MAKE_DIRECTORY "${SCRATCH}/reports")
execute_process(COMMAND "${PROFDATA}" merge -o "${profile}" "${PROFILES}" COMMAND_ERROR_IS_FATAL ANY)

# One program at a time: of a function that several have, llvm-cov tells what it finds in the first, which may not call
# it. That such a copy has no counters is what it warns of as mismatched data.
foreach(program IN LISTS PROGRAMS)
  cmake_path(GET program FILENAME name)
  set(report "${SCRATCH}/reports/${name}.txt")
  execute_process(
    COMMAND "${COV}" show --instr-profile "${profile}" --show-branches=count --show-mcdc --show-instantiations=false
            "${program}" --sources "${INCLUDE}"
    OUTPUT_FILE "${report}" ERROR_QUIET COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND reports "${report}")
endforeach()
execute_process(COMMAND "${CHECK}" "${EXCEPTIONS}" "${INCLUDE}" ${reports} RESULT_VARIABLE missing)
if(missing)
  message(FATAL_ERROR "the tests do not cover the headers")
endif()
