#!/usr/bin/env bash
# lone.sh: rooms with one message in flight in each (`npm run bench -- --lone`), on Prosody, ejabberd and this server in turn,
# REPS times (3), EACH long (3s). Deliveries per second then tell how long one message takes to reach everybody.
set -u
: "${LOAD_FOLDER:?}" "${ENTOURAGE_BENCH:?}"
export SERVERS_DIR=$LOAD_FOLDER/servers XMPPLOAD=${XMPPLOAD:-${LOAD_TMP:-/tmp/xmpp-load}/xmppload} PASSWORD=secret COUNT=1000
mkdir -p "$(dirname "$XMPPLOAD")"
[ -x "$XMPPLOAD" ] || (cd "$LOAD_FOLDER" && go build -o "$XMPPLOAD" .) || exit 1
stop=
trap '[ -z "$stop" ] || eval "$stop"' EXIT
one() { # server
	. "$ENTOURAGE_BENCH/$1.env"
	stop=$STOP_CMD
	eval "$START_CMD" >/dev/null || { echo "$1 did not start"; return 1; }
	eval "$PROVISION_CMD" >/dev/null 2>&1
	for rooms in '1 200' '50 20'; do
		for measured in no yes; do # the first is the warm-up
			line=$("$XMPPLOAD" muc --rooms ${rooms% *} --occupants ${rooms#* } --senders 1 --window 1 --messages 9000000 \
				--seconds "${EACH:-3s}" --host "$HOST" --port "$PORT" --domain "$DOMAIN" --muc "$MUC_DOMAIN" --mech "$MECH" \
				--password "$PASSWORD" --pids "$(eval "$PIDS_CMD" | paste -sd,)" $EXTRA | tail -1)
			[ $measured = no ] || printf '%-10s %6s  %s\n' "$1" "${rooms/ /x}" "$(grep -o '[0-9]* delivery/s.*p99 [0-9.]*\|srv.*delivery)' <<<"$line" | paste -sd' ')"
		done
	done
	eval "$STOP_CMD" >/dev/null
	stop=
}
for _ in $(seq "${REPS:-3}"); do
	for server in ${SERVERS:-prosody ejabberd entourage}; do (EXTRA=; one $server); done
done
