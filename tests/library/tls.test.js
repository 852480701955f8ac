// The client in JavaScript over https and wss, by every transport and every carrier that it can be
// told to take: the library that a server serves, with the package `ws`, and what the npm package
// is made of, which has a WebSocket of its own. Node.js is told of the authority when it starts, as
// operators do it; who is not told of it lets no server pretend to be the right one.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const { describe, test } = require('node:test');
const { pathToFileURL } = require('node:url');

const { startServer, TLS } = require('../interop/server');
const { folderOf } = require('./made');
const { installWs, run } = require('./programs');

// A machine that is busy with something else takes longer than a carrier of sockjs usually has.
const PATIENT = { timeout: 20_000 };

const only = (transformer, ...transports) => ({
  transformer,
  transport: { ...PATIENT, transports },
});

const CASES = {
  websockets: {},
  faye: {},
  uws: {},
  'engine.io': {},
  'engine.io by polling': only('engine.io', 'polling'),
  'engine.io by WebSocket': only('engine.io', 'websocket'),
  sockjs: { transport: PATIENT },
  'sockjs by WebSocket': only('sockjs', 'websocket'),
  'sockjs by streaming': only('sockjs', 'xhr-streaming'),
  'sockjs by polling': only('sockjs', 'xhr-polling'),
  browserchannel: {},
};

const PACKAGE = pathToFileURL(path.join(__dirname, '../../client/js/src/index.js'));

/** How a program gets the class, by the program's name. */
const WAYS = {
  'required.js': `const Primus = require('./primus.js');`,
  'imported.mjs': `import Primus from './primus.mjs';`,
  'package.mjs': `import Primus from '${PACKAGE}';`,
};

/** The rest of the program: a hundred messages and a long one go there and back, in order. */
const PROGRAM = `
  const [url, cases] = JSON.parse(process.argv[2]);
  const long = 'x'.repeat(300_000);
  for (const [name, options] of Object.entries(cases)) {
    const client = new Primus(url, { transformer: name, timeout: 50_000, ...options });
    const say = (...event) => console.log(JSON.stringify([name, ...event]));
    const back = [];
    client.on('open', () => {
      say('open');
      for (let n = 0; n < 100; n += 1) client.write({ n });
      client.write(long);
    });
    client.on('data', (value) => {
      back.push(value);
      if (back.length <= 100) return;
      const isInOrder = back.slice(0, 100).every(({ n }, index) => n === index);
      say(isInOrder && value === long ? 'echoed' : 'garbled');
      client.end();
    });
    client.on('error', (error) => {
      say('error', error.message);
      client.end();
    });
    client.on('end', () => say('end'));
  }`;

const ECHOED = [['open'], ['echoed'], ['end']];
const REFUSED = [['error'], ['end']];

async function served(t) {
  // Nor does it take a client for gone when its next poll is late.
  const transport = { disconnect_delay: 50_000 };
  const options = { kind: 'allspark', transformer: 'any', app: 'echo', tls: true, transport };
  const server = await startServer(t, options);
  const files = { 'bare.cjs': 'delete globalThis.WebSocket;' };
  for (const name of ['primus.js', 'primus.mjs']) {
    files[name] = await text(`${server.url}/primus/${name}`);
  }
  for (const [name, way] of Object.entries(WAYS)) files[name] = way + PROGRAM;
  const folder = folderOf(t, files);
  installWs(folder);
  return { url: server.url, folder };
}

async function text(url) {
  const [answer] = await once(https.get(url, { ca: fs.readFileSync(TLS.authority) }), 'response');
  let whole = '';
  for await (const part of answer.setEncoding('utf8')) whole += part;
  return whole;
}

// Together, as they mostly wait: servers, before they leave, for clients that poll no more.
describe('TLS', { concurrency: true }, () => {
  for (const program of Object.keys(WAYS)) {
    test(`every transport speaks TLS: ${program}`, async (t) => {
      const { url, folder } = await served(t);
      const environment = { NODE_EXTRA_CA_CERTS: TLS.authority };
      const { code, happened, stderr } = await run(folder, program, url, CASES, environment);
      for (const key of Object.keys(CASES)) assert.deepEqual(happened[key], ECHOED, key);
      assert.deepEqual([code, stderr], [0, '']);
    });

    test(`a server that nobody vouches for is refused: ${program}`, async (t) => {
      const { url, folder } = await served(t);
      const { code, happened, stderr } = await run(folder, program, url, CASES);
      for (const [key, events] of Object.entries(happened)) {
        assert.deepEqual(events.map(([event]) => [event]), REFUSED, `${key}: ${events}`);
      }
      assert.deepEqual([code, stderr], [0, '']);
    });
  }
});
