// Clients of Primus reach AllSpark through nginx, as deploy/nginx.conf has it.
'use strict';

const { test } = require('node:test');

const { startAny } = require('./any');
const { UNSTREAMED, everybodyIsServed, knowsTheAddress } = require('./list');
const { startNginx } = require('./proxy');

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
