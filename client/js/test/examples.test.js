// The examples for clients in the README of npm primus, each run against a server of npm primus.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, beforeEach, test } from 'node:test';
import { format } from 'node:util';

import { listen } from '../../../tests/interop/ports.js';
import Primus from '../src/index.js';

const require = createRequire(import.meta.url);
const NpmServer = require('primus');
const readme = readFileSync(require.resolve('primus/README.md'), 'utf8');

// The JavaScript of a section, in order.
const examplesOf = (heading) => {
  const begin = readme.search(new RegExp(`^#+ ${heading.replace(/[.()]/g, '\\$&')}$`, 'm'));
  assert.notEqual(begin, -1, heading);
  const [section] = readme.slice(begin + 1).split(/^#+ [^#\n]*$(?<!^#+ \W.*)/m).slice(1);
  return [...section.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
};

let http;
let server;
let url;
let printed;
let received;
let clients;

// As Primus, but remembers the clients that an example makes.
const Recording = class extends Primus {
  static connect = (...args) => new Recording(...args);

  constructor(...args) {
    super(...args);
    clients.push(this);
  }
};

const plugins = {
  'my-emitter': { client: (primus) => (primus.isEmitter = true) },
  'substream': { server: () => {} },
};

// Runs an example. The addresses in it are those of our server.
const run = (code, primus) => {
  const print = (...args) => printed.push(format(...args));
  const globals = {
    primus,
    Primus: Recording,
    url,
    options: {},
    transformer: 'websockets',
    parser: 'json',
    require: (name) => (name === 'primus' ? Recording : plugins[name]),
    console: { log: print, error: print },
    asyncprocess: (data, done) => setImmediate(done, data === 'bad' && new Error('bad'), [data]),
  };
  const ours = code.replace(/http:\/\/(localhost:8080|example\.bar)/, url);
  new Function(...Object.keys(globals), ours)(...Object.values(globals));
};

const connect = async (options) => {
  const primus = new Recording(url, { reconnect: { min: 5 }, ...options });
  await once(primus, 'open');
  return primus;
};

const nextMessage = () => new Promise((resolve) => (received.resolve = resolve));

before(async () => {
  http = createServer();
  server = new NpmServer(http, { transformer: 'websockets', iknowhttpsisbetter: true });
  server.on('connection', (spark) => {
    spark.on('data', (data) => {
      received.push(data);
      received.resolve?.(data);
      if (data === 'reconnect') spark.end(undefined, { reconnect: true });
      else if (data !== 'silence') spark.write(data);
    });
  });
  url = `http://127.0.0.1:${await listen(http)}`;
});

beforeEach(() => {
  printed = [];
  received = [];
  clients = [];
});

after(() => server.destroy());

test('clients are made and connect', async () => {
  const examples = [
    ...examplesOf('Connecting from the Browser'),
    ...examplesOf('Reconnect'),
    ...examplesOf('Strategy'),
    ...examplesOf('Can I send custom headers to the server'),
  ];
  assert.equal(examples.length, 6);
  for (const example of examples) run(example);
  assert.equal(clients.length, 7);
  await Promise.all(clients.map((client) => once(client, 'open')));
  assert.equal(clients[2].recovery.min, 500);
  const strategies = clients.slice(3, 6).map((client) => client.options.strategy);
  assert.deepEqual(strategies, ['online,timeout,disconnect', 'online,timeout,disconnect', '']);
  const queries = [];
  server.forEach((spark) => void queries.push(spark.query.name));
  assert.ok(queries.includes('foo'));
  for (const client of clients) client.destroy();
});

test('clients are made to match a server', async () => {
  const [ofServer, created, plugged, plain] = examplesOf('Connecting from the server');
  assert.match(ofServer, /primus\.Socket/, 'that one is of the server');
  run(`${created}; ${plugged}; new Socket(url)`);
  run(plain.replace('{ options }', 'options'));
  assert.equal(clients.length, 3);
  await Promise.all(clients.map((client) => once(client, 'open')));
  assert.deepEqual(clients.map((client) => client.isEmitter), [undefined, true, undefined]);
  assert.deepEqual(Object.keys(clients[1].plugin()), ['my-emitter']);
  for (const client of clients) client.destroy();
});

test('what a server has is what its sockets have', () => {
  const Socket = Primus.createSocket({ pathname: '/there', pingInterval: 25, parser: 'raw' });
  const client = new Socket({ url, manual: true, queueSize: 3 });
  assert.ok(client instanceof Primus);
  const { pathname, options } = client;
  assert.deepEqual([pathname, options.pingTimeout, options.queueSize], ['/there', 38, 3]);
  assert.equal(new Socket(url, { manual: true, pingTimeout: 7 }).options.pingTimeout, 7);
  const silent = Primus.createSocket({ pingInterval: false });
  assert.equal(new silent(url, { manual: true }).options.pingTimeout, false);
});

test('open, write, end, destroy, emits and id', async () => {
  const manual = new Recording(url, { manual: true });
  run(examplesOf('primus.open()')[0], manual);
  await once(manual, 'open');
  for (const [index, expected] of ['message', { foo: 'bar' }].entries()) {
    const arriving = nextMessage();
    run(examplesOf('primus.write(message)')[index], manual);
    assert.deepEqual(await arriving, expected);
  }
  run(examplesOf('primus.emits(event, parser)')[0], manual);
  run(examplesOf('primus.id(callback)')[0], manual);
  await once(manual, 'incoming::id');
  assert.ok(server.spark(printed[0]));
  const ending = once(manual, 'end');
  run(examplesOf('primus.end()')[0], manual);
  await ending;
  run(examplesOf('primus.destroy()')[0], manual);
  assert.equal(printed[1], 'Feel the power of my lasers!');
});

test('listeners hear of what happens', async () => {
  const primus = new Recording(url, { reconnect: { min: 5 } });
  const events = ['data', 'open', 'error', 'reconnect', 'reconnect scheduled', 'reconnected'];
  events.push('reconnect timeout', 'reconnect failed', 'end');
  for (const event of events) run(examplesOf(`primus.on('${event}')`)[0], primus);
  await once(primus, 'open');
  primus.write('reconnect');
  await once(primus, 'reconnected');
  primus.write('hello');
  await once(primus, 'data');
  primus.emit('incoming::data', '{');
  primus.recovery.emit('reconnect timeout', new Error('slow'), {});
  primus.recovery.emit('reconnect failed', new Error('no more'), {});
  const expected = [
    /^Connection is alive and kicking$/,
    /^Reconnecting in 5 ms$/,
    /^This is attempt 1 out of 10$/,
    /^Reconnection attempt started$/,
    /^It took \d+ ms to reconnect$/,
    /^Connection is alive and kicking$/,
    /^Received a new message from the server hello$/,
    /^Something horrible has happened SyntaxError: /,
    /^Timeout expired: slow$/,
    /^Connection closed$/,
    /^The reconnection failed: no more$/,
  ];
  for (const [index, line] of expected.entries()) assert.match(printed[index], line);
  primus.destroy();
});

test('reserved events are not for the server to emit', async () => {
  run(examplesOf('Events').at(-1));
  const [primus] = clients;
  await once(primus, 'open');
  const heard = [];
  primus.on('chat', (...args) => heard.push(args));
  primus.write({ args: ['end', 'x'] });
  primus.write({ args: ['chat', 'x', 'y'] });
  await once(primus, 'chat');
  assert.deepEqual(heard, [['x', 'y']]);
  assert.equal(primus.readyState, Primus.OPEN);
  primus.destroy();
});

test('messages are transformed', async () => {
  const [incoming, , outgoing] = examplesOf('Transforming and intercepting messages');
  const primus = await connect();
  run(outgoing, primus);
  primus.write('slow');
  assert.deepEqual(await once(primus, 'data'), [['slow'], '["slow"]']);
  primus.write('bad');
  const [error] = await once(primus, 'error');
  assert.equal(error.message, 'bad');
  run(incoming, primus);
  primus.write('anything');
  assert.deepEqual(await once(primus, 'data'), ['foo', '["anything"]']);
  primus.destroy();
});

test('plugins transform messages', async () => {
  const plugin = {};
  const [, example] = examplesOf('Transforming and intercepting messages');
  run(example, { plugin: (name, halves) => (plugin[name] = halves) });
  const client = new (Primus.createSocket({ plugin }))(url);
  await once(client, 'open');
  client.write('anything');
  assert.deepEqual(await once(client, 'data'), ['bar', '"foo"']);
  client.destroy();
});

test('a refusal tells its reason, with ws', async () => {
  server.authorize((request, done) => done('not you'));
  for (const example of examplesOf('Client')) {
    const primus = new Recording(url, { WebSocket: require('ws'), strategy: false });
    run(example, primus);
    const [error] = await once(primus, 'error');
    assert.match(error.message, /authorization failed: 401|not you|401/);
    primus.destroy();
  }
  assert.ok(printed.includes('401'));
  server.auth = null;
});
