// Each parser speaks as npm's: the same bytes for the same values, and with the clients of each
// transport messages go there, back and to everyone, and pings are answered.
'use strict';

const assert = require('node:assert/strict');
const Module = require('node:module');
const { test } = require('node:test');
const Primus = require('primus');

const { ask, event, open, openPlain, record, sparkId } = require('./clients');
const { buffer, date, generated, infinite, regExp, typedArray } = require('./generated');
const { differsFromNode, peer, startServer, within } = require('./server');
const { VALUES } = require('./values');
const { variants } = require('./variants');

// The package is from a time before `Buffer.from`; its warning says nothing about us.
process.noDeprecation = true;

/** By name: makers of what only this parser knows, and whether its messages are bytes. */
const PARSERS = {
  json: { further: [] },
  ejson: { further: [buffer, date, infinite, regExp] },
  msgpack: { further: [buffer, date, infinite, regExp, typedArray], isBinary: true },
  // Whole numbers of more than 32 bits are no business of this one: npm's can't read them.
  binary: { further: [buffer], isBinary: true, reads: (value) => !hasWide(value) },
};

const SEED = 1;

for (const [parser, { further, isBinary = false, reads = () => true }] of Object.entries(PARSERS)) {
  test(`${parser}: generated values are read and written as npm does`, async (t) => {
    const server = await startServer(t, { app: 'scripted', parser });
    const socket = await openPlain(server);
    const values = generated(1_000, SEED, further).filter(peer === 'node' ? reads : () => true);
    const messages = values.map((value) => [encode(parser, ['rewrite', value]), value]);
    const answers = collectMessages(socket, messages.length);
    for (const [message] of messages) socket.send(message);
    for (const [index, [data, answerIsBinary]] of (await answers).entries()) {
      const [message, value] = messages[index];
      assert.equal(answerIsBinary, isBinary);
      same(data, Buffer.from(encode(parser, value)), Buffer.from(message));
    }
  });

  test(`${parser}: an echo passes on what came, byte for byte`, async (t) => {
    const socket = await openPlain(await startServer(t, { parser }));
    const values = generated(300, SEED + 1, further).filter(reads);
    const messages = values.map((value) => Buffer.from(encode(parser, value)));
    const answers = collectMessages(socket, messages.length);
    for (const message of messages) socket.send(message, { binary: isBinary });
    for (const [index, [data]] of (await answers).entries()) {
      same(data, messages[index], messages[index]);
    }
  });
}

// With `any` one server has clients of all transports, so that messages go from each to all. npm's
// has none of that, and binary parsers do not work with its sockjs and browserchannel.
const SPOKEN = new Set(['sockjs', 'browserchannel']);
// A client that is to live may stand still for nearly so long, as the machine may.
const PING_INTERVAL_MS = 3_000;

test('clients of every transport understand each other, and answer pings', async (t) => {
  const each = Object.keys(PARSERS).map(async (parser) => {
    for (const group of await servers(t, parser)) await talk(group, parser);
  });
  await Promise.all(each);
});

/** For each server its clients, with what they hear. */
async function servers(t, parser) {
  const spoken = variants.filter(
    ([name, { server }]) =>
      !/compressed|uws/.test(name) && !(PARSERS[parser].isBinary && SPOKEN.has(server.transformer)),
  );
  const options = { app: 'broadcast', parser, pingIntervalMs: PING_INTERVAL_MS };
  const start = (transformer) => startServer(t, { ...options, transformer });
  const join = async (server, [, { server: { transformer }, client = {} }]) => {
    const member = await open(server, { ...client, spokenBy: transformer });
    const [heard, pings] = [record(member, 'data'), record(member, 'incoming::ping')];
    return { client: member, heard, pings };
  };
  if (peer === 'node') {
    return Promise.all(spoken.map(async (variant) => {
      return [await join(await start(variant[1].server.transformer), variant)];
    }));
  }
  const server = await start('any');
  return [await Promise.all(spoken.map((variant) => join(server, variant)))];
}

async function talk(members, parser) {
  const values = carried(parser);
  for (const value of values) {
    const heard = members.map(({ client }) => event(client, 'data'));
    members[0].client.write(value);
    for (const data of await Promise.all(heard)) {
      assert.deepEqual(structuredClone(data), value, parser);
    }
  }
  for (const { client } of members) {
    const heard = members.map((member) => event(member.client, 'data'));
    client.write({ from: client.url.href });
    assert.equal(new Set((await Promise.all(heard)).map(({ from }) => from)).size, 1);
  }
  // The second ping comes to who has answered the first one, on the same spark.
  const ids = await Promise.all(members.map(({ client }) => sparkId(client)));
  for (const { client, pings } of members) {
    while (pings.length < 2) await event(client, 'incoming::ping');
  }
  assert.deepEqual(await Promise.all(members.map(({ client }) => sparkId(client))), ids);
  assert.ok(members.every(({ heard }) => heard.length === values.length + members.length));
}

test('binary data comes back as bytes', async (t) => {
  for (const parser of ['ejson', 'msgpack', 'binary']) {
    const client = await open(await startServer(t, { parser }));
    const answer = await ask(client, { bytes: Buffer.from([0, 1, 255]) });
    assert.deepEqual([...new Uint8Array(answer.bytes)], [0, 1, 255], parser);
  }
});

