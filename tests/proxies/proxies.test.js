// Clients of Primus reach AllSpark through the proxies that docs/DEPLOY.md describes, with the very
// configurations of deploy/.
'use strict';

const { test } = require('node:test');

const { freePort, startServer } = require('../interop/server');
const { UNSTREAMED, everybodyIsServed, knowsTheAddress } = require('./list');
const { startHaproxy, startNginx } = require('./proxy');

// The certificates are made for the test, and nobody has signed them.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

test('nginx', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { http } = await startNginx(t, at);
  await knowsTheAddress(server, http);
  await everybodyIsServed(server, http, restart);
});

test('nginx that ends TLS', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { https } = await startNginx(t, at);
  await knowsTheAddress(server, https);
  await everybodyIsServed(server, https, restart);
});

test('nginx that buffers, for whoever needs no stream', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { http } = await startNginx(t, at, [['proxy_buffering off;', 'proxy_buffering on;']]);
  await everybodyIsServed(server, http, restart, UNSTREAMED);
});

test('HAProxy', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { http } = await startHaproxy(t, 'haproxy.cfg', at);
  await knowsTheAddress(server, http);
  await everybodyIsServed(server, http, restart);
});

test('HAProxy that ends TLS', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { https } = await startHaproxy(t, 'haproxy.cfg', at);
  await knowsTheAddress(server, https);
  await everybodyIsServed(server, https, restart);
});

/** A server for everybody that believes proxies of this machine, and what starts it again. */
async function startAny(t) {
  const port = await freePort();
  const options = {
    app: 'scripted',
    transformer: 'any',
    transport: { disconnect_delay: 3_000, sessionTimeoutInterval: 2_000 },
    shards: 2,
    trustedProxies: '127.0.0.1',
    port,
  };
  const server = await startServer(t, options);
  const restart = async () => {
    await server.kill('SIGTERM');
    await startServer(t, options);
  };
  return { server, at: `127.0.0.1:${port}`, restart };
}
