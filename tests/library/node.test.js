// The library that a server serves, in a Node.js without a WebSocket of its own: `require`,
// `import` and a sandbox take the package `ws` where it is installed, as npm primus's does. Where
// it is not, transports that can do without one do, and the others say once what is missing.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { startServer } = require('../interop/server');
const { folderOf } = require('./made');
const { installWs, run } = require('./programs');

const MISSING = 'There is no WebSocket: `npm install ws`';

/** Each transformer, and those that poll told to do without polling. */
const CASES = {
  websockets: {},
  faye: {},
  uws: {},
  'engine.io': {},
  sockjs: {},
  browserchannel: {},
  'engine.io alone': { transformer: 'engine.io', transport: { transports: ['websocket'] } },
  'sockjs alone': { transformer: 'sockjs', transport: { transports: ['websocket'] } },
};
const CAN_POLL = ['engine.io', 'sockjs', 'browserchannel'];

/** How a program gets the class, by the program's name. */
const WAYS = {
  'required.js': `const Primus = require('./primus.js');`,
  'imported.mjs': `import Primus from './primus.mjs';`,
  'sandbox.js': `
    const text = require('fs').readFileSync(__dirname + '/primus.js', 'utf8');
    const vm = require('vm');
    const ours = vm.runInNewContext('Object.getOwnPropertyNames(globalThis)');
    const names = Object.getOwnPropertyNames(globalThis).filter((name) => !ours.includes(name));
    const world = Object.fromEntries(names.map((name) => [name, globalThis[name]]));
    const sandbox = { ...world, require, global: undefined };
    const { Primus } = vm.runInNewContext(text + ';globalThis', sandbox);`,
};

/** The rest of the program: prints what happens to each client, and ends when nothing is left. */
const PROGRAM = `
  const [url, cases] = JSON.parse(process.argv[2]);
  for (const [name, options] of Object.entries(cases)) {
    const client = new Primus(url, { transformer: name, reconnect: { min: 1 }, ...options });
    const say = (event) => (value) => console.log(JSON.stringify([name, event, value]));
    for (const event of ['open', 'data', 'end']) client.on(event, say(event));
    client.on('reconnect scheduled', () => say('reconnect scheduled')());
    if (!options.isDeaf) client.on('error', (error) => say('error')(error.message));
    client.on('open', () => client.write('hello')).on('data', () => client.end());
  }`;

async function served(t) {
  const server = await startServer(t, { kind: 'allspark', transformer: 'any', app: 'echo' });
  const text = async (name) => (await fetch(`${server.url}/primus/${name}`)).text();
  const files = { 'bare.cjs': 'delete globalThis.WebSocket;' };
  for (const name of ['primus.js', 'primus.mjs']) files[name] = await text(name);
  for (const [name, way] of Object.entries(WAYS)) files[name] = way + PROGRAM;
  return { url: server.url, folder: folderOf(t, files) };
}

const ECHOED = [['open'], ['data', 'hello'], ['end']];
const REFUSED = [['error', MISSING], ['end']];

test('with ws installed every transport connects', async (t) => {
  const { url, folder } = await served(t);
  installWs(folder);
  for (const name of Object.keys(WAYS)) {
    const { code, happened, stderr } = await run(folder, name, url, CASES);
    for (const key of Object.keys(CASES)) assert.deepEqual(happened[key], ECHOED, `${name} ${key}`);
    assert.deepEqual([code, stderr], [0, ''], name);
  }
});

test('without ws what can poll polls, and the others say once what is missing', async (t) => {
  const { url, folder } = await served(t);
  for (const name of Object.keys(WAYS)) {
    const { code, happened, stderr } = await run(folder, name, url, CASES);
    for (const key of Object.keys(CASES)) {
      const expected = CAN_POLL.includes(key) ? ECHOED : REFUSED;
      assert.deepEqual(happened[key], expected, `${name} ${key}`);
    }
    assert.deepEqual([code, stderr], [0, ''], name);
  }
});

test('without a listener the program ends with what is missing', async (t) => {
  const { url, folder } = await served(t);
  for (const name of Object.keys(WAYS)) {
    const cases = { websockets: { isDeaf: true } };
    const { code, happened, stderr } = await run(folder, name, url, cases);
    assert.equal(code, 1, name);
    assert.equal(stderr.match(/Error: (.*)/)[1], MISSING, name);
    assert.deepEqual(happened.websockets, [['end']], name);
  }
});
