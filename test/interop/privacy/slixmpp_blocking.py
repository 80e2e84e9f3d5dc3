"""Two slixmpp clients of one account and one of another: XEP-0191 and XEP-0016 as slixmpp speaks them."""
import asyncio
import sys

import slixmpp
from slixmpp.exceptions import IqError

HOST, PORT, DOMAIN = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def client(user, resource):
    xmpp = slixmpp.ClientXMPP(f"{user}@{DOMAIN}/{resource}", "secret")
    for plugin in ("xep_0030", "xep_0191", "xep_0016", "xep_0199"):
        xmpp.register_plugin(plugin)
    # the server's certificate is of its own making
    xmpp.ssl_context.check_hostname = False
    xmpp.ssl_context.verify_mode = 0
    xmpp.bodies, xmpp.errors, xmpp.pushes = [], [], asyncio.Queue()
    # slixmpp calls every message with a body so, errors too, which give the sender's own back
    xmpp.add_event_handler("message", lambda m: m["type"] == "error" or xmpp.bodies.append(m["body"]))
    xmpp.add_event_handler("message_error", lambda m: xmpp.errors.append(m["error"]["condition"]))
    xmpp.add_event_handler("blocked", lambda iq: xmpp.pushes.put_nowait(("block", sorted(str(j) for j in iq["block"]["items"]))))
    xmpp.add_event_handler("unblocked", lambda iq: xmpp.pushes.put_nowait(("unblock", sorted(str(j) for j in iq["unblock"]["items"]))))
    return xmpp


async def online(xmpp):
    done = asyncio.get_event_loop().create_future()
    xmpp.add_event_handler("session_start", lambda _: done.done() or done.set_result(None))
    xmpp.connect((HOST, PORT))
    await asyncio.wait_for(done, 15)
    await xmpp.get_roster()
    xmpp.send_presence()
    await xmpp["xep_0199"].send_ping(DOMAIN)


async def blocked(xmpp):
    answer = await xmpp["xep_0191"].get_blocked()
    return sorted(str(jid) for jid in answer["blocklist"]["items"])


async def activate(xmpp, name):
    iq = xmpp.make_iq_set()
    iq["privacy"]["active"]["name"] = name
    await iq.send()


async def main():
    one, two, foe = client("romeo", "one"), client("romeo", "two"), client("tybalt", "street")
    for xmpp in (one, two, foe):
        await online(xmpp)
    info = await one["xep_0030"].get_info(jid=DOMAIN)
    assert "urn:xmpp:blocking" in info["disco_info"]["features"], info
    assert await blocked(one) == [] and await blocked(two) == []

    await one["xep_0191"].block([slixmpp.JID(f"tybalt@{DOMAIN}"), slixmpp.JID("paris@example.net")])
    expected = sorted([f"tybalt@{DOMAIN}", "paris@example.net"])
    for xmpp in (one, two):
        assert await asyncio.wait_for(xmpp.pushes.get(), 10) == ("block", expected)
    assert await blocked(two) == expected

    foe.send_message(mto=f"romeo@{DOMAIN}/one", mbody="villain", mtype="chat")
    one.send_message(mto=f"tybalt@{DOMAIN}", mbody="!", mtype="chat")
    for xmpp in (foe, one, foe):
        await xmpp["xep_0199"].send_ping(DOMAIN)
    assert foe.errors == ["service-unavailable"], foe.errors
    assert one.errors == ["not-acceptable"], one.errors
    assert one.bodies == [], one.bodies

    await two["xep_0191"].unblock(slixmpp.JID(f"tybalt@{DOMAIN}"))
    for xmpp in (one, two):
        assert await asyncio.wait_for(xmpp.pushes.get(), 10) == ("unblock", [f"tybalt@{DOMAIN}"])
    foe.send_message(mto=f"romeo@{DOMAIN}/one", mbody="again", mtype="chat")
    for xmpp in (foe, one):
        await xmpp["xep_0199"].send_ping(DOMAIN)
    assert one.bodies == ["again"], one.bodies

    # the block list is the default list of XEP-0016
    # (its stanzas: the plug-in's own verbs do not say when they are answered)
    query = one.make_iq_get()
    query.enable("privacy")
    lists = await query.send()
    assert lists["privacy"]["default"]["name"] == "blocked", lists
    edit = one.make_iq_set()
    edit["privacy"].add_list("quiet").add_item(None, "deny", "1", message=True)
    await edit.send()
    await activate(one, "quiet")
    foe.send_message(mto=f"romeo@{DOMAIN}/one", mbody="unheard", mtype="chat")
    for xmpp in (foe, one):
        await xmpp["xep_0199"].send_ping(DOMAIN)
    assert one.bodies == ["again"] and foe.errors[1:] == ["service-unavailable"], (one.bodies, foe.errors)
    try:
        await activate(one, "no such list")
        raise AssertionError("accepted")
    except IqError as error:
        assert error.condition == "item-not-found", error
    for xmpp in (one, two, foe):
        await xmpp.disconnect(ignore_send_queue=True)
    print("all well")


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 60))
