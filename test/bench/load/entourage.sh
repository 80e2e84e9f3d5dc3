#!/usr/bin/env bash
# entourage.sh start|stop|run|pids|reset: this server with all its components as a load peer, under the conditions of the
# other peers: plaintext, SCRAM verifiers of 4096 iterations, no federation, warnings only.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
home=${ENTOURAGE_HOME:-/tmp/load-entourage}
pidf=$home/launcher.pid
export ENTOURAGE_PORT=${ENTOURAGE_PORT:-27222} ENTOURAGE_COMP_PORT=${ENTOURAGE_COMP_PORT:-27347}
# A pid file may be older than the machine's last start, and the number another process's by now.
alive() { [ -s "$pidf" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$pidf")/cmdline" | grep -q 'entourage\.\(sh run\|mjs start\)'; }
case ${1:-} in
run)
	cd "$home" || exit 1
	ulimit -n 20000 2>/dev/null
	exec env STORAGE_URL="lmdb:$home/data" LISTEN_HOST=127.0.0.1 C2S_PORT="$ENTOURAGE_PORT" C2S_TLS_PORT=0 \
		C2S_REQUIRE_TLS=false S2S_PORT=0 S2S_TLS_PORT=0 COMPONENT_PORT="$ENTOURAGE_COMP_PORT" COMPONENT_TLS_PORT=0 \
		BOSH_PORT="${ENTOURAGE_BOSH_PORT:-27280}" REGISTRATION=open SASL_ITERATIONS=4096 LOG_LEVEL=warn \
		COMPONENT_ECHO_DOMAIN=echo.localhost COMPONENT_ECHO_SECRET=secret \
		node "$root/shared/cli/entourage.mjs" start ;;
start)
	alive && { echo 'already running'; exit 0; }
	mkdir -p "$home"
	: >"$home/out.log"
	setsid "$here/entourage.sh" run >"$home/out.log" 2>&1 </dev/null &
	echo $! >"$pidf"
	for _ in $(seq 300); do
		# on a busy machine `ready` may come before a component is: its file says when it is
		grep -q '^ready' "$home/out.log" && [ "$(ls "$home"/data/run/{core,muc,pep,vcard,privacy,bosh}.json 2>/dev/null | wc -l)" = 6 ] && exit 0
		kill -0 "$(cat "$pidf")" 2>/dev/null || break # it may not be what it becomes yet
		sleep 0.1
	done
	echo 'entourage did not start' >&2; tail -5 "$home/out.log" >&2; exit 1 ;;
stop)
	alive || exit 0
	pid=$(cat "$pidf"); kill -TERM "$pid"
	for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
	kill -0 "$pid" 2>/dev/null && kill -KILL "$pid"
	rm -f "$pidf" ;;
pids) grep -ho '"pid": *[0-9]*' "$home"/data/run/*.json | grep -o '[0-9]*$' ;;
reset) alive && { echo 'running' >&2; exit 1; }; rm -rf "${home:?}/data" ;;
*) echo "usage: $0 start|stop|run|pids|reset" >&2; exit 2 ;;
esac
