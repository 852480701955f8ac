// The dashboard: what the server tells, shown; what a person asks, asked.

import { Chart } from './charts.js';
import { showFacts } from './facts.js';
import { bytes, clock, count, ms, percent, rate, span } from './format.js';
import { History } from './history.js';
import { Hooks } from './hooks.js';
import { Live } from './live.js';
import { Sheet } from './spark.js';
import { bar, link, Table, text } from './tables.js';
import { METRICS, Tiles } from './tiles.js';

/** After how long without a word what is shown is called old. */
const STALE_MS = 4_000;
const WORDS_EVERY = 10;

const $ = (id) => document.getElementById(id);
const history = new History();
const chart = new Chart($('chart'), $('reading'), history);
const tiles = new Tiles($('tiles'), draw);
const seen = { about: {}, at: 0, skew: 0, ticks: 0, draining: false, state: 'opening' };

const live = new Live({
  state: setState,
  told: { hello, tick, slow, rooms, refusals, spark: (row) => sheet.show(row) },
});
const serverNow = () => Date.now() - seen.skew;
const sheet = new Sheet(live, serverNow);
const show = (id) => sheet.open(id);

// What is drawn.

let metric = METRICS[0];

function draw(chosen) {
  metric = chosen;
  chart.metric = chosen;
  $('chart-title').textContent = chosen.title;
  $('chart').setAttribute('aria-label', `Chart: ${chosen.title}. Arrow keys read it`);
  const entries = chosen.series.map(([, title]) => {
    const entry = document.createElement('li');
    entry.append(document.createElement('i'), title);
    return entry;
  });
  $('legend').replaceChildren(...(entries.length > 1 ? entries : []));
  if (history.length > 0) $('chart-words').textContent = chart.words();
}

for (const range of document.querySelectorAll('[name="range"]')) {
  range.addEventListener('change', () => (chart.seconds = Number(range.value)));
  if (range.checked) chart.seconds = Number(range.value);
}
tiles.choose(metric.key, draw);

// The tables.

let slowest = 1;
let largest = 1;
let mostSparks = 1;

const slowTable = new Table($('slow'), {
  caption: 'Sparks that read more slowly than they are written to',
  empty: 'Everybody reads as fast as they are written to.',
  key: ({ id }) => id,
  columns: [
    { title: 'Spark', className: 'text', fill: link(({ id }) => id, show) },
    { title: 'Address', className: 'text', fill: text(({ address }) => address) },
    { title: 'Round trip', className: 'number', fill: text((row) => ms(row.ms)) },
    { title: 'Waits', className: 'number', fill: text((row) => bytes(row.bytes)) },
    { title: '', className: 'bar-cell', fill: bar((row) => row.bytes / slowest, hot) },
  ],
});

function hot({ bytes: waiting }) {
  if (waiting > 1e6) return 'hot';
  return waiting > 1e5 ? 'warm' : '';
}

const shardTable = new Table($('shards'), {
  caption: 'Shards of the server',
  empty: 'No shard has told anything yet.',
  key: ({ number }) => number,
  columns: [
    { title: 'Shard', fill: text(({ number }) => String(number)) },
    { title: 'Sparks', className: 'number', fill: text((row) => count(row.sparks)) },
    { title: 'From them', className: 'number', fill: text((row) => `${rate(row.received)}/s`) },
    { title: 'To them', className: 'number', fill: text((row) => `${rate(row.written)}/s`) },
    { title: 'Busy', className: 'number', fill: text((row) => percent(row.busy)) },
    { title: '', className: 'bar-cell', fill: bar((row) => row.busy ?? 0, busyKind) },
  ],
});

function busyKind({ busy }) {
  if (busy > .9) return 'hot';
  return busy > .7 ? 'warm' : '';
}

const roomTable = new Table($('rooms'), {
  caption: 'The largest rooms',
  empty: 'Nobody is in a room.',
  key: ({ name }) => name,
  columns: [
    { title: 'Room', className: 'text', fill: text(({ name }) => name) },
    { title: 'Sparks', className: 'number', fill: text((row) => count(row.sparks)) },
    { title: '', className: 'bar-cell', fill: bar((row) => row.sparks / largest) },
  ],
});

const refusalTable = new Table($('refusals'), {
  caption: 'Who was refused or ended because of a bound, the last ones first',
  empty: 'Nobody was refused.',
  key: ({ at, reason, address, asked, spark }) => [at, reason, address, asked, spark].join(' '),
  columns: [
    { title: 'When', className: 'when', fill: text(({ at }) => clock(at)) },
    { title: 'Why', className: 'reason', fill: why },
    { title: 'Who', className: 'who number', fill: who },
  ],
});

/** Whoever had a spark has a history. */
function who(cell, row) {
  if (row.spark) link(({ spark }) => spark, show)(cell, row);
  else text(({ address = '' }) => address)(cell, row);
}

function why(cell, { reason, count: times, asked }) {
  if (cell.childElementCount === 0) {
    const [words, many, sub] = ['', 'times', 'sub'].map((className) => {
      const part = document.createElement('span');
      part.className = className;
      return part;
    });
    cell.append(words, many, sub);
  }
  const [words, many, sub] = cell.children;
  words.textContent = capital(reason);
  many.textContent = times > 1 ? `${count(times)} times` : '';
  many.hidden = times <= 1;
  sub.textContent = asked ?? '';
  sub.hidden = !asked;
}

const hooksShown = new Hooks({
  card: $('hooks-card'), note: $('hooks-note'), facts: $('hooks-facts'), lanes: $('hooks'),
});

