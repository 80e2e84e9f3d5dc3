"""Drives slixmpp: logs in by SASL DIGEST-MD5, pings the server, prints one line. (Its XEP-0078 and 0138 no longer run.)"""
import sys

import slixmpp

host, port, jid, password = sys.argv[1], int(sys.argv[2]), *sys.argv[3:5]


class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(jid, password, sasl_mech="DIGEST-MD5")
        self["feature_mechanisms"].unencrypted_digest = True
        self.register_plugin("xep_0199")
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("failed_auth", lambda _: self.end("failed"))
        self.add_event_handler("disconnected", lambda _: self.end("disconnected"))

    def end(self, outcome):
        print("result:", outcome, flush=True)
        sys.exit(0 if outcome == "ok" else 1)

    async def started(self, _):
        self.send_presence()
        await self["xep_0199"].send_ping("localhost", timeout=5)
        self.end("ok")


client = Client()
client.connect((host, port), force_starttls=False, disable_starttls=True)
client.loop.call_later(15, lambda: client.end("timeout"))
client.loop.run_forever()
