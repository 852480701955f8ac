// The oracle: the real Primus of Node.js behind the command line of `allspark serve`. A test that
// does not pass against this server is wrong.
//
// With `--app scripted` it obeys messages like {"do":"end"} and ["rewrite",5];
// tests/support/scripted.rs is the same for AllSpark. With `--plugins` it does what
// plugins/plugged.js says instead.
'use strict';

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { parseArgs } = require('node:util');
const Primus = require('primus');

const { load, plug } = require('./plugins/plugged');
const { setUp } = require('./set-up');

const { values: flags } = parseArgs({
  options: {
    app: { type: 'string' },
    compression: { type: 'boolean' },
    credentials: { type: 'string' },
    driver: { type: 'string' },
    exposed: { type: 'string' },
    headers: { type: 'string' },
    ids: { type: 'string' },
    layers: { type: 'string', default: '[]' },
    listen: { type: 'string' },
    openings: { type: 'boolean' },
    'max-age': { type: 'string' },
    'max-length': { type: 'string' },
    methods: { type: 'string' },
    origins: { type: 'string' },
    parser: { type: 'string' },
    pathname: { type: 'string' },
    'ping-interval': { type: 'string' },
    plugins: { type: 'string' },
    shards: { type: 'string' },
    'slow-transforms': { type: 'boolean' },
    'tls-cert': { type: 'string' },
    'tls-key': { type: 'string' },
    transformer: { type: 'string' },
    transforms: { type: 'boolean' },
    transport: { type: 'string', multiple: true, default: [] },
    // Primus believes every proxy.
    'trusted-proxies': { type: 'string' },
  },
});

const apps = { broadcast, echo, scripted };
const memory = new Map();
const heard = new Map();
const counts = { connection: 0, disconnection: 0, data: 0, error: 0, heartbeat: 0 };

const server = createServer();
const primus = new Primus(server, primusOptions());
if (flags.plugins) plug(primus, flags.plugins);
else apps[flags.app]();
setUp(primus, JSON.parse(flags.layers));
if (flags.transforms) transform();
if (flags['slow-transforms']) transformSlowly();
listen();
process.on('SIGTERM', () => primus.destroy({ reconnect: true }, () => process.exit(0)));

function createServer() {
  const { 'tls-cert': cert, 'tls-key': key } = flags;
  if (!cert) return http.createServer(answerOthers);
  const options = { cert: fs.readFileSync(cert), key: fs.readFileSync(key) };
  return https.createServer(options, answerOthers);
}

function echo() {
  primus.on('connection', (spark) => spark.on('data', (data) => spark.write(data)));
}

function broadcast() {
  primus.on('connection', (spark) => spark.on('data', (data) => primus.write(data)));
}

function scripted() {
  // Before all others.
  primus.on('connection', note);
  if (flags.openings) openings();
  primus.on('connection', (spark) => {
    counts.connection += 1;
    spark.on('error', () => { counts.error += 1; });
    spark.on('heartbeat', () => { counts.heartbeat += 1; });
    spark.on('data', (command) => {
      counts.data += 1;
      if (command[0] === 'rewrite') spark.write(command[1]);
      else obey(spark, command);
    });
  });
  primus.on('disconnection', ({ id }) => {
    counts.disconnection += 1;
    heard.get(id).push('disconnection');
  });
  primus.on('close', ({ close = true, reconnect = false, timeout = 0 }) => {
    console.error(`destroyed: close ${close}, reconnect ${reconnect}, timeout ${timeout}`);
  });
}

/** Notes the events of a spark. */
function note(spark) {
  const events = ['connection'];
  heard.set(spark.id, events);
  const heartbeats = ['outgoing::ping', 'incoming::pong', 'heartbeat'];
  const names = ['data', ...heartbeats, 'error', 'readyStateChange', 'end'];
  for (const name of names) spark.on(name, () => events.push(name));
}

/** The `connection` listeners of tests/support/openings.rs. */
function openings() {
  const noted = (spark, event) => heard.get(spark.id).push(event);
  const judge = ({ query }, name) => query.fail === name && new Error(`${name} has failed`);
  primus.on('connection', (spark, next) => {
    noted(spark, 'first');
    spark.write('first');
    setTimeout(() => {
      noted(spark, 'first done');
      next(judge(spark, 'first'));
    }, 100);
  });
  primus.on('connection', (spark, next) => {
    noted(spark, 'second');
    next(judge(spark, 'second'));
  });
  primus.on('connection', (spark) => {
    noted(spark, 'third');
    spark.write('third');
  });
}

/** The transforms of tests/support/transforms.rs. */
function transform() {
  primus.transform('incoming', (packet) => packet.data.do !== 'drop');
  primus.transform('incoming', (packet, next) => {
    next(packet.data.do === 'refuse' ? new Error('refused') : null);
  });
  primus.transform('incoming', (packet) => {
    if (typeof packet.data.value === 'string') packet.data.value += '<';
  });
  primus.transform('outgoing', (packet) => packet.data !== 'secret<');
  primus.transform('outgoing', (packet, next) => {
    next(packet.data === 'bad<' ? new Error('refused') : null);
  });
  primus.transform('outgoing', (packet) => {
    if (typeof packet.data === 'string') packet.data += '>';
  });
}

