"""slixmpp's xep_0045 as the owner of a room: creates and configures it, waits for the others, talks, changes nick and subject."""
import asyncio
import sys

import slixmpp
from slixmpp.exceptions import IqError

HOST, PORT, DOMAIN, ROOM = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
EXPECTED = set(sys.argv[5:])

xmpp = slixmpp.ClientXMPP(f"snake@{DOMAIN}/python", "secret")
for plugin in ("xep_0030", "xep_0004", "xep_0045", "xep_0199", "xep_0249"):
    xmpp.register_plugin(plugin)
xmpp.ssl_context.check_hostname = False
xmpp.ssl_context.verify_mode = 0
bodies, subjects, online = [], [], {}
xmpp.add_event_handler("groupchat_message", lambda m: bodies.append((m["mucnick"], m["body"])))
xmpp.add_event_handler("groupchat_subject", lambda m: subjects.append(m["subject"]))
xmpp.add_event_handler(f"muc::{ROOM}::got_online", lambda p: online.__setitem__(p["muc"]["nick"], p["muc"]["role"]))


async def until(what, condition):
    for _ in range(1200):
        if condition():
            return
        await asyncio.sleep(0.025)
    raise AssertionError(f"never: {what}; online {online}, bodies {bodies}, subjects {subjects}")


async def main():
    started = asyncio.get_event_loop().create_future()
    xmpp.add_event_handler("session_start", lambda _: started.done() or started.set_result(True))
    xmpp.connect((HOST, PORT))
    await asyncio.wait_for(started, 20)
    xmpp.send_presence()
    muc = xmpp["xep_0045"]
    joined = await muc.join_muc_wait(ROOM, "snake", timeout=20)
    # a tuple in slixmpp 1.8.3, an object later
    presence = joined[0] if isinstance(joined, tuple) else joined.own_presence
    assert "201" in {str(code) for code in presence["muc"]["status_codes"]}, presence
    form = await muc.get_room_config(ROOM)
    form["type"] = "submit"
    form.set_values({"muc#roomconfig_roomname": "Menagerie", "muc#roomconfig_changesubject": True})
    await muc.set_room_config(ROOM, config=form)
    info = await xmpp["xep_0030"].get_info(jid=ROOM)
    assert ("conference", "text", None, "Menagerie") in info["disco_info"]["identities"], info
    await muc.send_affiliation_list(ROOM, [(f"node@{DOMAIN}", "member")])
    assert f"node@{DOMAIN}" in [str(jid) for jid in await muc.get_affiliation_list(ROOM, "member")]
    print("ready", flush=True)
    await until("the others", lambda: EXPECTED <= set(online))
    xmpp.send_message(mto=ROOM, mbody="ssss from slixmpp", mtype="groupchat")
    await until("what the others say", lambda: EXPECTED <= {nick for nick, _ in bodies})
    await muc.set_role(ROOM, "node", "moderator")
    await until("node as moderator", lambda: "node" in muc.rooms[ROOM] and muc.rooms[ROOM]["node"]["role"] == "moderator")
    assert set(await muc.get_roles_list(ROOM, "moderator")) >= {"snake", "node"}
    xmpp.send_presence(pto=f"{ROOM}/python")
    await until("the new nick", lambda: "python" in muc.rooms[ROOM])
    muc.set_subject(ROOM, "What animals say")
    await until("the subject", lambda: "What animals say" in subjects)
    try:
        await muc.set_affiliation(ROOM, "admin", jid=f"snake@{DOMAIN}")
        raise AssertionError("the last owner resigned")
    except IqError as error:
        assert error.iq["error"]["condition"] == "conflict", error
    print("done", flush=True)
    await asyncio.sleep(0.2)
    await xmpp.disconnect(wait=1)


asyncio.get_event_loop().run_until_complete(main())
