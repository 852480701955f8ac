// Clients of Primus reach AllSpark through HAProxy, as deploy/haproxy.cfg has it.
'use strict';

const { test } = require('node:test');

const { startAny } = require('./any');
const { everybodyIsServed, knowsTheAddress } = require('./list');
const { startHaproxy } = require('./proxy');

// The certificates are made for the test, and nobody has signed them.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';

test('HAProxy', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { http } = await startHaproxy(t, at);
  await knowsTheAddress(server, http);
  await everybodyIsServed(server, http, restart);
});

test('HAProxy that ends TLS', async (t) => {
  const { server, at, restart } = await startAny(t);
  const { https } = await startHaproxy(t, at);
  await knowsTheAddress(server, https);
  await everybodyIsServed(server, https, restart);
});
