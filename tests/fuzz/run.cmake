# Runs a target under libFuzzer from the inputs of `corpus` on, until `limit`; keeps what it says in `folder`/log, which
# report.cmake reads. On a finding: its operations.
file(REMOVE_RECURSE "${folder}/found")
file(MAKE_DIRECTORY "${folder}/found")
set(seed "$ENV{CORDON_SEED}")
if(NOT seed)
  set(seed 1)
endif()
execute_process(
  COMMAND "${target}" ${limit} -seed=${seed} -max_len=128 -timeout=20 -print_final_stats=1
          "-artifact_prefix=${folder}/" "${folder}/found" "${folder}/corpus"
  OUTPUT_FILE "${folder}/log" ERROR_FILE "${folder}/log" RESULT_VARIABLE result)
file(READ "${folder}/log" log)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${log}")
endif()
string(REGEX MATCH "number_of_executed_units: *[0-9]+" units "${log}")
message("${units}")
