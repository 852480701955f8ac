// The sheet of one spark: what it is like now, what has happened to it, and what can be done.

import { drawSparkline } from './charts.js';
import { bytes, clock, count, ms, rate, span } from './format.js';

const RATES_MAX = 60;

/** What an event is called. */
const EVENTS = {
  connected: 'Connected',
  joined: 'Joined',
  left: 'Left',
  error: 'Error',
  ended: 'Ended',
  operator: 'An operator',
};

const $ = (id) => document.getElementById(id);

export class Sheet {
  #live;
  #id = null;
  #before = null;
  #rates = [];
  #skew = () => 0;

  /** `now` says what time it is on the server. */
  constructor(live, now) {
    this.#live = live;
    this.#skew = now;
    const sheet = $('sheet');
    sheet.addEventListener('close', () => this.#closed());
    sheet.addEventListener('click', ({ target }) => target === sheet && sheet.close());
    $('sheet-close').addEventListener('click', () => sheet.close());
    $('say').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    $('say-text').addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say();
    });
    $('end-ask').addEventListener('click', () => this.#askWhetherToEnd($('end-sure').hidden));
    $('end-no').addEventListener('click', () => this.#askWhetherToEnd(false, $('end-ask')));
    for (const button of document.querySelectorAll('[data-reconnect]')) {
      button.addEventListener('click', () => this.#end(button.dataset.reconnect === 'true'));
    }
  }

  get isOpen() {
    return this.#id !== null;
  }

  open(id) {
    this.#id = id;
    this.#before = null;
    this.#rates = [];
    $('spark-id').textContent = id;
    $('say-hint').textContent = '';
    $('say-text').removeAttribute('aria-invalid');
    this.#askWhetherToEnd(false);
    this.#state('Looking', '');
    for (const part of ['facts', 'history', 'spark-room-list']) $(part).replaceChildren();
    if (!$('sheet').open) $('sheet').showModal();
    this.#live.ask({ ask: 'watch', spark: id }).then(
      ({ ok, text }) => ok || this.#state(text, 'is-down'),
      ({ message }) => this.#state(message, 'is-down'),
    );
  }

  /** After the connection was lost the server has to be asked again. */
  again() {
    if (this.isOpen) this.#live.ask({ ask: 'watch', spark: this.#id }).catch(() => {});
  }

  show(row) {
    if (row.id !== this.#id) return;
    const isThere = row.isThere;
    if (isThere && row.alive) this.#state('Connected', 'is-live');
    else if (isThere) this.#state('Has not answered its ping', 'is-waiting');
    else this.#state(row.endedMs ? 'Ended' : 'Not connected', 'is-down');
    this.#facts(row);
    this.#rate(row);
    $('acts').hidden = !isThere;
    this.#rooms(row);
    this.#history(row);
  }

  #closed() {
    this.#id = null;
    this.#live.ask({ ask: 'unwatch' }).catch(() => {});
  }

  #state(words, kind) {
    const state = $('spark-state');
    if (state.textContent !== words) state.textContent = words;
    state.className = `pill ${kind}`;
  }

  #facts(row) {
    const since = row.openedMs ? span((row.endedMs ?? this.#skew()) - row.openedMs) : null;
    const facts = [
      ['Address', row.address ?? 'unknown'],
      ['Encrypted', row.isThere ? (row.secure ? 'yes' : 'no') : '–'],
      [row.endedMs ? 'Was connected for' : 'Connected for', since ?? 'longer than is kept'],
      ['Round trip', ms(row.ms)],
      ['Waits to be sent', row.isThere ? bytes(row.waiting) : '–'],
      ['Rooms', count(row.roomsTotal)],
    ];
    if (row.query) facts.push(['Query', row.query, 'wide mono']);
    const list = $('facts');
    facts.forEach(([name, value, kind = ''], place) => {
      const fact = list.children[place] ?? list.appendChild(pair());
      fact.className = kind;
      fill(fact.children[0], name);
      fill(fact.children[1], value);
    });
    while (list.childElementCount > facts.length) list.lastElementChild.remove();
  }

  #rate(row) {
    $('rate').hidden = !row.isThere;
    const [now, before] = [performance.now(), this.#before];
    this.#before = { at: now, received: row.received };
    if (!before || row.received < before.received) return;
    const seconds = Math.max(.2, (now - before.at) / 1000);
    this.#rates.push((row.received - before.received) / seconds);
    if (this.#rates.length > RATES_MAX) this.#rates.shift();
    $('rate-now').textContent = rate(this.#rates.at(-1));
    const total = `${count(row.received)} messages, ${bytes(row.receivedBytes)}`;
    $('rate-total').textContent = `${total} since it is watched`;
    drawSparkline($('rate-line'), this.#rates);
  }

  #rooms({ rooms, roomsTotal }) {
    $('spark-rooms').hidden = roomsTotal === 0;
    const names = [...rooms];
    if (roomsTotal > rooms.length) names.push(`and ${count(roomsTotal - rooms.length)} more`);
    const list = $('spark-room-list');
    if ([...list.children].map(({ textContent }) => textContent).join('\n') === names.join('\n')) {
      return;
    }
    list.replaceChildren(...names.map((name) => element('li', '', name)));
  }

  #history({ events, eventsLeftOut, openedMs, isThere }) {
    const list = $('history');
    const key = events.map(({ at, what }) => `${at}${what}`).join();
    if (list.dataset.key !== key || list.childElementCount === 0) {
      list.dataset.key = key;
      list.replaceChildren(...[...events].reverse().map(entry));
    }
    const leftOut = eventsLeftOut > 0 ? `${count(eventsLeftOut)} events between are left out.` : '';
    const unknown = isThere
      ? 'It connected before what is kept, or while very much happened.'
      : 'Nothing is known of it.';
    $('history-note').textContent = openedMs ? leftOut : unknown;
  }

  async #say() {
    const field = $('say-text');
    const isJson = $('say').elements.mode.value === 'json';
    let data = field.value;
    try {
      if (isJson) data = JSON.parse(data);
      field.removeAttribute('aria-invalid');
    } catch {
      field.setAttribute('aria-invalid', 'true');
      $('say-hint').textContent = 'This is not JSON.';
      return;
    }
    const spark = this.#id;
    $('say-hint').textContent = 'On its way';
    $('say-hint').textContent = await this.#done({ ask: 'say', spark, data });
  }

  async #end(reconnect) {
    const spark = this.#id;
    this.#askWhetherToEnd(false);
    $('say-hint').textContent = await this.#done({ ask: 'end', spark, reconnect });
    $('sheet-close').focus();
  }

  async #done(question) {
    try {
      const { text } = await this.#live.ask(question);
      return text.charAt(0).toUpperCase() + text.slice(1);
    } catch ({ message }) {
      return message;
    }
  }

  #askWhetherToEnd(isAsked, focused = null) {
    $('end-sure').hidden = !isAsked;
    $('end-ask').setAttribute('aria-expanded', String(isAsked));
    focused?.focus();
  }
}

function entry({ at, what, text }) {
  const item = element('li', what === 'operator' ? 'operator-act' : what, '');
  const time = element('time', '', clock(at));
  time.dateTime = new Date(at).toISOString();
  item.append(element('b', '', EVENTS[what] ?? what), time);
  if (text) item.append(element('span', '', what === 'operator' ? `It ${text}` : text));
  return item;
}

function pair() {
  const fact = document.createElement('div');
  fact.append(document.createElement('dt'), document.createElement('dd'));
  return fact;
}

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

function fill(node, words) {
  if (node.textContent !== words) node.textContent = words;
}
