// Streams, channels and resources: the client halves from npm, in the real Primus client, against
// our server over every transformer; ours against it and against the plugins of npm on Node.js; and
// the bytes of both servers side by side.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const Primus = require('primus');
const WebSocket = require('ws');

const { collect, event, openPlain, record } = require('../clients');
const { peer, startServer, within } = require('../server');
const { variants } = require('../variants');

const ANSWER_MS_MAX = 30_000;

/** By the name of the plugin its client half from npm, and the folder of ours. */
const NPM = {
  substream: require('substream'),
  multiplex: require('primus-multiplex'),
  emitter: require('primus-emitter'),
  resource: require('primus-resource'),
};

/** Our client halves, as an application would add them. */
function ours() {
  const half = (name) => {
    const file = path.join(__dirname, '../../../plugins/src', name, 'client.js');
    // A function expression, perhaps behind a comment.
    const client = (0, eval)(`(${fs.readFileSync(file, 'utf8')})`);
    return [name, { client }];
  };
  return Object.fromEntries(Object.keys(NPM).map(half));
}

const HALVES = { npm: NPM, ours: ours() };

/** A client with these halves, opening, that ends with the server. */
function connect(server, halves, options = {}) {
  const { parser, pathname, spokenBy: transformer } = server;
  const Client = Primus.createSocket({ transformer, parser, pathname, plugin: HALVES[halves] });
  const client = new Client(server.url, options);
  server.afterStop(() => {
    client.end();
    client.recovery.reset();
  });
  return client;
}

/** Resolves with what a call gives its callback. The client's objects are of another world. */
async function answer(call) {
  const result = new Promise((resolve) => call((...args) => resolve(args)));
  return structuredClone(await within(ANSWER_MS_MAX, result, () => 'an answer'));
}

const copy = async (promise) => structuredClone(await promise);

async function playStreams(client) {
  const one = client.substream('one');
  assert.equal(client.substream('one'), one);
  one.write('hello');
  assert.deepEqual(await copy(event(one, 'data')), ['hello']);
  const last = collect(one, 'data', 2);
  const ended = event(client, 'data');
  const end = event(one, 'end');
  one.write('more');
  one.write('end');
  assert.deepEqual(await copy(last), [['more'], 'bye']);
  await end;
  assert.equal(await ended, 'one has ended');
  assert.equal(one.write('late'), false);
}

async function playChannels(client, other) {
  const [news, again] = [client.channel('news'), client.channel('news')];
  const elsewhere = other.channel('news');
  news.write('hello');
  assert.deepEqual(await copy(event(news, 'data')), ['hello']);
  elsewhere.write('here');
  assert.deepEqual(await copy(event(elsewhere, 'data')), ['here']);
  const all = [news, again, elsewhere].map((each) => event(each, 'data'));
  again.write('all');
  assert.deepEqual(await Promise.all(all), ['to all', 'to all', 'to all']);
  const last = collect(news, 'data', 1);
  const end = event(news, 'end');
  news.write('end');
  assert.deepEqual(await last, ['bye']);
  await end;
  // A channel that its client ends.
  const gone = event(again, 'end');
  again.end();
  await gone;
  elsewhere.write('still here');
  assert.deepEqual(await copy(event(elsewhere, 'data')), ['still here']);
}

async function playEvents(client) {
  const news = client.channel('news');
  assert.deepEqual(await answer((done) => news.send('add', 1, 2, 3, done)), [6]);
  news.on('who', (...args) => {
    const done = args.pop();
    done(args.join(' '));
  });
  const hello = event(news, 'hello');
  news.send('greet');
  assert.equal(await hello, 'are you');
}

async function playResources(client) {
  // Those without a channel are ready when the client has connected: all are made before.
  const resources = [client.resource('creature'), client.resource('beast', false)];
  const ready = (resource) => new Promise((resolve) => {
    resource.on('ready', (...args) => resolve(args));
  });
  for (const [, methods] of await copy(Promise.all(resources.map(ready)))) {
    assert.deepEqual(methods, ['command', 'walk', 'shout']);
  }
  for (const resource of resources) {
    const got = await answer((done) => resource.command('sleep', done));
    assert.deepEqual(got, [`${resource.name} got sleep`]);
    assert.deepEqual(await answer((done) => resource.walk(done)), []);
    const heard = answer((done) => resource.on('heard', done));
    resource.shout('a', 2);
    assert.deepEqual(await heard, ['a', 2]);
  }
}

async function playAll(server, halves, options) {
  const [client, other] = [connect(server, halves, options), connect(server, halves, options)];
  await playStreams(client);
  await playChannels(client, other);
  await playEvents(client);
  await playResources(connect(server, halves, options));
}

