"""A component for tests, by slixmpp: an echo, disco, one ad-hoc command. Usage: HOST PORT DOMAIN SECRET"""

import asyncio
import sys

from slixmpp.componentxmpp import ComponentXMPP


class Echo(ComponentXMPP):
    def __init__(self, domain, secret, host, port):
        super().__init__(domain, secret, host, port)
        for plugin in ("xep_0004", "xep_0030", "xep_0050", "xep_0092", "xep_0199"):
            self.register_plugin(plugin)
        self["xep_0030"].add_identity(category="component", itype="generic", name="By slixmpp")
        self.add_event_handler("session_start", self.started)
        self.add_event_handler("message", self.echo)
        self.add_event_handler("presence_subscribe", self.subscribed_to)

    def started(self, _):
        self["xep_0050"].add_command(node="greet", name="Greet somebody", handler=self.greet)
        print("connected", flush=True)

    def echo(self, message):
        if message["type"] != "error" and message["body"]:
            message.reply(message["body"]).send()

    def subscribed_to(self, presence):
        self.send_presence(pto=presence["from"], pfrom=presence["to"], ptype="subscribed")

    def greet(self, _iq, session):
        form = self["xep_0004"].make_form("form", "Greet")
        form.add_field(var="name", ftype="text-single", label="Whom?")
        session["payload"] = form
        session["next"] = self.greeted
        session["has_next"] = False
        return session

    def greeted(self, payload, session):
        session["notes"] = [("info", f"Hello, {payload['values']['name']}!")]
        session["payload"] = None
        session["next"] = None
        return session


host, port, domain, secret = sys.argv[1:]
component = Echo(domain, secret, host, int(port))
component.connect()
asyncio.get_event_loop().run_forever()
