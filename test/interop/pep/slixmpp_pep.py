"""Two clients of slixmpp use its plug-ins xep_0163, 0084, 0107, 0118, 0172 and 0060: python3 slixmpp_pep.py HOST PORT DOMAIN"""

import asyncio
import hashlib
import sys

from slixmpp import ClientXMPP

HOST, PORT, DOMAIN = sys.argv[1], int(sys.argv[2]), sys.argv[3]
WAIT = 15


class Client(ClientXMPP):
    def __init__(self, user, resource, interests=()):
        super().__init__(f'{user}@{DOMAIN}/{resource}', 'secret')
        self.ready = asyncio.get_event_loop().create_future()
        for plugin in ('xep_0030', 'xep_0115', 'xep_0060', 'xep_0163', 'xep_0084', 'xep_0107', 'xep_0118', 'xep_0172'):
            self.register_plugin(plugin)
        self['feature_mechanisms'].unencrypted_plain = True
        self['feature_mechanisms'].unencrypted_scram = True
        self.interests = interests
        self.heard = asyncio.Queue()
        for event in ('user_mood_publish', 'user_tune_publish', 'user_nick_publish', 'avatar_metadata_publish'):
            self.add_event_handler(event, lambda message, event=event: self.heard.put_nowait((event, message)))
        self.add_event_handler('session_start', self.start)
        self.add_event_handler('presence_subscribe', lambda _: None)

    async def start(self, _):
        await self.get_roster()
        for namespace in self.interests:
            self['xep_0163'].add_interest(namespace)
        await self['xep_0115'].update_caps()
        self.send_presence()
        self.ready.set_result(True)

    async def hear(self, event):
        while True:
            name, message = await asyncio.wait_for(self.heard.get(), WAIT)
            if name == event:
                return message


async def main():
    juliet = Client('juliet', 'balcony')
    juliet.connect((HOST, PORT), disable_starttls=True)
    await asyncio.wait_for(juliet.ready, WAIT)
    namespaces = (
        'http://jabber.org/protocol/mood',
        'http://jabber.org/protocol/tune',
        'http://jabber.org/protocol/nick',
        'urn:xmpp:avatar:metadata',
    )
    romeo = Client('romeo', 'orchard', namespaces)
    romeo.connect((HOST, PORT), disable_starttls=True)
    await asyncio.wait_for(romeo.ready, WAIT)

    # Both accept subscriptions by themselves.
    romeo.send_presence_subscription(pto=juliet.boundjid.bare)
    for _ in range(100):
        if juliet.client_roster[romeo.boundjid.bare]['subscription'] == 'both':
            break
        await asyncio.sleep(0.05)
    assert juliet.client_roster[romeo.boundjid.bare]['subscription'] == 'both'

    assert await juliet['xep_0030'].supports(juliet.boundjid.bare, feature='http://jabber.org/protocol/pubsub#publish')
    await juliet['xep_0107'].publish_mood('happy', 'at last')
    message = await romeo.hear('user_mood_publish')
    mood = message['pubsub_event']['items']['item']['mood']
    assert message['from'] == juliet.boundjid.bare and mood['value'] == 'happy' and mood['text'] == 'at last', message
    print('mood')

    await juliet['xep_0118'].publish_tune(artist='Gerald Finzi', title='Introduction')
    message = await romeo.hear('user_tune_publish')
    assert message['pubsub_event']['items']['item']['tune']['artist'] == 'Gerald Finzi', message
    print('tune')

    await juliet['xep_0172'].publish_nick('Jule')
    message = await romeo.hear('user_nick_publish')
    assert message['pubsub_event']['items']['item']['nick']['nick'] == 'Jule', message
    print('nick')

    picture = bytes(range(256)) * 40
    digest = hashlib.sha1(picture).hexdigest()
    await juliet['xep_0084'].publish_avatar(picture)
    await juliet['xep_0084'].publish_avatar_metadata([{'id': digest, 'type': 'image/png', 'bytes': len(picture)}])
    await romeo.hear('avatar_metadata_publish')
    answer = await romeo['xep_0084'].retrieve_avatar(juliet.boundjid.bare, digest)
    assert answer['pubsub']['items']['item']['avatar_data']['value'] == picture
    print('avatar')

    items = await romeo['xep_0060'].get_items(juliet.boundjid.bare, 'http://jabber.org/protocol/nick')
    assert len(items['pubsub']['items']) == 1, items
    await juliet['xep_0060'].delete_node(juliet.boundjid.bare, 'http://jabber.org/protocol/nick')
    print('all well')


loop = asyncio.get_event_loop()
loop.run_until_complete(asyncio.wait_for(main(), 60))
