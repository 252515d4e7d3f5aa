
# The same for every study from here on; the lines above say which study it is, and for how long.

files=$folder/job-$SLURM_JOB_ID # of this job: how workers find the scheduler, and the key to it
log=$folder/$SLURM_JOB_ID-workers.log
restarted=${SLURM_RESTART_COUNT:-0}
scheduler='' workers='' ending='' code=0

say() { echo "$(date '+%F %T') $*"; }

finished() { { find "$store/cases" -mindepth 2 -maxdepth 2 ! -name '.*' 2>/dev/null || true; } | wc -l; }

alive() { kill -0 "$1" 2>/dev/null; }

# Ask a process to end, and end it if it has not after a while; what is finished is stored.
stop() {
  local second
  [[ -n $1 ]] && kill -TERM "$1" 2>/dev/null || return 0
  for ((second = 0; second < patience; second++)); do
    alive "$1" || return 0
    sleep 1
  done
  kill -KILL "$1" 2>/dev/null || true
}

clean() {
  trap '' USR1 TERM # what is left to do is short
  stop "$workers"   # before the scheduler, whom they would miss
  stop "$scheduler"
  rm -rf "$files"
  trap - EXIT
}

# Run a command until it ends, until the job has to, or until nobody is left to work for it.
attend() {
  local running
  "$@" &
  running=$!
  while alive "$running"; do
    if [[ -n $ending ]]; then
      stop "$running"
    elif ! alive "$scheduler" || ! alive "$workers"; then
      if is_preempted; then ending=TERM; else say "scheduler or workers have gone: see $log"; fi
      stop "$running"
    else
      sleep 1 &
      wait $! || true # a signal ends this wait, and its trap is run, which no sleep allows
    fi
  done
  wait "$running"
}

# Nobody else on the network may give our workers something to run.
encrypt() {
  local who
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=twin \
    -keyout "$files/key.pem" -out "$files/cert.pem" 2>"$files/openssl.log" || {
    say "openssl made no certificate; --no-encrypted does without: $(<"$files/openssl.log")"
    return 1
  }
  export DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=True DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME=tls
  export DASK_DISTRIBUTED__COMM__TLS__CA_FILE=$files/cert.pem
  for who in SCHEDULER WORKER CLIENT; do
    export "DASK_DISTRIBUTED__COMM__TLS__${who}__CERT=$files/cert.pem"
    export "DASK_DISTRIBUTED__COMM__TLS__${who}__KEY=$files/key.pem"
  done
}

# Of several GPUs that a worker may see, the one of its number on the node.
# shellcheck disable=SC2016
own_gpu='IFS=, read -ra gpus <<<"${CUDA_VISIBLE_DEVICES:-}"
if ((${#gpus[@]} > 1)); then export CUDA_VISIBLE_DEVICES=${gpus[SLURM_LOCALID % ${#gpus[@]}]}; fi
exec "$@"'

first_worker='import sys, distributed
found, seconds = sys.argv[1], float(sys.argv[2])
with distributed.Client(scheduler_file=found, timeout=seconds) as client:
    client.wait_for_workers(1, timeout=seconds)'

# Slurm tells the steps of a job that is preempted, and not always the shell that has started them.
is_preempted() { [[ $(scontrol show job "$SLURM_JOB_ID") == *[[:space:]]PreemptTime=[0-9]* ]]; }

# Come back to the queue if there are cases left and a next turn can be expected to finish some.
come_back() {
  local state
  if [[ $ending == USR1 && $(finished) == "$before" ]] && ! is_preempted; then
    say "no case was finished in the time of this job: submit again with more --time"
  elif ((restarted >= most_restarts)); then
    say "restarted $restarted times already: submit again to go on"
  elif state=$(scontrol show job "$SLURM_JOB_ID") && [[ $state != *JobState=RUNNING* ]]; then
    say "Slurm ends this job itself: submit again to go on, unless Slurm has requeued it"
  else
    say "cases are left: back to the queue"
    scontrol requeue "$SLURM_JOB_ID" || say "it cannot be requeued: submit again to go on"
  fi
}

trap 'ending=USR1' USR1
trap 'ending=TERM' TERM
trap clean EXIT

rm -rf "$files"
mkdir -p "$folder"
mkdir -m 700 "$files"
before=$(finished)
((restarted)) || [[ -z $retry ]] || options+=(--retry "$retry") # by the first turn only
[[ -z $encrypted ]] || encrypt

srun --export=ALL --nodes=1 --ntasks=1 --cpus-per-task=1 --mem=0 --overlap \
  "$python" -m dask scheduler --scheduler-file "$files/scheduler.json" --port 0 \
  --dashboard-address 127.0.0.1:0 "${network[@]}" >>"$log" 2>&1 &
scheduler=$!
srun --export=ALL --ntasks="$tasks" --cpus-per-task="$cpus" --kill-on-bad-exit=0 --wait=0 \
  bash -c "$own_gpu" worker \
  "$python" -m dask worker --scheduler-file "$files/scheduler.json" --nworkers 1 --nthreads 1 \
  --memory-limit 0 --local-directory "${TMPDIR:-/tmp}" --death-timeout "$start" \
  --no-dashboard "${network[@]}" >>"$log" 2>&1 &
workers=$!

if attend "$python" -c "$first_worker" "$files/scheduler.json" "$start"; then
  attend "$python" -m studies study run "$study" --engine dask --address "$files/scheduler.json" \
    "${options[@]}" || code=$?
else
  code=$?
  [[ -n $ending ]] || say "no worker came in $start s: see $log"
fi
# the study may have missed its scheduler before we did
[[ -n $ending ]] || ((code == 0 || code == 3)) || ! is_preempted || ending=TERM
clean
[[ -n $ending ]] || ((code != 143)) || code=1 # stopped by us, not by Slurm
[[ -z $ending ]] || ((code == 0 || code == 3)) || come_back
exit "$code"
