# Functions that run on a board in any POSIX shell. Each script of supervision.py calls one of them.
#
# A session is a folder:
#   work/ID/files/          the work folder
#   work/ID/jobs/N/         command, supervisor, pid, stdout, stderr, ended: one folder for each job, removed once the
#                           session has its result; `told` marks a result that another session has fetched
#   work/ID/watcher         the process that ends the session when its link doesn't come back
#   work/ID/holder          the user of the session
#   work/ID/kept            a job ended after the link was lost; its result is kept until it is fetched
# Small values are targets of symbolic links, which are created atomically even on a full disk. A process is identified
# by its PID and start time, so a reused PID is never mistaken for it. No other clock is read, since clocks can jump.

trap '' HUP PIPE

say() { printf 'edgetool\000%s\000%s\000%s\000' "$1" "$2" "$3"; }
answer() { say "$@"; exit 0; }

# identify PID: set $identity to PID and start time; fail when there is no such process
identify() {
  identity=
  { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
  pid=$1
  # shellcheck disable=SC2086  # the fields after the program's name, which may contain spaces
  set -- ${line##*) }
  [ "$1" != Z ] || return 1
  identity=$pid.${20}
}

# alive IDENTITY
alive() { identify "${1%.*}" && [ "$identity" = "$1" ]; }

# alive_in LINK: whether the process named by a link is alive
alive_in() { named=$(readlink "$1" 2>/dev/null) && alive "$named"; }

# marked MARK: print the environ files of processes with a mark in their environment, in any process group or session.
# Not every grep supports -z, which splits the environment at its zero bytes.
marked() {
  if printf 'a\000b\000' | grep -qz '^b$' 2>/dev/null; then
    grep -lsFz "EDGETOOL_RUN=$1" /proc/[0-9]*/environ 2>/dev/null
    return
  fi
  for each in /proc/[0-9]*/environ; do
    if { tr '\000' '\n' <"$each" | grep -qF "EDGETOOL_RUN=$1"; } 2>/dev/null; then echo "$each"; fi
  done
}

end_marked() {
  for signal in TERM KILL KILL KILL KILL; do
    found=$(marked "$1")
    [ -n "$found" ] || return 0
    for each in $found; do
      each=${each#/proc/}
      kill -"$signal" "${each%/environ}" 2>/dev/null
    done
    sleep 1
  done
}

# pause SECONDS: sleep, running traps meanwhile; TERM ends the sleep and the waiting process
pause() {
  case $1 in *.*) sleep 0.001 2>/dev/null || set -- $((${1%.*} + 1)) ;; esac
  sleeper=none
  trap '[ "$sleeper" = none ] || kill "${sleeper:-$!}"; exit' TERM
  sleeper=
  sleep "$1" 9<&- &
  sleeper=$!
  wait "$sleeper"
  while kill -0 "$sleeper" 2>/dev/null; do wait "$sleeper"; done
}

# Locks
#
# A claim is a link to PROCESS:SESSION:HOLDER. On boards with flock, the lock is on a file that the watcher keeps open, so
# only the kernel releases it; an account's claim then only shows who has the lock. On other boards the claim itself is
# the lock.

# owner PATH: print the numeric user ID of its owner
owner() {
  # shellcheck disable=SC2046  # the fields of one line
  set -- $(ls -ldn "$1" 2>/dev/null)
  echo "${3:-none}"
}

# shared FOLDER: whether accounts can't remove each other's files there: owned by root, sticky and not a link
shared() {
  [ ! -L "$1" ] || return 1
  case $(ls -ldn "$1" 2>/dev/null) in d???????wt*) [ "$(owner "$1")" = 0 ] ;; *) false ;; esac
}

# claimed CLAIM: whether the claimant is alive. A claim could name any process, so it counts only for a process of the
# claim's own account, and never for PID 1, which lives forever.
claimed() {
  held=$(readlink "$1" 2>/dev/null) || return 1
  claimant=${held%%:*}
  case $claimant in 1.* | *[!0-9.]* | '') return 1 ;; esac
  alive "$claimant" && [ "$(owner "/proc/${claimant%.*}")" = "$(owner "$1")" ]
}

# open_lock: open the lock file on descriptor 9, creating it if needed
open_lock() {
  [ -e "$lock.file" ] || [ -L "$lock.file" ] || (umask 0 && set -C && : >"$lock.file") 2>/dev/null
  [ ! -L "$lock.file" ] && [ -f "$lock.file" ] && [ -r "$lock.file" ] || refuse "$lock.file is not a usable lock file"
  exec 9<"$lock.file"
}

# take_file CLAIM: take the lock; fail with the holder's claim in $held while another session has it
take_file() {
  open_lock
  if flock -n 9 && [ "$lock.file" -ef /proc/self/fd/9 ]; then # otherwise the file has been replaced
    rm -f "$lock.$(id -u)"
    ln -s "$1" "$lock.$(id -u)"
    return
  fi
  exec 9<&-
  for each in "$lock".[0-9]*; do claimed "$each" && return 1; done
  held=
  return 1
}

