"""slixmpp as romeo: subscribes to juliet, talks with her, sets a vCard and reads hers, also while its process restarts."""
import asyncio
import sys

import slixmpp

HOST, PORT, DOMAIN = sys.argv[1], int(sys.argv[2]), sys.argv[3]
JULIET = f"juliet@{DOMAIN}"

xmpp = slixmpp.ClientXMPP(f"romeo@{DOMAIN}/orchard", "secret")
for plugin in ("xep_0030", "xep_0054", "xep_0199", "xep_0092", "xep_0202"):
    xmpp.register_plugin(plugin)
xmpp.ssl_context.check_hostname = False
xmpp.ssl_context.verify_mode = 0
xmpp.auto_authorize = True
xmpp.auto_subscribe = True
seen, bodies = [], []
xmpp.add_event_handler("presence_available", lambda p: seen.append(("on", p["from"].full, p["status"])))
xmpp.add_event_handler("presence_unavailable", lambda p: seen.append(("off", p["from"].full, p["status"])))
xmpp.add_event_handler("message", lambda m: bodies.append((m["from"].bare, m["body"])))


async def until(what, condition):
    for _ in range(1200):
        if condition():
            return
        await asyncio.sleep(0.025)
    raise AssertionError(f"never: {what}; {seen} {bodies}")


async def vcard_of(jid):
    answer = await xmpp["xep_0054"].get_vcard(jid=jid, timeout=15)
    return answer["vcard_temp"]["FN"]


async def main():
    started = asyncio.get_event_loop().create_future()
    xmpp.add_event_handler("session_start", lambda _: started.done() or started.set_result(True))
    xmpp.connect((HOST, PORT))
    await asyncio.wait_for(started, 20)
    assert xmpp.transport.get_extra_info("ssl_object") is not None, "not inside TLS"
    await xmpp.get_roster()
    xmpp.send_presence(pstatus="in the orchard")
    xmpp.send_presence_subscription(pto=JULIET)
    await until("the subscription", lambda: xmpp.client_roster[JULIET]["subscription"] == "both")
    await until("her presence", lambda: any(kind == "on" and jid.startswith(JULIET) for kind, jid, _ in seen))
    card = xmpp["xep_0054"].make_vcard()
    card["FN"] = "Romeo Montague"
    await xmpp["xep_0054"].publish_vcard(card)
    xmpp.send_message(mto=JULIET, mbody="Art thou not Juliet?", mtype="chat")
    await until("her answer", lambda: (JULIET, "Ay me!") in bodies)
    assert await vcard_of(JULIET) == "Juliet Capulet"
    print("restart", flush=True)
    await asyncio.get_event_loop().run_in_executor(None, sys.stdin.readline)
    # the vcard process is down now: this costs a wait, no error
    assert await vcard_of(JULIET) == "Juliet Capulet"
    assert await vcard_of(None) == "Romeo Montague"
    info = await xmpp["xep_0030"].get_info(jid=DOMAIN)
    assert "urn:xmpp:ping" in info["disco_info"]["features"]
    assert await xmpp["xep_0199"].ping(DOMAIN, timeout=10) is not None
    await xmpp["xep_0202"].get_entity_time(DOMAIN)
    xmpp.send_message(mto=JULIET, mbody="bye", mtype="chat")
    await until("her leaving", lambda: any(kind == "off" and jid.startswith(JULIET) for kind, jid, _ in seen))
    print("done", flush=True)
    await xmpp.disconnect(wait=1)


asyncio.get_event_loop().run_until_complete(main())