test('what is no message of the parser is an error of its spark, and no more', async (t) => {
  const cases = {
    ejson: ['{"$date":"x"', '{"$binary":5}', '', Buffer.from('1')],
    msgpack: [Buffer.of(0xc1), Buffer.of(0xdd, 255, 255, 255, 255), Buffer.alloc(10_000, 0x91)],
    binary: [Buffer.of(0xdb, 255, 255, 255, 255, 1), Buffer.alloc(0), Buffer.alloc(10_000, 0x91)],
  };
  for (const [parser, messages] of Object.entries(cases)) {
    const server = await startServer(t, { app: 'scripted', parser });
    const socket = await openPlain(server);
    for (const message of messages) socket.send(message);
    const answer = collectMessages(socket, 1);
    socket.send(encode(parser, { do: 'counts' }));
    const counts = decode(parser, (await answer)[0]);
    assert.deepEqual([counts.error, counts.disconnection], [messages.length, 0], parser);
  }
});

test(
  'a parser of the application speaks with clients that have its other half',
  differsFromNode('the server of the tests has no such parser'),
  async (t) => {
    const options = { app: 'scripted', parser: 'lettered', pingIntervalMs: 1_000 };
    const server = await startServer(t, options);
    assert.equal((await (await fetch(`${server.url}/primus/spec`)).json()).parser, 'lettered');
    const Served = load(await (await fetch(`${server.url}/primus/primus.js`)).text());
    const Npm = Primus.createSocket({ transformer: 'websockets', parser: LETTERED });
    for (const Client of [Served, Npm]) {
      const client = new Client(server.url);
      server.afterStop(() => client.end());
      await event(client, 'open');
      for (const value of [...Object.values(VALUES), 'x'.repeat(200)]) {
        assert.deepEqual(await ask(client, ['rewrite', value]), value);
      }
      assert.match(await sparkId(client), /^.+$/);
      await event(client, 'incoming::ping');
    }
    const socket = await openPlain(server);
    for (const message of ['1', '', 'v', Buffer.of(255)]) socket.send(message);
    const answer = collectMessages(socket, 1);
    socket.send('v{"do":"counts"}');
    const { error, disconnection } = JSON.parse(String((await answer)[0][0]).slice(1));
    assert.deepEqual([error, disconnection], [4, 0]);
  },
);

test(
  'the client library of a server has its parser',
  differsFromNode('what its library needs is not in this folder'),
  async (t) => {
    for (const parser of [...Object.keys(PARSERS), 'raw']) {
      const server = await startServer(t, { parser });
      const text = await (await fetch(`${server.url}/primus/primus.js`)).text();
      const Served = load(text);
      const client = new Served(server.url);
      server.afterStop(() => client.end());
      await event(client, 'open');
      const values = parser === 'raw' ? ['text'] : carried(parser);
      for (const value of values) assert.deepEqual(await ask(client, value), value, parser);
      assert.match(await sparkId(client), /^.+$/);
    }
  },
);

/** The parser of the scripted server as npm takes one: both functions end up in its client. */
const LETTERED = {
  encoder: (value, done) => done(null, `v${JSON.stringify(value)}`),
  decoder: (packet, done) => {
    const isText = typeof packet === 'string';
    const text = isText ? packet : String.fromCharCode(...new Uint8Array(packet));
    done(null, JSON.parse(text.slice(1)));
  },
};

/** What a client library exports. */
function load(text) {
  const made = new Module('primus.js');
  made.paths = module.paths;
  made._compile(text, 'primus.js');
  return made.exports;
}

/** Values that npm's parser of this name brings back as they went. */
const carried = (parser) => Object.values(VALUES).filter(PARSERS[parser].reads ?? (() => true));

/** The message of a value, as npm primus makes it. */
function encode(parser, value) {
  const message = run(require(`primus/parsers/${parser}`).encoder, value);
  if (typeof message !== 'string') return message;
  return message.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

function decode(parser, [data, isBinary]) {
  return run(require(`primus/parsers/${parser}`).decoder, isBinary ? data : data.toString());
}

function run(convert, input) {
  let output;
  convert(input, (error, result) => {
    if (error) throw error;
    output = result;
  });
  return output;
}

/** Not assert.deepEqual, which takes minutes to describe how two large values differ. */
function same(bytes, expected, message) {
  if (bytes.equals(expected)) return;
  const short = [message, expected, bytes].map((each) => each.toString('latin1').slice(0, 300));
  assert.fail(`${short[0]} was answered not with ${short[1]} but with ${short[2]}`);
}

/** Resolves with the next messages: lists of the data and whether it is binary. */
async function collectMessages(socket, count) {
  const messages = [];
  const complete = new Promise((resolve) => {
    socket.on('message', function take(...message) {
      messages.push(message);
      if (messages.length < count) return;
      socket.off('message', take);
      resolve(messages);
    });
  });
  return within(30_000, complete, () => `${messages.length} of ${count} messages`);
}

function hasWide(value) {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) >= 2 ** 31;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasWide);
}
