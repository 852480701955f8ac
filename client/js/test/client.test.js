// What an application does with a client: options, messages, listeners, plugins.

import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { Primus } from '../src/primus.js';
import { renewAuthorization } from '../src/renewal.js';
import { fakeClient, fakeTransport, openClient } from './support/fake.js';

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 });
});

const manual = (options) => new Primus('http://example.com', { manual: true, ...options });

test('there are three ways to construct a client, and two to name its URL', () => {
  const options = { manual: true };
  for (const primus of [
    new Primus('http://example.com:81', options),
    Primus('http://example.com:81', options),
    Primus.connect('http://example.com:81', options),
    new Primus({ url: 'http://example.com:81', manual: true }),
    new Primus({ uri: 'http://example.com:81', manual: true }),
    new Primus(new URL('http://example.com:81'), options),
  ]) {
    assert.ok(primus instanceof Primus);
    assert.equal(primus.constructor, Primus);
    assert.equal(primus.url.host, 'example.com:81');
  }
  assert.equal(new Primus({ manual: true }).url.href, 'http://127.0.0.1/');
  assert.deepEqual(options, { manual: true });
});

test('ping and pong are errors', () => {
  for (const name of ['ping', 'pong']) {
    assert.throws(() => manual({ [name]: 1 }), /^Error: The `ping` and `pong` options/);
  }
});

test('the strategy in all its spellings', () => {
  const strategies = [
    [undefined, 'disconnect,online,timeout'],
    [[], 'disconnect,online,timeout'],
    [false, ''],
    ['', ''],
    ['online', 'online'],
    ['dIsconNect, ONLINE ,timeout', 'disconnect,online,timeout'],
    [['Timeout', 'online'], 'timeout,online'],
  ];
  for (const [strategy, expected] of strategies) {
    assert.equal(manual({ strategy }).options.strategy, expected);
  }
  const authorized = manual({ authorization: true });
  assert.equal(authorized.options.strategy, 'disconnect,online');
});

test('the defaults are those of npm primus', () => {
  const { options, recovery } = manual();
  const { queueSize, timeout, pingTimeout, transport } = options;
  assert.deepEqual([queueSize, timeout, pingTimeout], [Infinity, 10_000, 45_000]);
  assert.deepEqual(transport, {});
  const { min, max, factor, retries } = recovery;
  assert.deepEqual([min, max, factor, retries], [500, Infinity, 2, 10]);
  assert.equal(recovery['reconnect timeout'], 30_000);
});

test('transformer and parser are chosen by name', () => {
  assert.throws(() => manual({ transformer: 'carrier pigeon' }), /one of: websockets, faye, uws/);
  assert.throws(() => manual({ parser: 'xml' }), /one of: json, ejson, msgpack, binary, raw/);
  assert.ok(manual({ transformer: 'Engine.IO', parser: 'MsgPack' }));
});

test('an application may bring its own parser, of either kind', () => {
  const ours = { encode: (value) => `<${value}>`, decode: (packet) => packet.slice(1, -1) };
  const primusKind = {
    encoder: (value, done) => done(undefined, `<${value}>`),
    decoder: (packet, done) => done(undefined, packet.slice(1, -1)),
  };
  for (const parser of [ours, primusKind]) {
    const { primus, last, link, news } = openClient({ parser });
    primus.write('hello');
    assert.deepEqual(last().sent, ['<hello>']);
    link().received('<world>');
    assert.deepEqual(news(), ['data world']);
  }
});

test('messages wait for the connection, in order, and the oldest make room', () => {
  const { primus, last, link } = fakeClient({ queueSize: 2 });
  primus.open();
  for (const message of [1, 2, 3]) assert.equal(primus.write(message), true);
  assert.deepEqual(primus.buffer, [2, 3]);
  link().opened();
  primus.write(4);
  assert.deepEqual(last().sent, ['2', '3', '4']);
  assert.deepEqual(primus.buffer, []);
});

test('a queue of size 0 keeps nothing', () => {
  const { primus } = fakeClient({ queueSize: 0 });
  primus.write(1);
  primus.write(2);
  assert.deepEqual(primus.buffer, []);
});

test('line separators are escaped', () => {
  const { primus, last } = openClient();
  primus.write('a\u2028b\u2029');
  assert.deepEqual(last().sent, ['"a\\u2028b\\u2029"']);
});

test('what can not be encoded or decoded is an error, and the connection stays', () => {
  const { primus, news, link, last } = openClient();
  const circle = {};
  circle.circle = circle;
  assert.equal(primus.write(circle), true);
  link().received('{');
  const [encoding, decoding] = news();
  assert.match(encoding, /^error .*circular/);
  assert.match(decoding, /^error .*JSON/);
  assert.equal(primus.readyState, Primus.OPEN);
  assert.deepEqual(last().sent, []);
});

