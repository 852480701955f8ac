// The plugins for events, questions and sessions: the client halves of npm with our server over
// every transformer, our client halves with a server of npm, and bytes.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const acorn = require('acorn');
const Primus = require('primus');

const { event, events, openPlain, text } = require('../clients');
const { peer, startServer } = require('../server');
const { variants } = require('../variants');
const { PACKAGES, load } = require('./plugged');

const SOURCES = path.join(__dirname, '../../../plugins/src');
const DATA = 'data';

/** The arguments of the next event of a client. */
const next = (client, name) => events(client, name);

// What a client does with each list of plugins, and what it must hear. A server may have several
// of them, as long as those of npm get along with each other.
const PLAYS = {
  'emit': {
    async play(client) {
      const told = next(client, 'told');
      client.emit('ask', 1, { two: 2 });
      const first = await told;
      const all = next(client, 'all');
      client.emit('everybody');
      const second = await all;
      const data = next(client, DATA);
      client.write({ emit: 'is no event' });
      return [first, second, (await data)[0]];
    },
    expected: [[1, { two: 2 }], [], [DATA, { emit: 'is no event' }]],
  },
  'emitter,responder,spark-latency': {
    async play(client) {
      const seen = [];
      client.on(DATA, (data) => Array.isArray(data) && seen.push(data));
      client.on('tell', (...args) => args.pop()('heard', args));
      client.on('request', (data, done) => done(`${data}: me`));
      const replied = next(client, 'replied');
      const acknowledged = new Promise((resolve) => {
        client.send('ask', 'you', 5, (...results) => resolve(results));
      });
      const answer = new Promise((resolve) => client.writeAndWait('question', resolve));
      const heard = [await acknowledged, await replied, await answer];
      const data = next(client, DATA);
      client.write('last');
      await data;
      // What spark-latency and responder said is no data; what emitter said is.
      return [...heard, seen.map(([, { type, data: args = [] } = {}]) => [type, args[0]])];
    },
    expected: [
      ['for you', 2],
      ['heard', ['you', 5]],
      ['question', 'who: me'],
      [[0, 'ask'], [1, 'heard'], [undefined, undefined]],
    ],
  },
  'fortress-maximus,emit': {
    async play(client) {
      const said = [];
      const say = async (answer, ...args) => {
        const heard = next(client, answer);
        client.emit(...args);
        said.push((await heard)[0]);
      };
      await say('told', 'chat', 'hello');
      await say(DATA, 'chat', 5);
      await say(DATA, 'chat');
      await say(DATA, 'nobody listens');
      await say(DATA, 'ask', 1);
      return said;
    },
    expected: [
      'hello',
      { invalid: 'chat did not validate' },
      { invalid: 'Missing arguments for chat' },
      { invalid: 'Missing listener for nobody listens' },
      { invalid: 'Missing validator for ask' },
    ],
  },
  'mirage,emit': {
    async play(client, connect, transformer) {
      client.write('kept until there is an id');
      const [kept] = await next(client, DATA);
      const first = client.mirage;
      const again = connect({ mirage: first });
      again.write('at once');
      const [atOnce] = await next(again, DATA);
      const renewed = connect({ mirage: 'old' });
      await next(renewed, 'mirage');
      const refused = connect({ mirage: 'bad' });
      // The client of browserchannel names no id, whoever the server is: it reads the query of its
      // URL before plugins have added theirs.
      const names = transformer !== 'browserchannel';
      if (names) await next(refused, 'end');
      const isHex = /^[0-9a-f]{16}$/.test(first);
      const [isKept, isRenewed] = [again.mirage === first, renewed.mirage === 'new'];
      return [kept, isHex, atOnce, isKept === names, isRenewed === names];
    },
    expected: [[DATA, 'kept until there is an id'], true, [DATA, 'at once'], true, true],
  },
};

