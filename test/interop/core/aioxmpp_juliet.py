"""aioxmpp as juliet: approves whoever asks and asks back, answers a message, sets a vCard, leaves on "bye"."""
import asyncio
import sys

import aioxmpp
import aioxmpp.vcard
import aioxmpp.xml
from lxml import etree

HOST, PORT, DOMAIN = sys.argv[1], int(sys.argv[2]), sys.argv[3]


async def main():
    security = aioxmpp.make_security_layer("secret", no_verify=True)
    client = aioxmpp.PresenceManagedClient(
        aioxmpp.JID.fromstr(f"juliet@{DOMAIN}/balcony"),
        security,
        override_peer=[(HOST, PORT, aioxmpp.connector.STARTTLSConnector())],
    )
    roster = client.summon(aioxmpp.RosterClient)
    vcards = client.summon(aioxmpp.vcard.VCardService)
    messages = client.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
    bye = asyncio.Event()

    def asked(stanza):
        roster.approve(stanza.from_)
        roster.subscribe(stanza.from_)

    roster.on_subscribe.connect(asked)

    def received(message):
        body = message.body.any() if message.body else None
        if body == "bye":
            bye.set()
        elif body == "Art thou not Juliet?":
            answer = aioxmpp.Message(to=message.from_, type_=aioxmpp.MessageType.CHAT)
            answer.body[None] = "Ay me!"
            client.enqueue(answer)

    messages.register_callback(aioxmpp.MessageType.CHAT, None, received)
    async with client.connected():
        card = aioxmpp.vcard.VCard() if hasattr(aioxmpp.vcard, "VCard") else await vcards.get_vcard()
        name = etree.SubElement(card.elements, "{vcard-temp}FN") if hasattr(card, "elements") else None
        assert name is not None, dir(card)
        name.text = "Juliet Capulet"
        await vcards.set_vcard(card)
        print("ready", flush=True)
        await asyncio.wait_for(bye.wait(), 60)
    print("done", flush=True)


asyncio.get_event_loop().run_until_complete(main())
