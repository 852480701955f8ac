// A message to everyone reaches everyone, once and in order.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { ask, collect, event, open } = require('./clients');
const { startServer } = require('./server');

test('each message reaches each of 20 clients once, in the order of its sender', async (t) => {
  const [clientCount, messageCount] = [20, 100];
  const server = await startServer(t, { app: 'broadcast', shards: 2 });
  const clients = await Promise.all(Array.from({ length: clientCount }, () => open(server)));
  const total = clientCount * messageCount;
  const received = clients.map((client) => collect(client, 'data', total, 20_000));

  for (let n = 0; n < messageCount; n += 1) {
    clients.forEach((client, sender) => client.write({ sender, n }));
  }

  const inOrder = Array.from({ length: messageCount }, (_, n) => n);
  for (const messages of await Promise.all(received)) {
    for (let sender = 0; sender < clientCount; sender += 1) {
      const numbers = messages.filter((message) => message.sender === sender).map(({ n }) => n);
      assert.deepEqual(numbers, inOrder);
    }
  }
});

test('those who left and those who broke off do not disturb the others', async (t) => {
  const server = await startServer(t, { app: 'broadcast', shards: 2 });
  const clients = await Promise.all(Array.from({ length: 9 }, () => open(server)));
  const staying = clients.filter((_, index) => index % 3 === 0);
  clients.forEach((client, index) => {
    if (index % 3 === 1) client.end();
    if (index % 3 === 2) client.socket.terminate();
  });
  for (const [index, client] of staying.entries()) {
    const others = staying.filter((other) => other !== client);
    const heard = others.map((other) => event(other, 'data'));
    assert.equal(await ask(client, index), index);
    for (const value of await Promise.all(heard)) assert.equal(value, index);
  }
});
