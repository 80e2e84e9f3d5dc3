// What is on the screen. Text from the network is only ever set as text, never as markup.

const at = (id) => document.getElementById(id);

/** Conversations by address: what was said, and what has not been read. */
const conversations = new Map();
let current;

export const view = {
  /** Shows one of the two pages. */
  show(page, ownJid = '') {
    at('welcome').hidden = page !== 'welcome';
    at('chat').hidden = page !== 'chat';
    at('me').hidden = page !== 'chat';
    at('own-jid').textContent = ownJid;
  },

  problem(text) {
    at('problem').textContent = text;
    at('connect').disabled = false;
  },

  connecting() {
    at('problem').textContent = '';
    at('connect').disabled = true;
  },

  health(ready) {
    at('health').textContent = ready ? 'ready' : 'the chat server cannot be reached just now';
    at('health').className = ready ? 'good' : 'bad';
  },

  /** Makes sure that a conversation is listed. */
  conversation(address, { name = address, room = false } = {}) {
    const known = conversations.get(address);
    if (known !== undefined) return known;
    const made = { address, name, room, messages: [], unread: 0, occupants: [] };
    conversations.set(address, made);
    list();
    return made;
  },

  /** Adds a line to a conversation. */
  message(address, line, options) {
    const conversation = view.conversation(address, options);
    conversation.messages.push(line);
    if (conversation === current) append(line);
    else if (line.kind !== 'note') conversation.unread++;
    list();
  },

  occupants(address, names) {
    const conversation = view.conversation(address, { room: true });
    conversation.occupants = names;
    if (conversation === current) at('occupants').textContent = names.join(', ');
  },

  open(address, options) {
    current = view.conversation(address, options);
    current.unread = 0;
    at('title').textContent = current.name;
    at('occupants').textContent = current.occupants.join(', ');
    at('messages').replaceChildren();
    for (const line of current.messages) append(line);
    at('compose').hidden = false;
    at('text').focus();
    list();
  },

  get current() {
    return current;
  },

  /** Forgets everything: the user has logged out. */
  clear() {
    conversations.clear();
    current = undefined;
    at('title').textContent = 'Choose a conversation';
    at('occupants').textContent = '';
    at('messages').replaceChildren();
    at('compose').hidden = true;
    list();
  },
};

function append({ who, text, kind }) {
  const item = document.createElement('li');
  item.className = kind;
  if (who !== undefined) {
    const name = document.createElement('span');
    name.className = 'who';
    name.textContent = who;
    item.append(name);
  }
  item.append(text);
  at('messages').append(item);
  item.scrollIntoView({ block: 'end' });
}

function list() {
  const items = [...conversations.values()].map((conversation) => {
    const item = document.createElement('li');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = conversation.name;
    button.setAttribute('aria-current', String(conversation === current));
    button.addEventListener('click', () => view.open(conversation.address));
    if (conversation.unread > 0) {
      const unread = document.createElement('span');
      unread.className = 'unread';
      unread.textContent = String(conversation.unread);
      button.append(unread);
    }
    item.append(button);
    return item;
  });
  at('conversations').replaceChildren(...items);
}