# take_link CLAIM: like take_file, on boards without flock
take_link() {
  ln -s "$1" "$lock" 2>/dev/null && return
  claimed "$lock" && return 1
  [ -n "$held" ] || {
    said=$(ln -s "$1" "$lock" 2>&1) && return
    [ -L "$lock" ] || refuse "$said"
    return 1
  }
  # The holder died without releasing the lock. Two sessions may find that at once, so restore a claim that isn't dead.
  mv "$lock" "$lock-$id" 2>/dev/null || {
    [ "$(readlink "$lock")" != "$held" ] || refuse "$lock was left by another account: it or root must remove it"
    return 1
  }
  moved=$(readlink "$lock-$id")
  rm -f "$lock-$id"
  [ "$moved" = "$held" ] || ln -s "$moved" "$lock" 2>/dev/null
  ln -s "$1" "$lock" 2>/dev/null
}

# lock LOCK HOLDER: wait for a lock, reporting its holder, for as long as the link is there
lock() {
  lock=$1
  identify $$
  if command -v flock >/dev/null 2>&1; then take=take_file; else take=take_link; fi
  until $take "$identity:$id:$2"; do
    say busy "${held##*:}" '' || refuse 'the link is gone'
    sleep 2
  done
  if [ $take = take_file ]; then claim=$lock.$(id -u); else claim=$lock; fi
  ln -s "$claim" "$work/lock"
}

unlock() {
  claim=$(readlink "$work/lock" 2>/dev/null) || return 0
  case $(readlink "$claim") in *:"$id":*) rm -f "$claim" ;; esac
  exec 9<&-
}

# Sessions

refuse() {
  [ -z "$work" ] || rm -rf "$work"
  say failed "$1" ''
  exit 1
}

# sweep: remove sessions whose watcher is gone, as after a reboot; kept results stay for a week
sweep() {
  for other in "$root"/work/*; do
    [ -d "$other" ] && ! alive_in "$other/watcher" || continue
    [ -e "$other/kept" ] && [ -z "$(find "$other/kept" -mtime +7 2>/dev/null)" ] || rm -rf "$other"
  done
}

# enter ID FOLDER LEASE HOLDER LOCK: start a session; a LOCK of "yes" locks the board for it
enter() {
  id=$1 work= lease=$3
  case $2 in # paths are interpreted as by scp
    '') root=${XDG_CACHE_HOME:-$HOME/.cache}/edgetool ;;
    /*) root=$2 ;;
    *) root=${HOME:-/}/${2#"~/"} ;;
  esac
  said=$(mkdir -p "$root/content" "$root/work" 2>&1 && : 2>&1 >"$root/work/.try" && rm -f "$root/work/.try") || {
    [ -z "$2" ] || refuse "$said"
    # no writable home: use a new temporary folder and remove it afterwards
    root=${TMPDIR:-/tmp}/edgetool-$id
    said=$(mkdir "$root" 2>&1 && mkdir "$root/content" "$root/work" 2>&1) || refuse "$said"
  }
  sweep
  # Use another name until there is a watcher, so that no sweep removes the session.
  work=$root/work/.$id
  said=$(mkdir "$work" "$work/files" "$work/jobs" 2>&1 && ln -s "$4" "$work/holder" 2>&1) || refuse "$said"
  if [ "$5" = yes ]; then
    # Accounts share the lock, unless they use folders of their own.
    if [ -n "$2" ]; then
      lock "$root/lock" "$4"
    elif shared /run/lock; then
      lock /run/lock/edgetool "$4"
    elif shared /tmp; then
      lock /tmp/edgetool.lock "$4"
    else
      refuse 'neither /run/lock nor /tmp is a safe place for a lock: owned by root and sticky'
    fi
  fi
  mv "$work" "$root/work/$id" && work=$root/work/$id
  trap '' USR1
  watch </dev/null >/dev/null 2>&1 &
  identify $! && ln -s "$identity" "$work/watcher"
  if [ "$5" = yes ]; then # the watcher holds the lock from here on
    ln -s "$identity:$id:$4" "$claim-$id" && mv -f "$claim-$id" "$claim"
  fi
  keep
}

# resume WORK ID: resume a session whose link was lost
resume() {
  work=$1 id=$2 root=${1%/work/*}
  alive_in "$work/watcher" || answer gone '' ''
  keep
}

# keep: answer `ready`, then follow the commands on stdin until the link is lost
keep() {
  watcher=$(readlink "$work/watcher")
  watcher=${watcher%.*}
  kill -USR1 "$watcher"
  if command -v sha256sum >/dev/null 2>&1; then hashes=yes; else hashes=no; fi
  say ready "$root" $hashes
  while read -r word job; do
    case $word in
      heartbeat) kill -USR1 "$watcher" ;;
      told) rm -rf "$work/jobs/${job:-none}" ;;
      bye)
        kill "$watcher"
        wait "$watcher" 2>/dev/null
        while alive_in "$work/watcher"; do :; done # its end releases the lock
        end_marked "$id."
        undo
        unlock
        leave
        break
        ;;
    esac
  done
}

# undo: undo changes to the board's settings
undo() { [ ! -f "$work/files/.edgetool-undo" ] || sh "$work/files/.edgetool-undo"; }

leave() {
  cd / && rm -rf "$work"
  case $root in */edgetool-"$id") rm -rf "$root" ;; esac
}

