# mishap.sh <mishap> <bench_frames> <results> - what happens to results when a run that writes over them fails.
# SPDX-License-Identifier: BSL-1.0
mishap=$1 program=$2 results=$3 kept=$1.json
cp "$results" "$kept" || exit 1
set -- --no_peers '--benchmark_filter=^repeat/MiB:256/cordon$'
case $mishap in
full_disk) # no file of more than a block, which the results are
    (ulimit -f 1; trap '' XFSZ; ! "$program" "$@" --benchmark_dry_run "--benchmark_out=$kept") || exit 1
    ! test -e "$kept.new" || exit 1
    ;;
full_output)
    ! "$program" "--load=$kept" > /dev/full || exit 1
    ! "$program" "$@" --benchmark_list_tests > /dev/full || exit 1
    ;;
early_end) # whenever it comes: the first benchmark takes minutes
    "$program" "$@" --benchmark_min_time=60 "--benchmark_out=$kept" &
    sleep 1
    kill "$!"
    ! wait "$!" || exit 1
    ;;
esac
cmp "$results" "$kept"
