// The clients that judge: the real Primus client from npm, and `ws` without Primus.
'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const Primus = require('primus');
const WebSocket = require('ws');

const { TLS, within } = require('./server');

// Longer than a machine that is busy with something else takes for anything.
const EVENT_MS_MAX = 30_000;

/**
 * A Primus client that is opening. It stays until the server has been stopped. It speaks the
 * transformer that `server.spokenBy` names, or the option `spokenBy`.
 */
function connect(server, { spokenBy = server.spokenBy, ...options } = {}, suffix = '') {
  const PrimusClient = primusClient(spokenBy, server.pathname, server.parser);
  const trusted = server.tls ? trusting(options, spokenBy) : options;
  const client = new PrimusClient(server.url + suffix, trusted);
  server.afterStop(() => {
    client.end();
    // In the middle of an attempt to reconnect, the end is none to the attempts that come after it.
    client.recovery.reset();
  });
  return client;
}

/**
 * Options of a client that takes the server's certificate: that of engine.io can be told of an
 * authority, the others judge none. That it is the right one is judged by tls.test.js.
 */
function trusting(options, transformer) {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  if (transformer !== 'engine.io') return options;
  return { ...options, transport: { ca: fs.readFileSync(TLS.authority), ...options.transport } };
}

const primusClients = new Map();

function primusClient(transformer, pathname, parser) {
  const name = `${transformer} ${pathname} ${parser}`;
  if (!primusClients.has(name)) {
    primusClients.set(name, Primus.createSocket({ transformer, pathname, parser }));
  }
  return primusClients.get(name);
}

/** A Primus client that is open. */
async function open(server, options, suffix) {
  const client = connect(server, options, suffix);
  await event(client, 'open');
  return client;
}

/** A WebSocket client without Primus that is open. */
async function openPlain(server, suffix = '', options = {}) {
  const socket = new WebSocket(server.webSocketUrl + suffix, options);
  server.afterStop(() => socket.terminate());
  keepEarlyMessages(socket);
  await event(socket, 'open');
  return socket;
}

/**
 * What comes with the answer to the handshake, before the test can listen, it hears as soon as it
 * listens: a ping may come at any moment.
 */
function keepEarlyMessages(socket) {
  const early = [];
  const keep = (...args) => early.push(args);
  const release = (name) => {
    if (name !== 'message') return;
    socket.off('message', keep).off('newListener', release);
    process.nextTick(() => early.forEach((args) => socket.emit('message', ...args)));
  };
  socket.on('message', keep).on('newListener', release);
}

/** Resolves with the first argument of the next event of that name, or rejects when it is late. */
async function event(emitter, name, msMax = EVENT_MS_MAX) {
  const [first] = await events(emitter, name, msMax);
  return first;
}

/** The same with all arguments. */
async function events(emitter, name, msMax = EVENT_MS_MAX) {
  return within(msMax, next(emitter, name), () => `event '${name}'`);
}

/**
 * The arguments of the next event. A Primus client may report an error of its transport before it
 * closes or tries again; what counts is what it does then. Only a client that is to open must not.
 */
function next(emitter, name) {
  const isPrimus = emitter.recovery !== undefined;
  if (!isPrimus || name === 'open') return once(emitter, name);
  return new Promise((resolve) => emitter.once(name, (...args) => resolve(args)));
}

/** Resolves with the next `count` values that arrive as events of that name. */
async function collect(emitter, name, count, msMax = EVENT_MS_MAX) {
  const values = [];
  const { promise, resolve } = withResolvers();
  const take = (value) => {
    values.push(value);
    if (values.length === count) resolve(values);
  };
  emitter.on(name, take);
  try {
    return await within(msMax, promise, () => `${values.length} of ${count} '${name}' events came`);
  } finally {
    emitter.removeListener(name, take);
  }
}

/** Every value that arrives as an event of that name, in a list that grows. */
function record(emitter, name) {
  const values = [];
  emitter.on(name, (value) => values.push(value));
  return values;
}

/**
 * Writes a value and resolves with the next that comes back: a copy of it, because the client runs
 * in a context of its own and its objects are no instances of our `Object`.
 */
async function ask(client, value) {
  const answer = event(client, 'data');
  client.write(value);
  return structuredClone(await answer);
}

/** Asks the server for the id of the client's spark. */
async function sparkId(client) {
  return within(EVENT_MS_MAX, new Promise((resolve) => client.id(resolve)), () => 'the id');
}

/** The counts of a scripted server, once they are as awaited, or as they are when it is late. */
async function countsOnce(observer, awaited) {
  const deadline = Date.now() + EVENT_MS_MAX;
  for (;;) {
    const counts = await ask(observer, { do: 'counts' });
    if (awaited(counts) || Date.now() > deadline) return counts;
  }
}

/** Swallows the pongs of the connection that is open now. */
function muteNextPongs(client) {
  const write = client._write;
  client._write = function mute(data) {
    return String(data).startsWith('primus::pong::') || write.call(this, data);
  };
  client.once('close', () => { client._write = write; });
}

/** The next text message of a client without Primus. */
async function text(socket) {
  const [data, isBinary] = await events(socket, 'message');
  if (isBinary) throw new Error(`bytes where text was due: ${data.toString('hex')}`);
  return data.toString();
}

function withResolvers() {
  const result = {};
  result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
  return result;
}

module.exports = {
  ask,
  collect,
  connect,
  countsOnce,
  event,
  events,
  muteNextPongs,
  open,
  openPlain,
  record,
  sparkId,
  text,
};
