// The page: shows what one spark does, and lets a person do it. What the server speaks it asks the
// server itself; the connection is the business of the library that the server makes.

import { watchedWebSocket } from './carrier.js';
import { Log } from './log.js';
import { Pulse } from './pulse.js';
import { RoundTrips } from './round-trips.js';
import { Transformers } from './transformers.js';

const { pathname, app } = document.documentElement.dataset;
const $ = (id) => document.getElementById(id);
const log = new Log($('log'), $('empty'));
const pulse = new Pulse($('pulse'));
const trips = new RoundTrips();

/** What a message does here, in a sentence, by the app that the server runs. */
const APPS = {
  echo: 'This server echoes: what you send comes back to you alone.',
  broadcast: 'This server broadcasts: what you send reaches everyone. Try it with a second window.',
  mixed: 'This server echoes, but what begins with ["all", reaches everyone.',
  none: 'This server reads what you send and forgets it.',
};

const transformers = new Transformers($('transformers'), $('transformer-hint'), change);
const WatchedWebSocket = watchedWebSocket(showCarrier);

/** The class of the server's library. */
let Primus = null;
let primus = null;
let recovery = null;
let openedAt = 0;
let isLeaving = false;
const seen = { sent: 0, received: 0, pings: 0, reconnects: 0, pingAt: 0 };
let isOnWebSocket = false;
const isOpen = () => primus !== null && primus.readyState === Primus.OPEN;

// Connecting.

async function start() {
  setState('opening', 'Connecting', 'Asking the server what it speaks');
  try {
    const said = await spec();
    ({ Primus } = await import(`${pathname}/primus.mjs`));
    show(said);
    connect();
  } catch (error) {
    setState('failed', 'Not reachable', error.message);
    log.add('event', 'down', error.message);
  }
}

async function spec() {
  const signal = AbortSignal.timeout(10_000);
  const answer = await fetch(`${pathname}/spec`, { signal }).catch(() => null);
  if (!answer?.ok) throw new Error('The server did not say what it speaks');
  return answer.json();
}

function show({ transformer, parser, pingInterval }) {
  transformers.offer(transformer, parser);
  $('parser').textContent = parser;
  pulse.interval = pingInterval || 30_000;
  $('ping-interval').textContent = pingInterval ? seconds(pingInterval) : 'off';
}

/** Everything else that the client has to know is compiled into the library. */
function connect() {
  const transformer = transformers.chosen;
  isLeaving = false;
  const options = { transformer, queueSize: 1_000, WebSocket: WatchedWebSocket };
  // The page's own query string may hold what the server asks for (`/?token=..`).
  primus = listen(new Primus(`${location.origin}/${location.search}`, options));
}

/** Another transformer is another client. That the one before it ends is what was asked for. */
function change(transformer) {
  const before = primus;
  primus = recovery = null;
  before?.destroy();
  trips.forget();
  $('spark-id').textContent = $('carrier').textContent = 'none';
  log.add('event', 'note', `Transformer ${transformer}`);
  setState('opening', 'Connecting', 'Waiting for the server');
  connect();
}

/** Shows what happens to a client, as long as it is the one of this page. */
function listen(client) {
  const events = {
    'open': opened,
    'data': received,
    'incoming::ping': pinged,
    'close': lost,
    'end': ended,
    'error': (error) => log.add('event', 'down', error.message),
    'timeout': () => log.add('event', 'down', 'The server did not answer in time'),
    'offline': () => log.add('event', 'down', 'Offline: no heartbeat, or no network'),
    'online': () => log.add('event', 'note', 'Online again'),
    'readyStateChange': (state) => state === 'opening' && opening(),
    'reconnect scheduled': scheduled,
    'reconnect': attempted,
    'reconnect timeout': () => log.add('event', 'down', 'The attempt took too long'),
    'reconnected': reconnected,
    'reconnect failed': gaveUp,
  };
  for (const [event, tell] of Object.entries(events)) {
    client.on(event, (...args) => client === primus && tell(...args));
  }
  return client;
}

function opening() {
  if (recovery === null) setState('opening', 'Connecting', 'Waiting for the server');
}

function opened() {
  openedAt = performance.now();
  seen.pingAt = 0;
  setState('open', 'Connected', 'Just now');
  showCarrier(isOnWebSocket);
  log.add('event', 'note', `Connected by ${transformers.chosen}`);
  const client = primus;
  client.id((id) => {
    if (client !== primus) return;
    $('spark-id').textContent = id;
    log.add('event', 'note', `Spark ${id}`);
  });
}

/** Which of the two a connection goes over can change while it lasts. */
function showCarrier(isWebSocket) {
  isOnWebSocket = isWebSocket;
  const carrier = isWebSocket ? 'WebSocket' : 'HTTP';
  $('carrier').textContent = isOpen() ? carrier : 'none';
}

function lost() {
  trips.forget();
  $('spark-id').textContent = $('carrier').textContent = 'none';
  log.add('event', isLeaving ? 'note' : 'down', 'The connection closed');
}

function ended() {
  recovery = null;
  if (!primus.online && !isLeaving) {
    setState('failed', 'Offline', 'Waiting for the network');
    return;
  }
  const reason = isLeaving ? 'You ended this connection' : 'The server ended this connection';
  setState('closed', 'Disconnected', reason);
  log.add('event', 'note', reason);
}

// Connecting again.

function scheduled(attempt) {
  const name = `Attempt ${attempt.attempt} of ${attempt.retries}`;
  const { scheduled } = attempt;
  recovery = { name, scheduled, due: performance.now() + scheduled };
  setState('recovering', 'Reconnecting', name);
  log.add('event', 'wait', `Reconnect scheduled: ${name.toLowerCase()} in ${seconds(scheduled)}`);
}

