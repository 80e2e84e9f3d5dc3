"""Logs in once with slixmpp. Arguments: JID, password, host, port, mechanism ('-' for its own choice), CA, TLS version,
certificate, key ('-' for none). Exits 0 when the session began, 1 when authentication failed, 2 otherwise."""
import asyncio
import inspect
import ssl
import sys

from slixmpp import ClientXMPP

jid, password, host, port, mechanism, ca, version, cert, key = sys.argv[1:10]


class Client(ClientXMPP):
    def __init__(self):
        super().__init__(jid, password, sasl_mech=None if mechanism == '-' else mechanism)
        self.ca_certs = ca
        if cert != '-':
            self.certfile, self.keyfile = cert, key
        if mechanism.startswith('SCRAM') and not mechanism.endswith('-PLUS'):
            # As a client without channel binding; with it, slixmpp would claim that the server offers none.
            feature = self['feature_mechanisms']
            credentials = feature.sasl_callback
            feature.sasl_callback = lambda needed, wanted: {**credentials(needed, wanted), 'channel_binding': None}
        self.result = asyncio.get_event_loop().create_future()
        self.add_event_handler('session_start', lambda _: self.done(0))
        if mechanism != '-':  # else it tries the next
            self.add_event_handler('failed_auth', lambda _: self.done(1))
        self.add_event_handler('failed_all_auth', lambda _: self.done(1))
        self.add_event_handler('connection_failed', lambda _: self.done(2))

    def done(self, code):
        if not self.result.done():
            self.result.set_result(code)

    def get_ssl_context(self):
        context = super().get_ssl_context()
        if version == '1.2':
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        return context


async def main():
    client = Client()
    if 'address' in inspect.signature(client.connect).parameters:  # before slixmpp 1.9
        client.connect((host, int(port)))
    else:
        client.connect(host, int(port))
    try:
        code = await asyncio.wait_for(client.result, 15)
    except asyncio.TimeoutError:
        code = 2
    await client.disconnect(wait=1)
    return code


sys.exit(asyncio.get_event_loop().run_until_complete(main()))