# grows: whether uploads have changed since the last call. What arrives is as good as a heartbeat, which over a slow link
# waits behind it.
grows() {
  before=$uploads
  uploads=$(ls -ln "$root"/content/*.part 2>/dev/null)
  [ "$uploads" != "$before" ]
}

# watch: a dead man's switch that ends the session when a lease passes without a heartbeat
watch() {
  trap 'renewed=yes' USR1
  uploads= renewed=yes
  while grows || [ -n "$renewed" ]; do
    renewed=
    pause "$lease"
  done
  # The link didn't come back. Running jobs have their own time limit; the board stays busy until they end.
  for job in "$work"/jobs/*; do
    while alive_in "$job/supervisor"; do pause 5; done
  done
  undo
  unlock
  forget_told || { : >"$work/kept"; exit; }
  leave
}

# Jobs. The caller of run_job defines the job's program as the function `program`.

# run_job WORK ID N LIMIT COMMAND: start a job, or find it running, wait for its end and answer with its result
run_job() {
  work=$1 id=$2 job=$1/jobs/$3 limit=$4
  mark=$2.$3.
  cd "$work/files" 2>/dev/null || answer gone '' ''
  if said=$(mkdir "$job" 2>&1); then
    printf '%s' "$5" >"$job/command"
    supervise </dev/null >/dev/null 2>&1 &
    identify $! && ln -s "$identity" "$job/supervisor"
    wait $!
  fi
  [ -d "$job" ] || answer failed "$said" ''
  follow
}

# follow: wait for the end of $job and answer with its result
follow() {
  until [ -L "$job/ended" ]; do
    alive_in "$job/supervisor" || [ -L "$job/ended" ] || answer lost '' ''
    sleep 1
  done
  ended=$(readlink "$job/ended")
  say ended "${ended%:*}" "${ended#*:}"
  cat "$job/stdout" 2>/dev/null
  cat "$job/stderr" >&2 2>/dev/null
}

# supervise: run the program detached from the link until it ends or its time is up, then end all its processes
supervise() {
  if command -v setsid >/dev/null 2>&1; then leader=setsid; else leader=; fi
  {
    {
      (
        trap - PIPE
        EDGETOOL_RUN=$mark
        export EDGETOOL_RUN
        program 3>&-
      ) &
      pid=$!
      ln -s "$pid" "$job/pid"
      [ -z "$limit" ] || {
        pause "$limit"
        ln -s late "$job/late"
        end_marked "$mark"
      } >/dev/null 2>&1 3>&- &
      clock=$!
      wait "$pid"
      code=$?
      exec 2>/dev/null
      if [ -L "$job/late" ]; then wait "$clock"; else kill "$clock"; fi
      [ -z "$leader" ] || kill -KILL -"$pid"
      end_marked "$mark"
      ln -s "$code" "$job/code"
    } 2>&3 | tail -c 2097152 >"$job/stdout"
  } 3>&1 | tail -c 2097152 >"$job/stderr"
  code=$(readlink "$job/code") && ln -s "$code:$(readlink "$job/late")" "$job/ended"
}

# attach_job WORK N: wait for the end of a job started by another session and answer with its result
attach_job() {
  job=$1/jobs/$2
  [ -d "$job" ] || answer gone '' ''
  follow
}

# written_by WORK N: print the files of the work folder that are newer than the job, each followed by a zero byte
written_by() {
  cd "$1/files" || exit 1
  find . -type f -newer "$1/jobs/$2/command" -exec sh -c 'for n; do printf "f%s\000" "$n"; done' sh {} +
}

# discard WORK N: mark a job's result as fetched by another session than its own, which may be over
discard() {
  work=$1
  ln -s told "$work/jobs/$2/told"
  alive_in "$work/watcher" || ! forget_told || rm -rf "$work"
}

# forget_told: remove the jobs whose result was fetched; succeed when none is left
forget_told() {
  for job in "$work"/jobs/*; do [ ! -L "$job/told" ] || rm -rf "$job"; done
  rmdir "$work/jobs" 2>/dev/null
}

# end_job WORK ID N: end a job's processes and wait for its supervisor to record the result
end_job() {
  job=$1/jobs/$3
  end_marked "$2.$3."
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    alive_in "$job/supervisor" || return 0
    sleep 1
  done
}

# list_jobs ROOT: print session, number, state, exit code, command and holder of each job, zero-terminated
list_jobs() {
  for job in "$1"/work/*/jobs/*; do
    [ -d "$job" ] && [ ! -L "$job/told" ] || continue
    work=${job%/jobs/*}
    ended=$(readlink "$job/ended")
    if [ -n "$ended" ]; then state=ended; elif alive_in "$job/supervisor"; then state=running; else state=lost; fi
    printf '%s\000' "${work##*/}" "${job##*/}" $state "${ended%%:*}" \
      "$(head -c 400 "$job/command")" "$(readlink "$work/holder")"
  done
}
