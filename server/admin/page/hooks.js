// What an application is told, and how it takes that.

import { showFacts } from './facts.js';
import { bytes, count, ms, rate } from './format.js';
import { bar, Table, text } from './tables.js';

export class Hooks {
  #card;
  #note;
  #facts;
  #lanes;
  #most = 1;

  constructor({ card, note, facts, lanes }) {
    this.#card = card;
    this.#note = note;
    this.#facts = facts;
    this.#lanes = new Table(lanes, {
      caption: 'Lanes of hooks in which something waits',
      empty: 'The application takes everything at once.',
      key: ({ number }) => number,
      columns: [
        { title: 'Lane', fill: text(({ number }) => String(number)) },
        { title: 'Application', fill: text(state) },
        { title: 'Waits', className: 'number', fill: text((lane) => bytes(lane.bytes)) },
        { title: '', className: 'bar-cell', fill: bar((lane) => lane.bytes / this.#most, kind) },
      ],
    });
  }

  /** `hooks` is missing where nobody is told anything. */
  show(hooks) {
    this.#card.hidden = !hooks;
    if (!hooks) return;
    const { lanes, queue, queueMax } = hooks;
    const failing = lanes.filter(({ isFailing }) => isFailing).length;
    this.#note.textContent = failing > 0 ? 'its last request failed and is tried again' : '';
    showFacts(this.#facts, {
      'Events told': `${rate(hooks.told)}/s`,
      Waits: `${bytes(queue)} of ${bytes(queueMax)}`,
      'Requests, half within': ms(hooks.p50),
      '99 of 100 within': ms(hooks.p99),
      'Failed requests': `${rate(hooks.failed)}/s, ${count(hooks.failedTotal)} so far`,
      'Dead letters': count(hooks.dead),
      'Clients turned away': count(hooks.turnedAway),
      'Events left out': count(hooks.leftOut),
    });
    this.#most = Math.max(1, ...lanes.map((lane) => lane.bytes));
    this.#lanes.update(lanes);
  }
}

function state({ isFailing, isFull }) {
  if (isFailing) return 'fails';
  return isFull ? 'too slow' : 'answers';
}

function kind({ isFailing, isFull }) {
  if (isFailing || isFull) return 'hot';
  return '';
}
