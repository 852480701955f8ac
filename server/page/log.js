// The list of messages and events. It holds a bounded number of entries, and writes to the page at
// most once per frame, however many messages arrive.

const ENTRIES_MAX = 300;
const TEXT_CHARACTERS_MAX = 4_000;

/** What each way is drawn with, and called for those who do not see it. */
const WAYS = {
  out: { sign: '↑', name: 'Sent' },
  in: { sign: '↓', name: 'Received' },
  note: { sign: '·', name: 'Event' },
  wait: { sign: '↻', name: 'Event' },
  down: { sign: '×', name: 'Event' },
};

export class Log {
  #list;
  #empty;
  #pending = [];

  constructor(list, empty) {
    this.#list = list;
    this.#empty = empty;
    this.show('message', true);
    this.show('event', true);
  }

  /** Adds an entry. `kind` is message, event or beat; `way` one of out, in, note, wait, down. */
  add(kind, way, text, badge = '') {
    this.#pending.push({ kind, way, text, badge, at: new Date() });
    if (this.#pending.length === 1) requestAnimationFrame(() => this.#flush());
    if (this.#pending.length > ENTRIES_MAX) this.#pending.splice(1, 1);
  }

  show(kind, isShown) {
    this.#list.classList.toggle(`show-${kind}`, isShown);
    this.#tellWhetherEmpty();
  }

  clear() {
    this.#list.replaceChildren();
    this.#tellWhetherEmpty();
  }

  #flush() {
    const list = this.#list;
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    list.append(...this.#pending.splice(0).map(element));
    while (list.childElementCount > ENTRIES_MAX) list.firstElementChild.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
    this.#tellWhetherEmpty();
  }

  #tellWhetherEmpty() {
    this.#empty.hidden = this.#list.childElementCount > 0;
  }
}

function element({ kind, way, text, badge, at }) {
  const entry = document.createElement('li');
  entry.className = `entry ${kind} ${way}`;
  const time = part('time', '', clock(at));
  time.dateTime = at.toISOString();
  const sign = part('span', 'way', WAYS[way].sign);
  sign.setAttribute('aria-hidden', 'true');
  const words = part('span', 'text', '');
  words.append(part('span', 'visually-hidden', `${WAYS[way].name}: `), shortened(text));
  entry.append(time, sign, words);
  if (badge) entry.append(part('span', 'badge', badge));
  return entry;
}

function part(name, className, text) {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = text;
  return node;
}

function shortened(text) {
  if (text.length <= TEXT_CHARACTERS_MAX) return text;
  return `${text.slice(0, TEXT_CHARACTERS_MAX)} … (${text.length} characters)`;
}

function clock(at) {
  const two = (number) => String(number).padStart(2, '0');
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}
