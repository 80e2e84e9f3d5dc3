// A small chat on Strophe.js: enough to see that BOSH and WebSocket work, in a browser, with nothing from elsewhere.

import { forgetRooms, isRoom, join, joinAgain, nickIn, roomPresence } from './rooms.mjs';
import { $iq, $msg, $pres, Strophe } from './strophe.mjs';
import { view } from './view.mjs';

const at = (id) => document.getElementById(id);
const urls = {
  bosh: new URL('/http-bind', location.href).href,
  websocket: new URL('/xmpp-websocket', location.href).href.replace(/^http/, 'ws'),
};
const failures = new Map([
  [Strophe.Status.AUTHFAIL, 'The address or the password is wrong.'],
  [Strophe.Status.CONNFAIL, 'The server cannot be reached.'],
  [Strophe.Status.CONNTIMEOUT, 'The server does not answer.'],
  [Strophe.Status.ERROR, 'Something went wrong.'],
]);
let connection;

at('bosh-url').textContent = urls.bosh;
at('websocket-url').textContent = urls.websocket;

async function showHealth() {
  try {
    const status = await (await fetch('/status.json')).json();
    view.health(status.ready);
    if (at('jid').value === '') at('jid').placeholder = `name@${status.domain}`;
  } catch {
    view.health(false);
  }
}
showHealth();
setInterval(showHealth, 15_000);

function makeConnection(transport) {
  const made = new Strophe.Connection(urls[transport], { keepalive: true });
  return made;
}

function onStatus(status, condition) {
  switch (status) {
    case Strophe.Status.CONNECTED:
    case Strophe.Status.ATTACHED:
      return online(status === Strophe.Status.ATTACHED);
    case Strophe.Status.DISCONNECTED:
      return offline();
    default:
      if (failures.has(status)) view.problem(`${failures.get(status)}${condition ? ` (${condition})` : ''}`);
  }
}

async function online(restored) {
  view.problem('');
  at('password').value = '';
  sessionStorage.setItem('transport', connection.service === urls.bosh ? 'bosh' : 'websocket');
  view.show('chat', connection.jid);
  at('nick').value ||= Strophe.getNodeFromJid(connection.jid) ?? '';
  connection.addHandler(onMessage, null, 'message');
  connection.addHandler(onPresence, null, 'presence');
  connection.sendIQ($iq({ type: 'get' }).c('query', { xmlns: Strophe.NS.ROSTER }), (result) => {
    for (const item of result.getElementsByTagName('item')) {
      const address = item.getAttribute('jid');
      view.conversation(address, { name: item.getAttribute('name') ?? address });
    }
  });
  connection.send($pres());
  joinAgain(connection);
  if (!restored) suggestRooms();
}

/** Finds the server's rooms, for a placeholder that can be filled in. */
function suggestRooms() {
  const domain = Strophe.getDomainFromJid(connection.jid);
  const ask = (to, kind, then) =>
    connection.sendIQ(
      $iq({ type: 'get', to }).c('query', { xmlns: Strophe.NS[kind] }),
      then,
      () => undefined,
    );
  ask(domain, 'DISCO_ITEMS', (items) => {
    for (const item of items.getElementsByTagName('item')) {
      const jid = item.getAttribute('jid');
      ask(jid, 'DISCO_INFO', (info) => {
        const identity = info.querySelector("identity[category='conference']");
        if (identity !== null) at('room').placeholder = `room@${jid}`;
      });
    }
  });
}

function offline() {
  view.show('welcome');
  at('connect').disabled = false;
  if (at('problem').textContent === '' && !leaving) at('problem').textContent = 'The connection has ended.';
  leaving = false;
}
let leaving = false;

function onMessage(message) {
  const text = message.querySelector(':scope > body')?.textContent ?? '';
  const from = message.getAttribute('from') ?? '';
  const bare = Strophe.getBareJidFromJid(from);
  const type = message.getAttribute('type');
  if (type === 'error') {
    const condition = message.querySelector('error > *')?.localName ?? 'error';
    view.message(bare, { kind: 'note', text: `Not delivered: ${condition}` });
  } else if (text !== '' && isRoom(bare)) {
    const nick = Strophe.getResourceFromJid(from);
    const kind = nick === null ? 'note' : nick === nickIn(bare) ? 'mine' : 'theirs';
    view.message(bare, { kind, who: nick ?? undefined, text }, { room: true });
  } else if (text !== '') {
    view.message(bare, { kind: 'theirs', who: bare, text });
  }
  return true;
}

function onPresence(presence) {
  const from = presence.getAttribute('from') ?? '';
  if (isRoom(Strophe.getBareJidFromJid(from))) roomPresence(connection, presence);
  return true;
}

function on(id, handler) {
  at(id).addEventListener('submit', (event) => {
    event.preventDefault();
    handler();
  });
}

on('log-in', () => {
  const transport = document.querySelector('input[name=transport]:checked').value;
  view.connecting();
  view.clear();
  forgetRooms();
  connection = makeConnection(transport);
  sessionStorage.setItem('jid', at('jid').value);
  connection.connect(at('jid').value.trim(), at('password').value, onStatus);
});

on('start-chat', () => {
  view.open(at('contact').value.trim());
  at('contact').value = '';
});

on('join-room', () => {
  join(connection, at('room').value.trim(), at('nick').value.trim());
  at('room').value = '';
});

on('compose', () => {
  const conversation = view.current;
  const text = at('text').value;
  at('text').value = '';
  const type = conversation.room ? 'groupchat' : 'chat';
  connection.send(
    $msg({ to: conversation.address, type, id: crypto.randomUUID?.() ?? String(Date.now()) })
      .c('body')
      .t(text),
  );
  // A room sends it back; a contact does not.
  if (!conversation.room) view.message(conversation.address, { kind: 'mine', text });
});

at('log-out').addEventListener('click', () => {
  leaving = true;
  forgetRooms();
  view.clear();
  sessionStorage.clear();
  connection.disconnect();
});

// A BOSH session lives through a reload: go on where it was.
at('jid').value = sessionStorage.getItem('jid') ?? '';
if (sessionStorage.getItem('transport') === 'bosh') {
  document.querySelector('input[value=bosh]').checked = true;
  connection = makeConnection('bosh');
  try {
    connection.restore(undefined, onStatus);
  } catch {
    // Nothing to go on with.
  }
}
