// What Node's own client says of the server's certificate and protocols, and what moves with a
// connection. That clients of Primus find over TLS what they find without is a matter of
// common-tls.test.js.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const { postSlowly, rawConnection, received } = require('./raw');
const { peer, startServer, TLS } = require('./server');

const authority = fs.readFileSync(TLS.authority);

// Node's own server judges nothing new: it has the same TLS as its clients.
const options = peer === 'node' ? { skip: 'the TLS of Node.js' } : { concurrency: 2 };

describe('over TLS', options, () => {
  // A connection takes its keys along to the shard of its session. The kernel chooses where it
  // begins, so several are tried.
  test('a body that comes slowly arrives whole wherever it begins', async (t) => {
    const server = await startServer(t, { transformer: 'engine.io', tls: true, shards: 4 });
    const polling = '/primus/?EIO=4&transport=polling';
    const first = await rawConnection(server);
    first.write(`GET ${polling} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const [, sid] = await received(first, /"sid":"([\w-]+)"/);
    const path = `${polling}&sid=${sid}`;
    for (let round = 0; round < 12; round += 1) {
      const raw = await rawConnection(server);
      const message = `4"${round} ${'x'.repeat(round * 9_000)}"`;
      await postSlowly(raw, path, `Content-Length: ${message.length}`, message);
      raw.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const [, answer] = await received(raw, /\r\n\r\nok[^]*\r\n\r\n(4.*")$/);
      assert.equal(answer, message);
      raw.destroy();
    }
  });

  test('the certificate, the protocol and the library are as they should be', async (t) => {
    const further = ['--tls-hsts', '60'];
    const server = await startServer(t, { transformer: 'any', tls: true, further });
    const connection = { host: '127.0.0.1', port: server.port, ca: authority };
    const socket = tls.connect({ ...connection, ALPNProtocols: ['h2', 'http/1.1'] });
    await once(socket, 'secureConnect');
    assert.equal(socket.authorized, true);
    assert.equal(socket.alpnProtocol, 'http/1.1');
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    socket.destroy();
    const path = '/primus/primus.js';
    const [answer] = await once(https.get({ ...connection, path }), 'response');
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=60');
    answer.destroy();
  });

  // The ends of a handshake are alerts of the server's: its client offers what it could speak.
  for (const [name, offered, said] of [
    ['TLS 1.0', { minVersion: 'TLSv1', maxVersion: 'TLSv1' }, /ALERT_PROTOCOL_VERSION$/],
    ['TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }, /ALERT_PROTOCOL_VERSION$/],
    ['CBC alone', {
      maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA256',
    }, /ALERT_HANDSHAKE_FAILURE$/],
  ]) {
    test(`${name} is refused by the server`, async (t) => {
      const { port } = await startServer(t, { tls: true });
      const ciphers = `${offered.ciphers ?? 'DEFAULT'}:@SECLEVEL=0`;
      const to = { host: '127.0.0.1', port, ca: authority };
      const client = tls.connect({ ...to, ...offered, ciphers });
      const [error] = await once(client, 'error');
      assert.match(error.code, said);
    });
  }
});
