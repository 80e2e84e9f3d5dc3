#!/usr/bin/env bash
# tls.sh: one certificate for all servers of `npm run bench -- --tls`, and from it what each peer needs to offer STARTTLS;
# prints the folder. The cipher is the same too: all prefer TLS_AES_256_GCM_SHA384 by default.
set -eu
folder=${LOAD_TMP:-/tmp/xmpp-load}/tls
mkdir -p "$folder/prosody/certs" "$folder/ejabberd"
if [ ! -s "$folder/localhost.crt" ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost,DNS:conference.localhost \
		-keyout "$folder/localhost.key" -out "$folder/localhost.crt.new" 2>/dev/null
	mv "$folder/localhost.crt.new" "$folder/localhost.crt"
fi
cp "$folder/localhost.crt" "$folder/localhost.key" "$folder/prosody/certs/"
cat "$folder/localhost.key" "$folder/localhost.crt" >"$folder/ejabberd/localhost.pem"
# the peer's own configuration with STARTTLS on its client port
sed -e "s|^\( *\)module: ejabberd_c2s|&\n\1starttls: true|" -e "s|^hosts:|certfiles:\n  - $folder/ejabberd/localhost.pem\n&|" \
	"${SERVERS_DIR:?}/ejabberd.yml" >"$folder/ejabberd/ejabberd.yml.in"
echo "$folder"