for (const [name, variant] of variants) {
  test(`client halves from npm over ${name}`, async (t) => {
    const server = await startServer(t, { app: 'channels', ...variant.server });
    await playAll(server, 'npm', variant.client);
  });
}

// With `binary` they do not get on with their own servers either.
for (const parser of ['ejson', 'msgpack']) {
  test(`client halves from npm with the parser ${parser}`, async (t) => {
    const server = await startServer(t, { app: 'channels', parser });
    await playAll(server, 'npm');
  });
}

for (const kind of ['node', 'allspark']) {
  test(`our client halves against ${kind}`, async (t) => {
    const server = await startServer(t, { app: 'channels', kind });
    await playAll(server, 'ours');
  });
}

/** What is said to a server, and how many messages it answers with. */
const DIALOGUE = [
  ['{"substream":"one","args":"hi"}', 1],
  ['{"substream":"none","args":"hi"}', 0],
  ['{"substream":"one","args":"end"}', 3],
  ['[1,"x1","news"]', 0],
  ['[0,"x1","news","hi"]', 1],
  ['[0,"x1","news","all"]', 1],
  ['[0,"x1","news",{"type":0,"data":["add",1,2],"id":1}]', 1],
  ['[0,"x1","news",{"type":0,"data":["greet"]}]', 1],
  ['[0,"x1","news",{"id":1,"type":1,"data":["me"]}]', 1],
  ['[1,"x2","news"]', 0],
  ['[2,"x2","news"]', 1],
  ['[2,"x2","news"]', 0],
  ['[0,"x1","news","end"]', 3],
  ['[1,"x3","creature"]', 1],
  ['[0,"x3","creature",{"type":0,"data":["command","sleep"],"id":1}]', 1],
  ['{"type":0,"data":["beast::command","sleep"],"id":1}', 1],
];

/** Everything that a server says in the dialogue, the names of methods first. */
async function bytesOf(t, kind) {
  const server = await startServer(t, { app: 'channels', kind });
  const socket = new WebSocket(server.webSocketUrl);
  server.afterStop(() => socket.terminate());
  const said = record(socket, 'message');
  for (const [words, answers] of [['', 1], ...DIALOGUE]) {
    const count = said.length + answers;
    if (words) socket.send(words);
    const all = async () => {
      while (said.length < count) await once(socket, 'message');
    };
    await within(ANSWER_MS_MAX, all(), () => `answers to ${words}: ${said.join()}`);
  }
  return said.map(String);
}

test('both servers say the same, byte for byte', async (t) => {
  const [expected, actual] = await Promise.all([bytesOf(t, 'node'), bytesOf(t, 'allspark')]);
  assert.deepEqual(actual, expected);
  assert.ok(actual.includes('{"substream":"one","args":"substream::end"}'));
  assert.ok(actual.includes('[0,"x1","news",["hi"]]'));
});

test('hostile packets change nothing for others', { skip: peer === 'node' }, async (t) => {
  const server = await startServer(t, { app: 'channels' });
  const [hostile, quiet] = [await openPlain(server), connect(server, 'npm')];
  const news = quiet.channel('news');
  news.write('before');
  await event(news, 'data');
  const words = ['null', '[]', '[[[[]]]]', '[1,null,null]', '[0,{},"news"]', '{"substream":null}'];
  words.push('{"substream":"one","args":null}', '[1,"x","__proto__"]', '{"type":0,"data":null}');
  words.push(`[1,"${'x'.repeat(100_000)}","news"]`, `[1,"x","${'y'.repeat(100_000)}"]`);
  for (const each of words) hostile.send(each);
  for (let id = 0; id < 20_000; id += 1) hostile.send(`[1,"${id}","news"]`);
  for (let id = 0; id < 20_000; id += 1) hostile.send(`[1,"x","channel ${id}"]`);
  hostile.send('{"substream":"one","args":"still here"}');
  const said = record(hostile, 'message');
  const until = async (last) => {
    while (String(said.at(-1)) !== last) await once(hostile, 'message');
  };
  const here = '{"substream":"one","args":["still here"]}';
  await within(ANSWER_MS_MAX, until(here), () => `an answer behind everything: ${said.at(-1)}`);
  const before = said.length;
  const answered = event(news, 'data');
  news.write('all');
  assert.equal(await answered, 'to all');
  hostile.send('{"substream":"one","args":"end"}');
  await within(ANSWER_MS_MAX, until('"one has ended"'), () => `the end: ${said.at(-1)}`);
  // So many subscriptions a spark has; and the three messages of the end.
  assert.equal(said.length - before, 256 + 3);
});