// Those of npm do not get along: what came in by one would go out again by the other.
const OURS_ALONE = {
  'emit,emitter,responder': {
    async play(client) {
      client.on('tell', (...args) => args.pop()('heard', args));
      client.on('request', (data, done) => done(`${data}: me`));
      const [told, replied] = [next(client, 'told'), next(client, 'replied')];
      client.emit('ask', 1);
      client.send('ask', 'you');
      const answer = new Promise((resolve) => client.writeAndWait('question', resolve));
      return [await told, await replied, await answer];
    },
    expected: [[1], ['heard', ['you']], ['question', 'who: me']],
  },
};

/** Our client halves of plugins, whether with npm's client or with ours. */
function ours(names) {
  const plugins = names.split(',').flatMap((name) => {
    const file = path.join(SOURCES, name.replace('-', '_'), 'client.js');
    if (!fs.existsSync(file)) return [];
    const source = fs.readFileSync(file, 'utf8');
    return [[PACKAGES[name], { client: new Function(`return (${source}\n);`)() }]];
  });
  return { plugin: Object.fromEntries(plugins) };
}

/** Plays a list of plugins with a server. */
async function perform(t, names, { server, client = {} }, plugins, makeOf = async () => Primus) {
  const started = await startServer(t, {
    ...server, app: 'scripted', further: ['--plugins', names],
  });
  const { spokenBy, pathname, parser, url } = started;
  const Maker = await makeOf();
  const Socket = Maker.createSocket({ ...plugins, transformer: spokenBy, pathname, parser });
  const connect = (options) => {
    const connection = new Socket(url, { ...client, use_clock_offset: true, ...options });
    started.afterStop(() => {
      connection.end();
      connection.recovery.reset();
    });
    return connection;
  };
  const { play, expected } = PLAYS[names] ?? OURS_ALONE[names];
  // A copy, because npm's client runs in a context of its own.
  assert.deepEqual(structuredClone(await play(connect(), connect, spokenBy)), expected);
}

const PLAIN = { server: { transformer: 'websockets' } };

/** The variants that matter to these plugins: fortress-maximus has no client half. */
const variantsFor = (names) => variants.filter(([name]) => {
  return !names.includes('fortress') || ['websockets', 'engine.io by polling'].includes(name);
});

for (const names of Object.keys(PLAYS)) {
  for (const [variantName, variant] of variantsFor(names)) {
    test(`${names} with the halves of npm: ${variantName}`, (t) => {
      return perform(t, names, variant, load(names));
    });
  }

  test(`${names} with the halves of npm and a binary parser`, (t) => {
    const server = { ...PLAIN.server, parser: 'msgpack' };
    return perform(t, names, { server }, load(names));
  });

  for (const kind of new Set([peer, 'node'])) {
    const variant = { server: { ...PLAIN.server, kind } };
    test(`${names} with our halves in npm's client and a server: ${kind}`, (t) => {
      return perform(t, names, variant, ours(names));
    });

    test(`${names} with our halves in our client and a server: ${kind}`, (t) => {
      const makeOf = async () => (await import('../../../client/js/src/index.js')).default;
      return perform(t, names, variant, ours(names), makeOf);
    });
  }
}

for (const names of Object.keys(OURS_ALONE)) {
  for (const order of [names, names.split(',').reverse().join(',')]) {
    test(`${order} get along in our halves`, { skip: peer === 'node' }, (t) => {
      return perform(t, names, PLAIN, ours(order));
    });
  }
}

// Verified on both servers: what is said, and each answer, byte for byte.
const BYTES = {
  'emit': [
    ['{"emit":["ask"]}', '{"emit":["told"]}'],
    ['{"emit":["ask","hi",{"a":1}]}', '{"emit":["told","hi",{"a":1}]}'],
    ['{"emit":["everybody",null]}', '{"emit":["all",null]}'],
  ],
  'emitter': [
    [
      '{"type":0,"data":["ask","x"],"id":7}',
      '{"id":7,"type":1,"data":["for x",1]}',
      '{"type":0,"data":["tell","x"],"id":1}',
      '["data",{"type":0,"data":["ask","x"],"id":7}]',
    ],
    [
      '{"id":1,"type":1,"data":["y",2]}',
      '{"type":0,"data":["replied","y",2]}',
      '["data",{"id":1,"type":1,"data":["y",2]}]',
    ],
    // Answered twice, an id that is none, one that was never used.
    ['{"id":1,"type":1,"data":[]}', '["data",{"id":1,"type":1,"data":[]}]'],
    ['{"type":0,"data":["ask"],"id":"1"}', '["data",{"type":0,"data":["ask"],"id":"1"}]'],
    ['{"id":99,"type":1,"data":[]}', '["data",{"id":99,"type":1,"data":[]}]'],
  ],
};

