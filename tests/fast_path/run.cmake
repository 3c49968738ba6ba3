# Compiles SOURCE, disassembles it and has CHECK look at SYMBOLS. Fails if that finds a fault; with EXPECT, unless it
# finds this one.
set(ENV{LC_ALL} C)
execute_process(
  COMMAND "${COMPILER}" -std=c++20 -O3 -pthread "-I${INCLUDE}" "${SOURCE}" -o "${PROGRAM}"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(
  COMMAND "${OBJDUMP}" -d --no-show-raw-insn "${PROGRAM}" OUTPUT_FILE "${PROGRAM}.s" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CHECK}" "${PROGRAM}.s" ${SYMBOLS} OUTPUT_VARIABLE output RESULT_VARIABLE faulty)
message("${output}")
string(FIND "${output}" "${EXPECT}" found)
if(EXPECT AND found EQUAL -1)
  message(FATAL_ERROR "expected: ${EXPECT}")
elseif(NOT EXPECT AND faulty)
  message(FATAL_ERROR "a hit path is not as it should be")
endif()
