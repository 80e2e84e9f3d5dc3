// Draws /status.json every two seconds: this process in the middle, its neighbours around it.
const REFRESH_MILLISECONDS = 2000;
const BOX = { width: 190, height: 84 };
const RADIUS = { x: 345, y: 235 };

let last = null;

function svg(name, attributes = {}, text = '') {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  return element;
}

/** Stanzas per second between two readings; 0 after a restart. */
function rate(now, before, seconds) {
  return before === undefined || seconds <= 0 ? 0 : Math.max(0, (now - before) / seconds);
}

function number(value) {
  return value >= 10 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '');
}

function box(x, y, up, lines) {
  const group = svg('g', { transform: `translate(${x} ${y})`, class: up ? 'up' : 'down' });
  const { width, height } = BOX;
  group.append(svg('rect', { x: -width / 2, y: -height / 2, width, height, rx: 10 }));
  lines.forEach((line, index) => {
    const y = -height / 2 + 24 + index * 19;
    group.append(svg('text', { y, class: index === 0 ? 'name' : 'small' }, line));
  });
  return group;
}

function draw(status) {
  const seconds = last === null ? 0 : (status.at - last.at) / 1000;
  const before = new Map((last?.neighbours ?? []).map((neighbour) => [neighbour.name, neighbour.stanzas]));
  const picture = document.getElementById('picture');
  const lines = [];
  const boxes = [];
  status.neighbours.forEach((neighbour, index) => {
    const angle = (2 * Math.PI * index) / status.neighbours.length - Math.PI / 2;
    const x = Math.round(RADIUS.x * Math.cos(angle));
    const y = Math.round(RADIUS.y * Math.sin(angle));
    const perSecond = rate(neighbour.stanzas, before.get(neighbour.name), seconds);
    const latency = neighbour.latency === null ? '' : ` · ${number(neighbour.latency)} ms`;
    lines.push(svg('line', { x1: 0, y1: 0, x2: x, y2: y, class: neighbour.up ? 'up' : 'down' }));
    const group = box(x, y, neighbour.up, [
      neighbour.name,
      neighbour.address,
      neighbour.up ? `${number(perSecond)} stanzas/s${latency}` : 'down',
      neighbour.waiting > 0 ? `${neighbour.waiting} waiting` : '',
    ]);
    group.dataset.neighbour = neighbour.name;
    group.dataset.kind = neighbour.kind;
    boxes.push(group);
  });
  const centre = box(0, 0, status.ready, [
    status.process,
    `${number(rate(status.stanzas, last?.stanzas, seconds))} stanzas/s`,
    `${Math.round(status.memoryBytes / 2 ** 20)} MiB`,
  ]);
  centre.dataset.centre = status.process;
  picture.replaceChildren(...lines, ...boxes, centre);

  document.title = `${status.ready ? '' : '⚠ '}${status.process} · Entourage`;
  document.getElementById('process').textContent = `${status.process} ${status.version}`;
  const state = document.getElementById('state');
  state.textContent = status.ready ? 'ready' : `not ready: ${status.reason}`;
  state.className = status.ready ? 'up' : 'down';
  const facts = {
    ...status.facts,
    'up for (s)': status.uptimeSeconds,
    'read at': new Date(status.at).toLocaleTimeString(),
  };
  document.getElementById('facts').replaceChildren(
    ...Object.entries(facts).map(([name, value]) => {
      const pair = document.createElement('div');
      const term = document.createElement('dt');
      const description = document.createElement('dd');
      term.textContent = name;
      description.textContent = String(value);
      pair.append(term, description);
      return pair;
    }),
  );
  last = status;
}

async function refresh() {
  try {
    const response = await fetch('/status.json', { signal: AbortSignal.timeout(5000) });
    draw(await response.json());
  } catch {
    const state = document.getElementById('state');
    state.textContent = 'does not answer';
    state.className = 'down';
    last = null;
  }
  setTimeout(refresh, REFRESH_MILLISECONDS);
}

refresh();
