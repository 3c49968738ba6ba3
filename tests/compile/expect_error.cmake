# Compiles SOURCE; fails unless that fails with an output that matches REGEX.
execute_process(
  COMMAND "${COMPILER}" ${FLAGS} "-I${INCLUDE}" "${SOURCE}"
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
message("${output}")
if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles; expected an error: ${REGEX}")
elseif(NOT output MATCHES "${REGEX}")
  message(FATAL_ERROR "${SOURCE} fails, but not with: ${REGEX}")
endif()
