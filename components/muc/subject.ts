import { children, type Element, namespaceOf, sameNamespace } from '../../shared/xml/element.js';
import type { Stanza } from '../../shared/xml/stanza.js';
import { NS } from '../../shared/xmpp/namespaces.js';
import type { Muc } from './context.js';
import { delayElement } from './delay.js';
import { refusal } from './refusal.js';
import type { Room, Session } from './rooms/room.js';
import { innerXml, occupantIdElement, stanzaIdElement, template } from './wire.js';
import type { Work } from './work.js';

/** §8.1: a `<subject/>` and neither `<body/>` nor `<thread/>`. */
export function isSubjectChange(stanza: Stanza): boolean {
  let subject = false;
  for (const { name, namespace } of stanza.children()) {
    if (namespace !== NS.client) continue;
    if (name === 'body' || name === 'thread') return false;
    if (name === 'subject') subject = true;
  }
  return subject;
}

/** XEP-0045 §8.1 Modifying the Room Subject. */
export function changeSubject(muc: Muc, work: Work, room: Room, session: Session, stanza: Stanza): void {
  const { occupant } = session;
  const allowed =
    occupant.role === 'moderator' || (room.config.changeSubject && occupant.role === 'participant');
  if (!allowed) throw refusal(room, 'forbidden');
  const texts = children(stanza.element, 'subject').map((child) => child.getText());
  const limit = muc.policy.subjectLength;
  if (texts.some((text) => text.length > limit))
    throw refusal(room, 'not-acceptable', { text: `A subject may have ${limit} characters` });
  const content = innerXml(stanza, (child) => isSubject(child, stanza));
  const stanzaId = muc.newId();
  const at = muc.now();
  const id = stanza.id ?? stanzaId;
  const before = room.subject;
  const subject = {
    content,
    text: texts[0] ?? '',
    ...(stanza.lang === undefined ? {} : { lang: stanza.lang }),
    nick: occupant.nick,
    occupantId: occupant.id,
    id,
    stanzaId,
    at,
  };
  room.subject = subject;
  work.undo.push(() => {
    if (room.subject === subject) room.subject = before;
  });
  work.saveRoom(room);
  if (room.config.logging) work.sent.push(() => muc.publicLog?.subject(room, at, subject.nick, subject.text));
  const text = template(
    { name: 'message', from: occupant.address, type: 'groupchat', id, lang: stanza.lang },
    content + stanzaIdElement(room, stanzaId) + occupantIdElement(occupant.id),
  );
  work.journal(room, { stanzaId, at, from: occupant.nick, ...text, live: true, delayed: false });
  work.broadcastTo(text, room.addresses);
}

function isSubject(child: Element, stanza: Stanza): boolean {
  return child.getName() === 'subject' && sameNamespace(namespaceOf(child), stanza.namespace);
}

/** §7.2.15: the subject ends what a newcomer is sent; without one, an empty element. */
export function sendSubject(work: Work, room: Room, session: Session): void {
  const { subject } = room;
  if (subject === null) {
    work.sendTo(template({ name: 'message', from: room.address, type: 'groupchat' }, '<subject/>'), session);
    return;
  }
  work.sendTo(
    template(
      {
        name: 'message',
        from: room.addressOf(subject.nick),
        type: 'groupchat',
        id: subject.id,
        lang: subject.lang,
      },
      subject.content +
        stanzaIdElement(room, subject.stanzaId) +
        occupantIdElement(subject.occupantId) +
        delayElement(room.address, subject.at),
    ),
    session,
  );
}