function attempted(attempt) {
  log.add('event', 'wait', `Reconnect: attempt ${attempt.attempt}`);
}

function reconnected({ duration, attempt }) {
  recovery = null;
  seen.reconnects += 1;
  log.add('event', 'note', `Reconnected after ${seconds(duration)}, at attempt ${attempt}`);
}

/** The client has said `end` by now; this says why. */
function gaveUp(error) {
  setState('failed', 'Gave up', 'The server did not come back');
  log.add('event', 'down', error.message);
}

// Messages.

function received(value) {
  seen.received += 1;
  const text = shown(value);
  const ms = trips.received(text);
  log.add('message', 'in', text, ms === null ? '' : `${milliseconds(ms)} round trip`);
}

function pinged(value) {
  const now = performance.now();
  seen.pings += 1;
  seen.pingAt = now;
  pulse.beat();
  $('ping-value').textContent = value;
  log.add('beat', 'in', `Ping ${value}, answered`);
  const lamp = document.querySelector('.lamp');
  lamp.classList.remove('beat');
  requestAnimationFrame(() => lamp.classList.add('beat'));
}

function send(event) {
  event.preventDefault();
  if (!isOpen()) {
    $('write-hint').textContent = 'Not sent: there is no connection.';
    return;
  }
  const value = written();
  if (value === undefined) return;
  seen.sent += 1;
  const text = shown(value);
  trips.sent(text);
  primus.write(value);
  log.add('message', 'out', text);
  $('write').value = '';
}

/** What stands in the field as a value; undefined if it is meant to be JSON and is not. */
function written() {
  const field = $('write');
  const text = field.value;
  let value = text;
  let problem = '';
  try {
    if (isJson()) value = JSON.parse(text);
    // This parser knows text and bytes alone, and JSON is text.
    if ($('parser').textContent === 'raw') value = text;
  } catch (error) {
    problem = text.trim() === '' ? 'Write something first.' : `This is not JSON: ${error.message}`;
    value = undefined;
  }
  field.setAttribute('aria-invalid', String(problem !== ''));
  $('write-hint').textContent = problem || usualHint();
  return value;
}

const isJson = () => new FormData($('composer')).get('mode') === 'json';
const usualHint = () => 'Enter sends, Shift and Enter starts a new line.';

function shown(value) {
  if (isBytes(value)) return describe(value);
  if (typeof value === 'string') return value;
  return JSON.stringify(value, (_, inner) => (isBytes(inner) ? describe(inner) : inner));
}

const isBytes = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/** Bytes, which JSON would write as an object of numbers. */
function describe(bytes) {
  const length = Math.min(bytes.byteLength, 64);
  const first = [...new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, length)];
  const hex = first.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `${bytes.byteLength} bytes: ${hex}`;
}

// What changes with time alone.

function tick() {
  const now = performance.now();
  if (recovery) showRecovery(now);
  if (isOpen()) {
    $('state-detail').textContent = `For ${duration(now - openedAt)}`;
  }
  $('ping-age').textContent = seen.pingAt ? `${((now - seen.pingAt) / 1_000).toFixed(1)} s` : '–';
  $('pings').textContent = seen.pings;
  $('sent').textContent = seen.sent;
  $('received').textContent = seen.received;
  $('reconnects').textContent = seen.reconnects;
  $('rtt').textContent = milliseconds(trips.last);
  $('rtt-median').textContent = milliseconds(trips.median());
}

function showRecovery(now) {
  const left = Math.max(0, recovery.due - now);
  $('state-detail').textContent = `${recovery.name} ${left > 0 ? `in ${seconds(left)}` : 'now'}`;
  $('countdown').value = 1 - left / recovery.scheduled;
}

function setState(state, name, detail) {
  $('state').dataset.state = state;
  $('state-name').textContent = name;
  $('state-detail').textContent = detail;
  $('countdown').hidden = state !== 'recovering';
  pulse.isLive = state === 'open';
  $('send').disabled = $('drop').disabled = state !== 'open';
  const isIdle = state === 'closed' || state === 'failed';
  $('toggle').textContent = isIdle ? 'Connect' : 'Disconnect';
  $('toggle').classList.toggle('primary', isIdle);
}

function seconds(ms) {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

function milliseconds(ms) {
  if (ms === null) return '–';
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

function duration(ms) {
  const all = Math.floor(ms / 1_000);
  const [hours, minutes, rest] = [Math.floor(all / 3_600), Math.floor(all / 60) % 60, all % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

// What a person does.

$('toggle').addEventListener('click', () => {
  isLeaving = $('toggle').textContent === 'Disconnect';
  if (isLeaving) primus?.end();
  else if (primus) primus.open();
  else start();
});
// What the transport says when it has lost its connection.
$('drop').addEventListener('click', () => isOpen() && primus.emit('incoming::end'));
$('composer').addEventListener('submit', send);
$('write').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send(event);
});
$('composer').addEventListener('input', () => {
  $('write').placeholder = isJson() ? '{"hello": "world"}' : 'Hello';
  $('write').setAttribute('aria-invalid', 'false');
  $('write-hint').textContent = usualHint();
});
$('clear').addEventListener('click', () => log.clear());
for (const chip of document.querySelectorAll('[data-filter]')) {
  chip.addEventListener('click', () => {
    const isShown = chip.getAttribute('aria-pressed') !== 'true';
    chip.setAttribute('aria-pressed', String(isShown));
    log.show(chip.dataset.filter, isShown);
  });
}

$('endpoint').textContent = `${location.host}${pathname}`;
$('empty').textContent = 'Nothing yet. Send a first message.';
$('app-hint').textContent = APPS[app] ?? '';
$('write-hint').textContent = usualHint();
$('write').placeholder = '{"hello": "world"}';
setInterval(tick, 100);
start();