/** Drops, refuses or replaces a text that begins so, which is said a while later. */
function afterAWhile(word, text, spark, replace, next) {
  if (typeof text !== 'string' || !text.startsWith(word)) return next();
  setTimeout(() => {
    if (text === `${word} secret`) return next(null, false);
    if (text === `${word} bad`) return next(new Error('refused'));
    replace(`${text}, ${spark.query.name ?? ''}`);
    next();
  }, 20);
}

function transformSlowly() {
  primus.transform('outgoing', function outgoing(packet, next) {
    const replace = (data) => { packet.data = data; };
    afterAWhile('slow', packet.data, this, replace, next);
  });
  primus.transform('incoming', function incoming({ data }, next) {
    const replace = (value) => { data.value = value; };
    afterAWhile('late', data?.value, this, replace, next);
  });
}

/** Visits sparks as tests/support/visits.rs says. */
function visit(asker, { how = 'next', last }) {
  let visited = 0;
  // Returns whether others are to be visited.
  const tell = (spark) => {
    spark.write('visited');
    visited += 1;
    return visited !== last;
  };
  if (how === 'sync') return primus.forEach(tell);
  const ends = { stop: [null, false], fail: [new Error('refused')], next: [] };
  primus.forEach((spark, next) => {
    const then = tell(spark) ? [] : ends[how];
    setTimeout(next, 1, ...then);
  }, (error) => asker.write(error ? `failed: ${error.message}` : 'done'));
}

function obey(spark, command) {
  switch (command.do) {
    case 'end': return spark.end(command.data, { reconnect: command.reconnect === true });
    case 'write': return spark.write(command.value);
    case 'count': return count(spark, command.to);
    case 'counts': return spark.write({
      ...counts, sessions: primus.connected, connected: primus.connected,
    });
    case 'remember': return void memory.set(command.key, command.value);
    case 'recall': return spark.write(memory.get(command.key) ?? null);
    case 'broadcast': return primus.write(command.value);
    case 'visit': return void visit(spark, command);
    case 'events': return spark.write(heard.get(command.of) ?? []);
    case 'others': return spark.write(others(spark));
    case 'tell': return void primus.spark(command.to)?.write(command.value);
    case 'describe': return spark.write(describe(spark));
    case 'destroy': return void primus.destroy(command);
  }
}

function primusOptions() {
  const pingInterval = flags['ping-interval'];
  return {
    transformer: flags.transformer,
    compression: flags.compression === true,
    pingInterval: pingInterval === 'off' ? false : Number(pingInterval),
    transport: Object.fromEntries(flags.transport.map(transportOption)),
    ...(flags.parser && { parser: flags.parser === 'raw' ? raw : flags.parser }),
    ...(flags.ids && { idGenerator: ids(flags.ids) }),
    ...cors(),
    ...(flags.pathname && { pathname: flags.pathname }),
    ...(flags['max-length'] && { maxLength: Number(flags['max-length']) }),
    ...(flags.plugins && load(flags.plugins)),
    iknowhttpsisbetter: true,
  };
}

/** Options that are not given are not there: an empty text means something. */
function cors() {
  const { origins, methods, credentials, 'max-age': maxAge, headers, exposed } = flags;
  const isAllowed = credentials === undefined ? undefined : credentials === 'true';
  const all = { origins, methods, credentials: isAllowed, maxAge, headers, exposed };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function ids(prefix) {
  let count = 0;
  return () => `${prefix}-${count++}`;
}

function count(spark, to) {
  for (let n = 0; n < to; n += 1) spark.write(n);
}

/** Passes payloads on as they are, as AllSpark's parser of that name. */
const raw = {
  encoder: (data, next) => next(null, data),
  decoder: (data, next) => next(null, data),
};

/** The events of each spark but the asker. */
function others({ id: asker }) {
  return [...heard].filter(([id]) => id !== asker).map(([, events]) => events);
}

/** A spark as the application sees it. */
function describe({ id, query, address: { ip, port }, headers, request }) {
  const order = request.order ?? null;
  return { id, query, address: { ip, port }, header: headers['x-interop'] ?? null, order };
}

/** `pingTimeout=100` means a number, `cookie=true` a boolean, anything else a text. */
function transportOption(text) {
  const [name, value] = [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)];
  const isPlain = /^(true|false|\d+)$/.test(value);
  return [name, isPlain ? JSON.parse(value) : value];
}

/** Requests that are not Primus's, or that it leaves to others once it was destroyed. */
function answerOthers(req, res) {
  res.writeHead(404, { 'content-type': 'text/plain' }).end('Not Found');
}

function listen() {
  const [host, port] = flags.listen.split(':');
  server.listen(Number(port), host, () => {
    console.error(`Primus on Node.js listens on ${host}:${server.address().port}`);
  });
}
