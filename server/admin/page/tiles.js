// The numbers at the top. Each is a button: the one that is pressed is drawn below.

import { drawSparkline, sparkline } from './charts.js';
import { bytes, count, ms, percent, rate } from './format.js';

/** What there is to see: how it is written, and of which numbers its chart is. */
export const METRICS = [
  {
    key: 'sparks',
    name: 'Sparks',
    title: 'Sparks that are connected',
    value: ({ sparks }) => count(sparks),
    more: ({ opened, ended }) => `${rate(opened)} came, ${rate(ended)} left a second`,
    series: [['sparks', 'Connected']],
    format: count,
    least: 4,
  },
  {
    key: 'messages',
    name: 'Messages a second',
    title: 'Messages a second',
    value: ({ received }) => rate(received),
    more: ({ written, broadcasts }) => `${rate(written)} written, ${rate(broadcasts)} to many`,
    series: [['received', 'From clients'], ['written', 'To single sparks']],
    format: rate,
    least: 4,
  },
  {
    key: 'bytes',
    name: 'Bytes a second',
    title: 'Bytes a second, without what TLS adds',
    value: ({ receivedBytes, sentBytes }) => bytes(receivedBytes + sentBytes),
    more: ({ receivedBytes, sentBytes }) => `${bytes(receivedBytes)} in, ${bytes(sentBytes)} out`,
    series: [['sentBytes', 'To clients'], ['receivedBytes', 'From clients']],
    format: bytes,
    least: 1e3,
  },
  {
    key: 'trips',
    name: 'Round trip, p99',
    title: 'How long clients take to answer a ping',
    value: ({ p99 }) => ms(p99),
    more: ({ p50 }) => (p50 === null ? 'no ping was answered yet' : `half within ${ms(p50)}`),
    series: [['p99', '99 of 100 within'], ['p50', 'Half within']],
    format: ms,
    least: .5,
  },
  {
    key: 'memory',
    name: 'Memory',
    title: 'Memory of the process',
    value: ({ memory }) => bytes(memory),
    more: ({ waiting }) => `${bytes(waiting)} wait to be sent`,
    series: [['memory', 'In use'], ['waiting', 'Waits to be sent']],
    format: bytes,
    least: 1e6,
  },
  {
    key: 'busy',
    name: 'Processor',
    title: 'Processors that are busy',
    value: ({ busy }) => percent(busy),
    more: (_, about) => `of ${count((about.processors ?? 1) * 100)}%`,
    series: [['busy', 'Busy']],
    format: percent,
    least: .1,
  },
  {
    key: 'refused',
    name: 'Refused a second',
    title: 'What was refused, or ended because of a bound, a second',
    value: ({ refused }) => rate(refused),
    more: (_, about, totals) => `${count(totals.refused)} since the start`,
    series: [['refused', 'Refused']],
    format: rate,
    least: 1,
  },
];

export class Tiles {
  #tiles = new Map();

  /** `choose` is called with what is to be drawn. */
  constructor(host, choose) {
    for (const metric of METRICS) {
      const tile = make('button', 'tile');
      tile.type = 'button';
      tile.dataset.metric = metric.key;
      const parts = {
        name: make('span', 'name', metric.name),
        value: make('span', 'value', '–'),
        more: make('span', 'more', ' '),
        line: sparkline(),
      };
      tile.append(...Object.values(parts));
      tile.addEventListener('click', () => this.choose(metric.key, choose));
      this.#tiles.set(metric.key, { tile, parts, metric });
    }
    host.replaceChildren(...[...this.#tiles.values()].map(({ tile }) => tile));
  }

  choose(key, choose) {
    for (const [name, { tile, metric }] of this.#tiles) {
      tile.setAttribute('aria-pressed', String(name === key));
      if (name === key) choose(metric);
    }
  }

  show(sample, about, totals, history) {
    for (const { metric, parts } of this.#tiles.values()) {
      unit(parts.value, metric.value(sample));
      parts.more.textContent = metric.more(sample, about, totals);
      drawSparkline(parts.line, history.column(metric.series[0][0]));
    }
  }
}

/** A number, and its unit smaller behind it. */
function unit(element, text) {
  const [number, name] = text.split(' ');
  element.replaceChildren(number, ...(name ? [make('small', '', ` ${name}`)] : []));
}

function make(name, className, text = '') {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}
