"""Two slixmpp clients of one account and one of another: XEP-0198, 0280 and 0352 as slixmpp speaks them."""
import asyncio
import sys

import slixmpp

HOST, PORT, DOMAIN = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def client(user, resource):
    xmpp = slixmpp.ClientXMPP(f"{user}@{DOMAIN}/{resource}", "secret")
    for plugin in ("xep_0198", "xep_0280", "xep_0352", "xep_0199"):
        xmpp.register_plugin(plugin)
    # the server's certificate is of its own making
    xmpp.ssl_context.check_hostname = False
    xmpp.ssl_context.verify_mode = 0
    xmpp.bodies = []
    xmpp.copies = []
    xmpp.add_event_handler("message", lambda m: xmpp.bodies.append(m["body"]) if m["body"] else None)
    xmpp.add_event_handler("carbon_received", lambda m: xmpp.copies.append(("received", m["carbon_received"]["body"])))
    xmpp.add_event_handler("carbon_sent", lambda m: xmpp.copies.append(("sent", m["carbon_sent"]["body"])))
    return xmpp


async def start(xmpp):
    started = asyncio.get_event_loop().create_future()
    xmpp.add_event_handler("session_start", lambda _: started.done() or started.set_result(True))
    xmpp.connect((HOST, PORT))
    await asyncio.wait_for(started, 20)
    xmpp.send_presence()
    await xmpp.get_roster()


async def until(what, condition):
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.025)
    raise AssertionError(f"never: {what}")


async def main():
    phone, desk, romeo = client("juliet", "phone"), client("juliet", "desk"), client("romeo", "orchard")
    for xmpp in (phone, desk, romeo):
        await start(xmpp)
    await until("stream management", lambda: all("stream_management" in x.features for x in (phone, desk, romeo)))
    for xmpp in (phone, desk):
        await xmpp["xep_0280"].enable()

    romeo.send_message(mto=phone.boundjid.full, mbody="one", mtype="chat")
    await until("carbon of what the phone received", lambda: ("received", "one") in desk.copies)
    phone.send_message(mto=romeo.boundjid.full, mbody="two", mtype="chat")
    await until("carbon of what the phone sent", lambda: ("sent", "two") in desk.copies)

    desk["xep_0352"].send_inactive()
    romeo.send_message(mto=desk.boundjid.full, mbody="three", mtype="chat")
    await until("a message to an inactive client", lambda: "three" in desk.bodies)
    desk["xep_0352"].send_active()

    resumed = asyncio.get_event_loop().create_future()
    phone.add_event_handler("session_resumed", lambda _: resumed.done() or resumed.set_result(True))
    phone.transport.abort()
    romeo.send_message(mto=phone.boundjid.full, mbody="four", mtype="chat")
    await asyncio.sleep(0.2)
    if not phone.is_connected():
        phone.connect((HOST, PORT))
    await asyncio.wait_for(resumed, 20)
    await until("what was sent while it was away", lambda: phone.bodies.count("four") == 1)
    for xmpp in (phone, desk, romeo):
        await xmpp.disconnect()
    print("all well")


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 60))