test('what is nothing in JSON is not sent', () => {
  const { primus, last } = openClient();
  primus.write(undefined);
  primus.write(null);
  assert.deepEqual(last().sent, ['null']);
});

test('data comes with the packet it was made of', () => {
  const { primus, link } = openClient();
  const seen = [];
  primus.on('data', (...args) => seen.push(args));
  link().received('{"a":1}');
  assert.deepEqual(seen, [[{ a: 1 }, '{"a":1}']]);
});

test('messages of the protocol never reach the application', () => {
  const { link, news, last } = openClient();
  const messages = ['ping::5', 'id::x', 'pong::5', 'server::other', 'unknown::x', '', 'x', ':::'];
  for (const message of messages) link().received(JSON.stringify(`primus::${message}`));
  assert.deepEqual(news(), []);
  assert.deepEqual(last().sent, ['"primus::pong::5"']);
});

test('id() asks the transport, or else the server', () => {
  const { primus, link, last } = openClient();
  const ids = [];
  primus.id((id) => ids.push(id));
  assert.deepEqual(last().sent, ['"primus::id::"']);
  link().received('"primus::id::the-spark"');
  primus.socket.id = 'known';
  primus.id((id) => ids.push(id));
  assert.deepEqual(ids, ['the-spark', 'known']);
});

test('id() of a connection that is no more asks the next one', () => {
  const { primus, last } = openClient();
  primus.socket.id = 'gone';
  primus.end();
  primus.id(() => assert.fail('nobody answered'));
  primus.open();
  last().link.opened();
  assert.deepEqual(last().sent, ['"primus::id::"']);
});

test('a new credential goes past the transforms', () => {
  const { primus, last } = openClient();
  primus.transform('outgoing', () => false);
  assert.equal(renewAuthorization.call(primus, 'a.b.c'), primus);
  assert.deepEqual(last().sent, ['"primus::authorization::a.b.c"']);
});

test('transforms run in order, change, drop, take their time and fail', () => {
  const { primus, link, last, news } = openClient();
  const continuations = [];
  primus.transform('outgoing', (packet) => {
    if (packet.data === 'secret') return false;
    packet.data = [packet.data];
  });
  primus.transform('outgoing', (packet, next) => continuations.push(next));
  assert.equal(primus.write('secret'), true);
  primus.write(1);
  primus.write(2);
  primus.write(3);
  continuations[1]();
  continuations[0]();
  continuations[2](undefined, false);
  continuations[2](new Error('failed'));
  assert.deepEqual(last().sent, ['[2]', '[1]']);
  assert.deepEqual(news(), ['error failed']);

  primus.transform('incoming', function incoming(packet) {
    assert.equal(this, primus);
    packet.data = packet.data.toUpperCase();
    return packet.data !== 'DROP';
  });
  link().received('"drop"');
  link().received('"keep"');
  link().received('"primus::ping::1"');
  assert.deepEqual(news(), ['data KEEP']);
  assert.equal(last().sent.at(-1), '"primus::pong::1"');
  assert.throws(() => manual().transform('sideways', () => {}), /Invalid transformer type/);
});

test('plugins get the client and its options', () => {
  const seen = [];
  Primus.prototype.ark.example = function example(primus, options) {
    seen.push(this === primus, options === primus.options);
  };
  const primus = manual();
  assert.deepEqual(seen, [true, true]);
  assert.equal(primus.plugin('example'), Primus.prototype.ark.example);
  assert.deepEqual(Object.keys(primus.plugin()), ['example']);
  delete Primus.prototype.ark.example;
  assert.equal(primus.plugin('example'), undefined);
});

test('reserved events', () => {
  const primus = manual();
  for (const event of ['incoming::x', 'outgoing::open', 'open', 'reconnect scheduled', 'destroy']) {
    assert.equal(primus.reserved(event), true);
  }
  for (const event of ['custom', 'incoming', 'x::incoming::', 'heartbeat']) {
    assert.equal(primus.reserved(event), false);
  }
  assert.equal(Object.keys(primus.reserved.events).length, 15);
});

test('a critical error is thrown unless somebody listens', () => {
  const primus = manual();
  assert.throws(() => primus.critical(new Error('alone')), /alone/);
  const errors = [];
  primus.on('error', (error) => errors.push(error.message));
  assert.equal(primus.critical(new Error('heard')), primus);
  assert.deepEqual(errors, ['heard']);
});

