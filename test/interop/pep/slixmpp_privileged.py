"""A component of slixmpp with its plug-in xep_0356: python3 slixmpp_privileged.py HOST PORT COMPONENT SECRET ACCOUNT CONTACT"""

import asyncio
import sys

from slixmpp import ComponentXMPP

HOST, PORT, DOMAIN, SECRET, ACCOUNT, CONTACT = sys.argv[1], int(sys.argv[2]), *sys.argv[3:7]
WAIT = 15


async def main():
    component = ComponentXMPP(DOMAIN, SECRET, HOST, PORT)
    # The plug-in addresses privileged messages to the host that it connects to.
    component.register_plugin('xep_0356')
    privilege = component['xep_0356']
    granted = asyncio.get_event_loop().create_future()
    component.add_event_handler('privileges_advertised', lambda _: granted.done() or granted.set_result(True))
    component.connect()
    await asyncio.wait_for(granted, WAIT)
    component.server_host = ACCOUNT.split('@')[1]
    permissions = privilege.granted_privileges
    assert permissions['roster'] == 'both' and permissions['message'] == 'outgoing', permissions

    await asyncio.wait_for(
        privilege.set_roster(ACCOUNT, {CONTACT: {'name': 'Romeo', 'subscription': 'both', 'groups': ['Friends']}}), WAIT
    )
    roster = await asyncio.wait_for(privilege.get_roster(ACCOUNT), WAIT)
    items = roster['roster']['items']
    # A roster set changes no subscription, whoever sends it (RFC 6121 2.3.3).
    found = [(str(jid), item['name'], item['groups'], item['subscription']) for jid, item in items.items()]
    assert found == [(CONTACT, 'Romeo', ['Friends'], 'none')], found
    print('roster')

    message = component.make_message(mto=CONTACT, mfrom=ACCOUNT, mbody='in her name', mtype='chat')
    message.namespace = 'jabber:client'
    privilege.send_privileged_message(message)
    await asyncio.sleep(0.2)
    print('all well')


asyncio.get_event_loop().run_until_complete(asyncio.wait_for(main(), 40))
