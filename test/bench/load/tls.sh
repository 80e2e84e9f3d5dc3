#!/usr/bin/env bash
# tls.sh: one certificate for all servers of `npm run bench -- --tls`, and from it what each peer needs to offer STARTTLS;
# prints the folder. The cipher is the same too: the peers are told to use the one that this server prefers, by an OpenSSL
# configuration, since neither has a setting for the suites of TLS 1.3.
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
cat >"$folder/openssl.cnf" <<-'CONF'
	openssl_conf = openssl_init
	[openssl_init]
	ssl_conf = ssl
	[ssl]
	system_default = system_default
	[system_default]
	MinProtocol = TLSv1.2
	Ciphersuites = TLS_AES_128_GCM_SHA256
CONF
echo "$folder"
