// Clients of npm over a Unix socket: a WebSocket, and polling by Node's own http.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const WebSocket = require('ws');

const { afterwards } = require('./afterwards');
const { peer, startServer } = require('./server');

const skip = peer === 'node' && 'it listens on no Unix socket beside its port';

/** A server that listens on a Unix socket, too. */
async function onUnixSocket(t, transformer) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-'));
  afterwards(t, () => fs.rmSync(folder, { recursive: true }));
  const socketPath = path.join(folder, 'socket');
  await startServer(t, { transformer, further: ['--listen', `unix:${socketPath}?mode=600`] });
  return socketPath;
}

function ask(socketPath, target, body) {
  const method = body === undefined ? 'GET' : 'POST';
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: target, method, headers: { Host: 'a' } });
    request.on('error', reject).on('response', async (response) => {
      const parts = await response.setEncoding('utf8').toArray();
      resolve(parts.join(''));
    });
    request.end(body);
  });
}

test('a WebSocket over a Unix socket', { skip }, async (t) => {
  const socketPath = await onUnixSocket(t, 'websockets');
  const client = new WebSocket(`ws+unix:${socketPath}:/primus`);
  await once(client, 'open');
  client.send('"hello"');
  const [data] = await once(client, 'message');
  assert.equal(String(data), '"hello"');
  client.close();
  await once(client, 'close');
});

test('engine.io polls over a Unix socket', { skip }, async (t) => {
  const socketPath = await onUnixSocket(t, 'engine.io');
  const target = '/primus/?EIO=4&transport=polling';
  const opened = await ask(socketPath, target);
  const { sid } = JSON.parse(opened.slice(1));
  assert.equal(await ask(socketPath, `${target}&sid=${sid}`, '4"hello"'), 'ok');
  let polled = '';
  while (!polled.includes('4"hello"')) {
    polled = await ask(socketPath, `${target}&sid=${sid}`);
  }
  assert.equal(await ask(socketPath, `${target}&sid=${sid}`, '1'), 'ok');
});
