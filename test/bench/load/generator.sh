# Flags for every call of the load generator, whichever the server. It reads each stream once a round, at most a buffer full,
# and pauses 1 ms: with its 16 KiB a single busy stream (a component's) would be capped at 50,000 stanzas a second.
EXTRA="--rbuf 65536 $EXTRA"
