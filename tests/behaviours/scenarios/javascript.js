// What only a client in JavaScript has: its object, and what applications and plugins do with it.
'use strict';

const assert = require('node:assert/strict');
const { PassThrough, Readable } = require('node:stream');

const { ENDING, OPENING } = require('./sequences');

const clients = ['npm', 'javascript'];
const transformers = ['websockets'];
const ask = (value) => ({ do: 'write', value });

const scenarios = [
  {
    name: 'the state is told by readyState at each event',
    expected: [...OPENING, ...ENDING],
    async run(world) {
      const client = await world.create();
      const { primus } = client;
      const { OPENING: opening, CLOSED: closed, OPEN: open } = primus.constructor;
      assert.deepEqual([opening, closed, open], [1, 2, 3]);
      assert.equal(primus.readyState, closed);
      const states = [];
      for (const event of ['outgoing::open', 'readyStateChange', 'open', 'close', 'end']) {
        primus.on(event, () => states.push(`${event} ${primus.readyState}`));
      }
      await client.trace.wait('open');
      primus.end();
      assert.deepEqual(states, [
        'readyStateChange 1', 'outgoing::open 1', 'readyStateChange 3', 'open 3',
        'readyStateChange 2', 'close 2', 'end 2',
      ]);
      return client;
    },
  },
  {
    name: 'what happens inside is told in the order of npm',
    // Its own listeners were there first: what they cause is heard before what caused it.
    expected: [
      'state:opening', 'outgoing::end', 'outgoing::url', 'outgoing::open',
      'state:open', 'outgoing::data', 'open', 'incoming::open',
      'data', 'incoming::data',
      'outgoing::data', 'outgoing::pong', 'outgoing::data', 'incoming::ping', 'incoming::data',
      'state:end', 'outgoing::end', 'close', 'end',
    ],
    async run(world) {
      const client = await world.create({}, { inside: true });
      client.write(ask(1));
      await client.trace.wait('data');
      client.write(ask('primus::ping::1700000000000'));
      await client.trace.wait('incoming::data', 2);
      client.end();
      return client;
    },
    check(trace) {
      assert.deepEqual(trace.first('incoming::ping').args, [1_700_000_000_000]);
      const sent = trace.all('outgoing::data').map(({ args: [packet] }) => packet);
      assert.equal(sent.at(-1), '"primus::pong::1700000000000"');
    },
  },
  {
    name: 'an application without a listener for errors is not troubled by them',
    expected: ['state:opening', 'reconnect scheduled', 'state:end'],
    async run(world) {
      const proxy = await world.proxy();
      proxy.refuse();
      const options = { url: proxy.url, reconnect: { min: 60_000 } };
      const client = await world.create(options, { silent: ['error'] });
      await client.trace.wait('reconnect scheduled');
      return client;
    },
  },
  {
    name: 'outgoing::url can change where the client goes',
    expected: [...OPENING, 'data'],
    async run(world) {
      const client = await world.create();
      client.primus.on('outgoing::url', (options) => {
        assert.equal(options.pathname, '/primus');
        assert.match(options.query, /^_primuscb=/);
        options.query += '&token=x';
      });
      client.write({ do: 'describe' });
      await client.trace.wait('data');
      return client;
    },
    check: (trace) => assert.equal(trace.data[0].query.token, 'x'),
  },
  {
    name: 'every connection has a URL of its own',
    expected: OPENING,
    async run(world) {
      const client = await world.create();
      const urls = new Set();
      for (let made = 0; made < 100; made += 1) {
        urls.add(client.primus.uri({ protocol: 'ws:', query: true }));
      }
      assert.equal(urls.size, 100);
      const [url] = urls;
      assert.match(url, /^ws:\/\/127\.0\.0\.1:\d+\/primus\?_primuscb=[\w.-]+$/);
      assert.match(client.primus.uri({ protocol: 'ws:', secure: true }), /^wss:.*\/primus$/);
      const parts = client.primus.uri({ protocol: 'http:', query: true, object: true });
      assert.equal(parts.pathname, '/primus');
      await client.trace.wait('open');
      return client;
    },
  },
  {
    name: 'reserved knows the events of Primus',
    expected: OPENING,
    async run(world) {
      const client = await world.open();
      const { primus } = client;
      for (const event of [...Object.keys(primus.reserved.events), 'incoming::x', 'outgoing::y']) {
        assert.equal(primus.reserved(event), true, event);
      }
      assert.deepEqual(Object.keys(primus.reserved.events).sort(), [
        'close', 'data', 'destroy', 'end', 'error', 'offline', 'online', 'open',
        'readyStateChange', 'reconnect', 'reconnect failed', 'reconnect scheduled',
        'reconnect timeout', 'reconnected', 'timeout',
      ]);
      assert.equal(primus.reserved('message'), false);
      return client;
    },
  },
  {
    name: 'emits makes a function that emits',
    expected: OPENING,
    async run(world) {
      const client = await world.open();
      const { primus } = client;
      const heard = [];
      for (const event of ['plain', 'parsed', 'silent']) {
        primus.on(event, (...args) => heard.push([event, ...args]));
      }
      primus.emits('plain', 1)(2, 3);
      primus.emits('parsed', (next, value) => next(undefined, value + 1))(1);
      primus.emits('parsed', (next) => next())(4, 5);
      primus.emits('silent', () => {})(1);
      assert.deepEqual(heard, [['plain', 1, 2, 3], ['parsed', 2], ['parsed', 4, 5]]);
      return client;
    },
  },
  {
    name: 'a stream can be piped into a client, and a client into a stream',
    expected: [...OPENING, 'data', 'data', 'data', ...ENDING],
    async run(world) {
      const client = await world.open();
      const [received, sink] = [[], new PassThrough({ objectMode: true })];
      sink.on('data', (value) => received.push(value));
      client.primus.pipe(sink);
      const source = Readable.from([1, 2, 3].map(ask));
      source.pipe(client.primus, { end: false });
      await client.trace.wait('data', 3);
      client.end();
      await client.trace.wait('end');
      await world.sleep(20);
      assert.deepEqual(received, [1, 2, 3]);
      return client;
    },
  },
  {
    name: 'a stream that ends ends the client that it is piped into',
    expected: [...OPENING, ...ENDING],
    async run(world) {
      const client = await world.open();
      Readable.from([ask(1)]).pipe(client.primus);
      await client.trace.wait('end');
      return client;
    },
  },
  {
    name: 'a transform may take its time, and messages overtake it',
    expected: [...OPENING, 'data', 'data'],
    async run(world) {
      const client = await world.create();
      client.primus.transform('incoming', (packet, next) => {
        if (packet.data === 'slow') setTimeout(next, 50);
        else next();
      });
      for (const value of ['slow', 'fast']) client.write(ask(value));
      await client.trace.wait('data', 2);
      return client;
    },
    check: (trace) => assert.deepEqual(trace.data, ['fast', 'slow']),
  },
  {
    name: 'transforms go one after the other, and each can drop the message',
    expected: [...OPENING, 'data', 'error'],
    async run(world) {
      const client = await world.create();
      const { primus } = client;
      primus.transform('incoming', function first(packet) {
        assert.equal(this, primus);
        packet.data = [packet.data];
      });
      primus.transform('incoming', (packet, next) => next(undefined, packet.data[0] !== 1));
      primus.transform('incoming', (packet) => { packet.data.push('last'); });
      for (const value of [1, 2]) client.write(ask(value));
      await client.trace.wait('data');
      primus.transform('sideways', () => {});
      return client;
    },
    check(trace) {
      assert.deepEqual(trace.data, [[2, 'last']]);
      assert.equal(trace.first('error').args[0].message, 'Invalid transformer type');
    },
  },
  {
    name: 'the options ping and pong are errors',
    expected: OPENING,
    async run(world) {
      const client = await world.open();
      const Client = client.primus.constructor;
      for (const options of [{ ping: 1 }, { pong: 1 }]) {
        assert.throws(() => new Client('http://127.0.0.1', options), /options have been removed/);
      }
      return client;
    },
  },
  {
    name: 'a client can be made in each of the ways of the README',
    expected: OPENING,
    async run(world) {
      const client = await world.open();
      const { url } = await world.server();
      const Client = client.primus.constructor;
      const made = [
        new Client({ url, manual: true }),
        new Client({ uri: url, manual: true }),
        Client.connect(url, { manual: true }),
        Client(url, { manual: true }),
      ];
      for (const each of made) {
        assert.ok(each instanceof Client);
        assert.equal(each.url.host, new URL(url).host);
        each.destroy();
      }
      return client;
    },
  },
  {
    name: 'a destroyed client has nothing left',
    expected: [...OPENING, ...ENDING, 'destroy'],
    async run(world) {
      const client = await world.open();
      const { primus } = client;
      assert.deepEqual([primus.destroy(), primus.destroy()], [true, false]);
      for (const name of ['url', 'timers', 'options', 'recovery', 'socket', 'transport']) {
        assert.equal(primus[name], null, name);
      }
      assert.equal(primus.listeners('open').length, 0);
      return client;
    },
  },
  {
    name: 'write says that it took the message',
    expected: OPENING,
    async run(world) {
      const client = await world.create();
      assert.equal(client.write({ do: 'nothing' }), true);
      await client.trace.wait('open');
      assert.equal(client.write({ do: 'nothing' }), true);
      assert.equal(client.primus.buffer.length, 0);
      return client;
    },
  },
  {
    name: 'a value that JSON does not know is an error',
    expected: [...OPENING, 'error', 'data'],
    async run(world) {
      const client = await world.open();
      const circle = {};
      circle.circle = circle;
      client.write(circle);
      client.write(ask('last'));
      await client.trace.wait('data');
      return client;
    },
  },
  {
    name: 'the options of a client are its own',
    expected: [],
    async run(world) {
      const client = await world.create({ manual: true, strategy: 'Online , TIMEOUT' });
      const { options } = client.primus;
      assert.equal(options.strategy, 'online,timeout');
      assert.equal(options.queueSize, Infinity);
      assert.deepEqual({ ...options.reconnect }, {});
      assert.equal(client.primus.version, '8.0.9');
      return client;
    },
  },
];

module.exports = scenarios.map((scenario) => ({ clients, transformers, ...scenario }));
