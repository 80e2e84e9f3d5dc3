#!/usr/bin/env bash
# profile.sh SCENARIO [FLAGS]: the core and muc under one scenario of the load generator, each with `node --cpu-prof`; prints
# both processes' self times of the last seconds. XMPPLOAD names the generator's program (default: where `npm run bench` has it built).
# Example: test/bench/load/profile.sh muc --rooms 10 --occupants 10 --senders 2 --window 2 --coalesce 1ms --messages 9000000 --seconds 6s
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
load=${XMPPLOAD:-${LOAD_TMP:-/tmp/xmpp-load}/xmppload}
folder=$(mktemp -d)
cd "$folder"
export STORAGE_URL=lmdb:$folder/data LISTEN_HOST=127.0.0.1 C2S_PORT=auto C2S_TLS_PORT=0 C2S_REQUIRE_TLS=false S2S_PORT=0 \
	S2S_TLS_PORT=0 COMPONENT_PORT=auto COMPONENT_TLS_PORT=0 REGISTRATION=open SASL_ITERATIONS=4096 LOG_LEVEL=error
COMPONENTS=muc,echo COMPONENT_MUC_SECRET=secret COMPONENT_ECHO_DOMAIN=echo.localhost COMPONENT_ECHO_SECRET=secret \
	node --max-semi-space-size=8 --cpu-prof --cpu-prof-dir=core "$root/dist/core-server/main.js" &
core=$!
muc=
trap 'kill $core $muc 2>/dev/null; wait; rm -rf "$folder"' EXIT
address() { grep -o "\"$1\": *\"[^\"]*" data/run/core.json | grep -o '[0-9]*$'; }
for _ in $(seq 100); do [ -s data/run/core.json ] && break; sleep 0.1; done
MUC_SECRET=secret CORE_PORT=$(address component) \
	node --max-semi-space-size=16 --cpu-prof --cpu-prof-dir=muc "$root/dist/components/muc/main.js" &
muc=$!
for _ in $(seq 100); do [ -s data/run/muc.json ] && break; sleep 0.1; done
sleep 1
"$load" register --port "$(address c2s)" --clients "${CLIENTS:-700}" --password secret >/dev/null
"$load" "$@" --mech "${MECH:-scram}" --port "$(address c2s)" --domain localhost --muc conference.localhost --comp-domain echo.localhost \
	--comp-port "$(address component)" --comp-secret secret --password secret --pids $core,$muc | tail -1
kill $muc; wait $muc || true
kill $core; wait $core || true
for name in core muc; do
	echo "$name:"
	node "$root/dist/test/bench/self-times.js" $name/*.cpuprofile "${ROWS:-16}" "${SECONDS_SHOWN:-4}"
done