for (const [names, dialogue] of Object.entries(BYTES)) {
  test(`${names} says the same bytes`, async (t) => {
    const server = await startServer(t, { app: 'scripted', further: ['--plugins', names] });
    const socket = await openPlain(server);
    for (const [said, ...answers] of dialogue) {
      const heard = [];
      const all = new Promise((resolve) => {
        socket.on('message', function take(message) {
          if (heard.push(message.toString()) < answers.length) return;
          socket.off('message', take);
          resolve();
        });
      });
      socket.send(said);
      await all;
      assert.deepEqual(heard, answers);
    }
  });
}

test('all client halves parse where ECMAScript 5 is known and no more', () => {
  const files = fs.readdirSync(SOURCES, { recursive: true });
  const halves = files.filter((file) => path.basename(file) === 'client.js');
  assert.ok(halves.length >= 6, halves.join());
  for (const file of halves) {
    const source = fs.readFileSync(path.join(SOURCES, file), 'utf8');
    acorn.parse(`(${source}\n)`, { ecmaVersion: 5 });
  }
});

test('analytics tells the same as the half of npm', async (t) => {
  const server = await startServer(t);
  t.after(() => delete globalThis.ga);
  const told = {};
  const halves = { npm: load('analytics'), ours: ours('analytics') };
  for (const [name, plugins] of Object.entries(halves)) {
    told[name] = [];
    globalThis.ga = (...args) => told[name].push(args);
    const Socket = Primus.createSocket({ ...plugins, transformer: server.spokenBy });
    const analytics = { category: 'c', events: { open: 'opened', hidden: false } };
    const client = new Socket(server.url, { analytics });
    await event(client, 'open');
    const said = ['x', { emit: ['news', 1] }, { emit: ['hidden'] }, { type: 0, data: ['e'] }];
    for (const message of said) client.write(message);
    client.emit('error', new Error('broken'));
    const ended = event(client, 'end');
    client.end();
    await ended;
  }
  assert.deepEqual(structuredClone(told.ours), structuredClone(told.npm));
  const actions = told.ours.map(([, what]) => what.eventAction ?? what);
  assert.deepEqual(actions, ['opened', 'write', 'news', 'e', 'exception', 'close']);
});

// Several of these end a server of Node.js.
test('hostile messages end nothing', { skip: peer === 'node' }, async (t) => {
  const names = 'emitter,responder,spark-latency,emit';
  const server = await startServer(t, { app: 'scripted', further: ['--plugins', names] });
  const socket = await openPlain(server);
  const swallowed = [
    '{"emit":[]}', '{"emit":[null]}', '{"emit":[5]}', '{"emit":["data",1]}',
    '{"emit":["incoming::end"]}', '{"plugin":"primus-responder","requestId":{}}',
    '{"plugin":"primus-responder","responseId":"x","data":[]}',
  ];
  const passed = ['null', '[]', '{"type":1,"data":[],"id":1e999}', '{"type":0,"data":[null]}'];
  for (let n = 0; n < 2_000; n += 1) {
    for (const message of swallowed) socket.send(message);
  }
  for (const message of passed) {
    const echoed = text(socket);
    socket.send(message);
    assert.match(await echoed, /^\["data",/);
  }
  // Deep, and long: nobody listens.
  socket.send(`${'{"emit":['.repeat(100_000)}${']}'.repeat(100_000)}`);
  socket.send(`{"emit":["ask"${',[]'.repeat(100_000)}]}`);
  const [told] = await event(socket, 'message').then((message) => [message.length]);
  assert.equal(told, '{"emit":["told"]}'.length + 3 * 100_000);
});
