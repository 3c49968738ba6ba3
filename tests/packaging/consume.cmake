# One packaging test; MODE says which. Everything happens in WORK, which starts empty.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(MODE STREQUAL "install")
  file(REMOVE_RECURSE "${PREFIX}")
  run("${CMAKE_COMMAND}" --install "${CORDON_BINARY_DIR}" --prefix "${PREFIX}")
  file(GLOB_RECURSE own RELATIVE "${CORDON_SOURCE_DIR}" "${CORDON_SOURCE_DIR}/include/*.hpp")
  file(GLOB_RECURSE installed RELATIVE "${PREFIX}" "${PREFIX}/*.hpp")
  set(missing ${own})
  list(REMOVE_ITEM missing ${installed})
  list(REMOVE_ITEM installed ${own})
  if(missing OR installed)
    message(FATAL_ERROR "headers of the tree not installed (built since they came?): ${missing}; others: ${installed}")
  endif()
  return()
endif()

file(REMOVE_RECURSE "${WORK}")
run("${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/consumer" -B "${WORK}/build" -G "${GENERATOR}"
    "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_CXX_COMPILER=${COMPILER}" -DCMAKE_BUILD_TYPE=Debug
    "-DCMAKE_PREFIX_PATH=${PREFIX}" "-DCORDON_SOURCE_DIR=${CORDON_SOURCE_DIR}" -DMODE=${MODE} -DVERSION=${VERSION})
if(MODE STREQUAL "refused_version")
  return()
endif()
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/consumer")

# A consumer's own installation holds the consumer and nothing of cordon.
run("${CMAKE_COMMAND}" --install "${WORK}/build" --prefix "${WORK}/prefix")
file(GLOB_RECURSE installed RELATIVE "${WORK}/prefix" "${WORK}/prefix/*")
if(NOT installed STREQUAL "bin/consumer")
  message(FATAL_ERROR "installed with the consumer: ${installed}")
endif()