const foundTable = new Table($('found-table'), {
  caption: 'Sparks that were found',
  empty: 'No spark has this in its id or address, or is in a room of this name.',
  key: ({ id }) => id,
  columns: [
    { title: 'Spark', className: 'text', fill: link(({ id }) => id, show) },
    { title: 'Address', className: 'text', fill: text(({ address }) => address) },
    { title: 'Found by', fill: text(({ by }) => by) },
    { title: 'State', fill: text(({ ended }) => (ended ? 'ended' : 'connected')) },
  ],
});

function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

// What the server says.

function hello({ about, samples, operator }) {
  seen.about = about;
  history.replace(samples);
  document.querySelector('.operator').textContent = operator;
  sheet.again();
  chart.arrived();
}

function tick({ sample, shards, hooks, draining, totals }) {
  history.add(sample);
  chart.arrived();
  Object.assign(seen, { at: performance.now(), skew: Date.now() - sample.at, totals, draining });
  seen.ticks += 1;
  document.body.classList.remove('stale');
  tiles.show(sample, seen.about, totals, history);
  shardTable.update(shards.map((shard, number) => ({ ...shard, number })));
  hooksShown.show(hooks);
  mostSparks = Math.max(1, ...shards.map(({ sparks }) => sparks));
  const isSpread = shards.length > 1 && mostSparks > 1;
  const spread = isSpread ? `up to ${count(mostSparks)} sparks each` : '';
  $('shards-note').textContent = spread;
  $('nobody').hidden = sample.sparks > 0 || metric.key !== 'sparks';
  document.title = `${count(sample.sparks)} sparks · AllSpark`;
  showAbout(totals);
  showState();
  beat();
  if (seen.ticks % WORDS_EVERY === 1) $('chart-words').textContent = chart.words();
}

function slow({ rows, waiting, silent, sparks }) {
  slowest = Math.max(1, ...rows.map(({ bytes: most }) => most));
  slowTable.update(rows);
  const notes = [];
  if (waiting > 0) notes.push(`${count(waiting)} of ${count(sparks)} have something waiting`);
  if (silent > 0) notes.push(`${count(silent)} have not answered their ping`);
  $('slow-note').textContent = notes.join(', ');
}

function rooms({ rows, total }) {
  largest = Math.max(1, ...rows.map(({ sparks }) => sparks));
  roomTable.update(rows);
  $('rooms-note').textContent = total > rows.length
    ? `the largest ${rows.length} of ${count(total)}`
    : '';
}

function refusals({ rows }) {
  refusalTable.update(rows);
}

function showAbout(totals) {
  const { about } = seen;
  const facts = {
    'Listens on': about.listens?.join(', '),
    'Up for': span(serverNow() - about.startedMs),
    'Sparks so far': count(totals.opened),
    'Messages so far': `${count(totals.received)} in, ${count(totals.written)} out`,
    'Bytes so far': `${bytes(totals.receivedBytes)} in, ${bytes(totals.sentBytes)} out`,
    Transformer: about.transformer,
    Parser: about.parser,
    App: about.app,
    Driver: about.driver,
    Version: about.version,
    Process: String(about.process),
  };
  if (totals.lost > 0) facts['Events not kept'] = count(totals.lost);
  showFacts($('about'), facts);
}

// How it is.

function setState(state, name, detail) {
  Object.assign(seen, { state, name, detail });
  if (state !== 'open') document.body.classList.add('stale');
  showState();
}

function showState() {
  const isDraining = seen.state === 'open' && seen.draining;
  $('state').dataset.state = isDraining ? 'draining' : seen.state;
  const name = isDraining ? 'Draining' : seen.name ?? 'Connecting';
  if ($('state-name').textContent !== name) $('state-name').textContent = name;
  const open = seen.about.startedMs ? `for ${span(serverNow() - seen.about.startedMs)}` : '';
  $('state-detail').textContent = seen.state === 'open' ? `Up ${open}` : seen.detail ?? '';
}

function beat() {
  const lamp = document.querySelector('.lamp');
  lamp.classList.remove('beat');
  requestAnimationFrame(() => lamp.classList.add('beat'));
}

setInterval(() => {
  const isOld = seen.at > 0 && performance.now() - seen.at > STALE_MS;
  document.body.classList.toggle('stale', isOld || seen.state !== 'open');
}, 1_000);

// Looking for a spark.

$('search').addEventListener('submit', async (event) => {
  event.preventDefault();
  const wanted = $('find').value.trim();
  if (!wanted) return;
  if (/^[\w-]{21}$/.test(wanted)) {
    show(wanted);
    return;
  }
  $('found').hidden = false;
  $('found-title').textContent = `Looking for ${wanted}`;
  foundTable.update([]);
  $('found-table').hidden = true;
  try {
    const { found = [] } = await live.ask({ ask: 'find', text: wanted });
    if ($('find').value.trim() !== wanted) return;
    const sparks = found.length === 1 ? 'One spark' : `${count(found.length)} sparks`;
    $('found-title').textContent = `${found.length === 0 ? 'Nothing' : sparks} for ${wanted}`;
    $('found-table').hidden = false;
    foundTable.update(found);
    $('found-table').querySelector('button')?.focus();
  } catch ({ message }) {
    $('found-title').textContent = message;
  }
});

$('found-close').addEventListener('click', () => {
  $('found').hidden = true;
  $('find').value = '';
  $('find').focus();
});

addEventListener('keydown', (event) => {
  const isTyping = event.target.closest?.('input, textarea, dialog');
  if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  $('find').focus();
});

for (const table of [slowTable, roomTable, refusalTable]) table.update([]);
live.start();
