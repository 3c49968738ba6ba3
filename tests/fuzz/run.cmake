# Runs `fuzzer` on from the files in the folders `inputs`, until `limit`; keeps what it found in `folder`/found and what it
# says in `folder`/log, which report.cmake reads. On a finding: its operations.
file(MAKE_DIRECTORY "${folder}/found")
set(seed "$ENV{CORDON_SEED}")
if(NOT seed)
  set(seed 1)
endif()
# Inputs are drawn with equal chances: weighing them takes a fifth of the time and finds no more.
execute_process(
  COMMAND "${fuzzer}" ${limit} -seed=${seed} -max_len=128 -timeout=20 -entropic=0 -print_final_stats=1
          "-artifact_prefix=${folder}/" "${folder}/found" ${inputs}
  OUTPUT_FILE "${folder}/log" ERROR_FILE "${folder}/log" RESULT_VARIABLE result)
file(READ "${folder}/log" log)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${log}")
endif()
string(REGEX MATCH "number_of_executed_units: *[0-9]+" units "${log}")
message("${units}")
