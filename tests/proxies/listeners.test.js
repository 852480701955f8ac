// Proxies that reach AllSpark through other listeners than those of TCP and HTTP: a Unix socket,
// and the PROXY protocol, by which a proxy that does not look at what is said tells who the client
// is.
'use strict';

const path = require('node:path');
const { test } = require('node:test');

const { freePort, startServer } = require('../interop/server');
const { everybodyIsEchoed, logsTheAddress } = require('./list');
const { certificate, folder, startHaproxyTcp, startNginx } = require('./proxy');

// The certificate is made for the test, and nobody has signed it.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

test('nginx, through a Unix socket', async (t) => {
  const socket = path.join(folder(t), 'allspark.sock');
  const { server, restart } = await startEcho(t, `unix:${socket}`, 'unix');
  const { http } = await startNginx(t, `unix:${socket}`);
  await logsTheAddress(server, http);
  await everybodyIsEchoed(server, http, restart);
});

for (const [version, changes] of [['2', []], ['1', [['send-proxy-v2', 'send-proxy']]]]) {
  test(`HAProxy that looks at nothing, by version ${version} of the PROXY protocol`, async (t) => {
    const [at, unused] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const place = `tcp://${at}?proxy-protocol=required`;
    const { server, restart } = await startEcho(t, place, '127.0.0.1');
    const { http } = await startHaproxyTcp(t, at, unused, changes);
    await logsTheAddress(server, http);
    await everybodyIsEchoed(server, http, restart);
  });
}

test('HAProxy that passes TLS on, by version 2 of the PROXY protocol', async (t) => {
  const { cert, key } = certificate(folder(t));
  const [at, unused] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const place = `tls://${at}?proxy-protocol=required`;
  const further = ['--tls-cert', cert, '--tls-key', key];
  const { server, restart } = await startEcho(t, place, '127.0.0.1', further);
  const { https } = await startHaproxyTcp(t, unused, at);
  await logsTheAddress(server, https);
  await everybodyIsEchoed(server, https, restart);
});

/** A server that listens in a further place, and what starts it again. */
async function startEcho(t, place, trustedProxies, flags = []) {
  const options = {
    app: 'echo',
    transformer: 'any',
    shards: 2,
    trustedProxies,
    further: ['--log', 'debug', '--listen', place, ...flags],
  };
  const server = await startServer(t, options);
  const restart = async () => {
    await server.kill('SIGTERM');
    await startServer(t, options);
  };
  return { server, restart };
}
