// The other way round: the client halves of AllSpark against Primus on Node.js, and against
// AllSpark itself. What they go through is in tests/clients/.
'use strict';

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const { promisify } = require('node:util');

const { binary, peer, startServer } = require('./server');

const RUN_MS_MAX = 60_000;

const NAMES = {
  'websockets': ['websockets'],
  'faye': ['websockets'],
  'uws': ['websockets'],
  'engine.io': ['engine.io', 'engine.io/polling', 'engine.io/websocket'],
  'sockjs': [
    'sockjs/websocket',
    'sockjs/xhr-streaming',
    'sockjs/eventsource',
    'sockjs/htmlfile',
    'sockjs/xhr-polling',
    'sockjs/jsonp-polling',
  ],
  'browserchannel': ['browserchannel', 'browserchannel/polling'],
};

// The tests judged by the oracle alone need nothing that is built.
const kinds = peer === 'node' ? [] : ['node', 'allspark'];

for (const kind of kinds) {
  for (const [transformer, names] of Object.entries(NAMES)) {
    // Its server does not load on a current Node.js.
    if (kind === 'node' && transformer === 'uws') continue;
    for (const name of names) {
      test(`the client half ${name} against ${transformer} of ${kind}`, async (t) => {
        // For how long SockJS waits for a client to come back, before it takes it for gone.
        const transport = transformer === 'sockjs' ? { disconnect_delay: 3_000 } : {};
        const server = await startServer(t, { kind, app: 'scripted', transformer, transport });
        await run(name, server);
      });
    }
  }
}

/** Runs the list, and shows how far it came if it fails. */
async function run(name, server) {
  const clients = binary('ALLSPARK_CLIENTS_BIN', 'examples/clients');
  const args = [name, `127.0.0.1:${server.port}`];
  try {
    await promisify(execFile)(clients, args, { timeout: RUN_MS_MAX });
  } catch (error) {
    assert.fail(`${error.message}\n${error.stderr}`);
  }
}