test('the URL of a connection', () => {
  const { connections, transport } = fakeTransport();
  const open = (url, options) => {
    const primus = new Primus(url, { transformer: transport, manual: true, ...options });
    primus.open();
    return connections.at(-1).uri;
  };
  const unique = '_primuscb=[\\w.]+$';
  const cases = [
    ['http://example.com', '^ws://example.com/primus\\?'],
    ['https://example.com/ignored?a=b&c#d', '^wss://example.com/primus\\?a=b&c=&'],
    ['wss://u:p%40@example.com:8443', '^wss://u:p%40@example.com:8443/primus\\?'],
    ['http://[::1]:80/?_primuscb=old&x=%2B+', '^ws://\\[::1\\]/primus\\?_primuscb=[\\w.]+&x=%2B%'],
  ];
  for (const [url, expected] of cases) assert.match(open(url), new RegExp(expected));
  assert.match(open('http://example.com?a=%ZZ&b=1'), new RegExp(`primus\\?b=1&${unique}`));
  assert.match(open('http://example.com', { pathname: '/else' }), /com\/else\?/);
  assert.notEqual(open('http://example.com'), open('http://example.com'));
  assert.throws(() => new Primus('http://'), /Invalid URL/);
});

test('outgoing::url may change the URL', () => {
  const { primus, last } = fakeClient();
  primus.on('outgoing::url', (options) => {
    assert.equal(options.port, 80);
    options.query += '&token=1';
    options.pathname = '/other';
    options.secure = true;
  });
  primus.open();
  assert.match(last().uri, /^wss:\/\/example\.com\/other\?_primuscb=.+&token=1$/);
  const parts = primus.uri({ protocol: 'http:', query: true, object: true });
  assert.deepEqual([parts.protocol, parts.secure, parts.port], ['http:', true, 80]);
  assert.equal(primus.uri({ protocol: 'http:' }), 'https://example.com/other');
});

test('query strings', () => {
  const primus = manual();
  assert.deepEqual({ ...primus.querystring('?a=1&b&a=2&toString=x&%ZZ=1') }, { a: '1', b: '' });
  assert.equal(primus.querystringify({ a: 'ä b', b: null, c: undefined, d: NaN, e: 0 }),
    'a=%C3%A4%20b&b=&c=&d=&e=0');
});

test('merge and clone', () => {
  const primus = manual();
  const target = { a: 1 };
  assert.equal(primus.merge(target, { b: 2 }, { a: 3 }), target);
  assert.deepEqual(target, { a: 3, b: 2 });
  assert.deepEqual(primus.clone(target), target);
  assert.notEqual(primus.clone(target), target);
});

test('emits() makes functions that emit', () => {
  const primus = manual();
  const seen = [];
  primus.on('event', (...args) => seen.push(args));
  primus.on('error', (error) => seen.push(error.message));
  primus.emits('event', 1)(2, 3);
  primus.emits('event', (next, value) => next(undefined, value.data))({ data: 'x' });
  primus.emits('event', 'first', (next) => next())(1, 2);
  primus.emits('event', (next) => next(undefined, null))(1);
  primus.emits('event', (next) => next(undefined, [4, 5]))(1);
  primus.emits('event', (next) => next(new Error('no')))(1);
  assert.deepEqual(seen, [[1, 2, 3], ['x'], ['first', 1, 2], [], [4, 5], 'no']);
});

test('the network goes and comes back', () => {
  const handlers = {};
  globalThis.addEventListener = (event, handler) => (handlers[event] = handler);
  globalThis.removeEventListener = (event, handler) => {
    if (handlers[event] === handler) delete handlers[event];
  };
  try {
    const { primus, news, link } = openClient({ network: true });
    handlers.offline();
    assert.deepEqual(news(), ['offline', 'readyStateChange end', 'close', 'end']);
    handlers.offline();
    assert.deepEqual(news(), []);
    handlers.online();
    assert.deepEqual(news(), ['online', 'reconnect scheduled']);
    mock.timers.tick(500);
    link().opened();
    const back = ['readyStateChange opening', 'reconnect', 'reconnected', 'readyStateChange open'];
    assert.deepEqual(news(), [...back, 'open']);
    // What the application ended stays ended, whenever it does so; until it opens it again.
    const goAndComeBack = () => (handlers.offline(), handlers.online(), news());
    primus.end();
    news();
    assert.deepEqual(goAndComeBack(), ['offline', 'online']);
    primus.open();
    link().opened();
    handlers.offline();
    primus.end();
    news();
    handlers.online();
    assert.deepEqual(news(), ['online']);
    // So does what the server ended.
    primus.open();
    link().opened();
    link().received('"primus::server::close"');
    link().ended();
    news();
    assert.deepEqual(goAndComeBack(), ['offline', 'online']);
    // A first connection that failed was ended by nobody.
    primus.open();
    link().ended();
    news();
    assert.deepEqual(goAndComeBack(), ['offline', 'online', 'reconnect scheduled']);
    primus.destroy();
    assert.deepEqual(handlers, {});
  } finally {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  }
});
