// Over TLS the clients of Primus find what they find without: every transformer, and what Node's
// own client says of the server's certificate and protocols.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const https = require('node:https');
const { describe, test } = require('node:test');
const tls = require('node:tls');

const { ask, collect, open } = require('./clients');
const { postSlowly, rawConnection, received } = require('./raw');
const { peer, startServer, TLS } = require('./server');
const { VALUES } = require('./values');
const { variants } = require('./variants');

const MIB = 1024 * 1024;
const authority = fs.readFileSync(TLS.authority);

// Only the client of engine.io can be told of an authority. That the others find the right server
// is judged by Node's own client below.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
const authorities = ({ spokenBy }) => (spokenBy === 'engine.io' ? { ca: authority } : {});

// Node's own server judges nothing new: it has the same TLS as its clients.
const options = peer === 'node' ? { skip: 'the TLS of Node.js' } : { concurrency: 2 };

describe('over TLS', options, () => {
  for (const [name, variant] of variants) {
    test(`values come back, and 1,000 messages in order: ${name}`, async (t) => {
      const server = await startServer(t, { ...variant.server, tls: true });
      const transport = { ...variant.client?.transport, ...authorities(server) };
      const client = await open(server, { ...variant.client, transport });
      for (const value of Object.values(VALUES)) assert.deepEqual(await ask(client, value), value);
      const long = 'x'.repeat(MIB);
      const back = await ask(client, long);
      assert.ok(back === long, `${back.length} characters came back`);
      const answers = collect(client, 'data', 1_000);
      for (let n = 0; n < 1_000; n += 1) client.write({ n });
      assert.equal((await answers).findIndex(({ n }, index) => n !== index), -1);
    });
  }

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

  test('the certificate, the protocols and the library are as they should be', async (t) => {
    const further = ['--tls-hsts', '60'];
    const server = await startServer(t, { transformer: 'any', tls: true, further });
    const connection = { host: '127.0.0.1', port: server.port, ca: authority };
    const secure = { ...connection, rejectUnauthorized: true, ALPNProtocols: ['h2', 'http/1.1'] };
    const socket = tls.connect(secure);
    await once(socket, 'secureConnect');
    assert.equal(socket.authorized, true);
    assert.equal(socket.alpnProtocol, 'http/1.1');
    assert.equal(socket.getProtocol(), 'TLSv1.3');
    socket.destroy();
    const old = tls.connect({
      ...secure, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const [error] = await once(old, 'error');
    assert.match(error.code, /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|HANDSHAKE/);
    const path = '/primus/primus.js';
    const [answer] = await once(https.get({ ...connection, path }), 'response');
    assert.equal(answer.statusCode, 200);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=60');
    answer.destroy();
  });
});
