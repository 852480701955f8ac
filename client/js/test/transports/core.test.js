// The whole client over every transport, against npm Primus.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { suite, test } from 'node:test';
import { listen } from '../../../../tests/interop/ports.js';
import { Primus } from '../../src/index.js';
import { atEnd } from './support/cleanup.js';
import { carriers } from './support/carriers.js';

const Server = createRequire(import.meta.url)('primus');

const start = async (t, transformer) => {
  const http = createServer();
  const server = new Server(http, { transformer, parser: 'json', iknowhttpsisbetter: true });
  server.on('connection', (spark) => spark.on('data', (data) => spark.write({ echo: data })));
  const port = await listen(http);
  atEnd(t, () => {
    http.closeAllConnections();
    server.destroy();
  });
  return { server, url: `http://127.0.0.1:${port}?name=value` };
};

const heard = (client, event) => new Promise((resolve) => client.once(event, resolve));

suite('the whole client', { concurrency: 3 }, () => {
  for (const { name, transformer, options } of carriers) {
    test(`${name}: it writes, reads, reconnects and ends`, async (t) => {
      const { server, url } = await start(t, transformer);
      const client = new Primus(url, { ...options, transformer, reconnect: { min: 50 } });
      atEnd(t, () => client.end());
      const data = [];
      client.on('data', (value) => data.push(value));
      client.on('error', () => {});
      client.write('before it is open');
      const connected = new Promise((resolve) => server.once('connection', resolve));
      await heard(client, 'open');
      const spark = await connected;
      assert.equal(spark.query.name, 'value');
      assert.equal(await new Promise((resolve) => client.id(resolve)), spark.id);
      client.write({ list: [1, null, '\u2028'] });
      while (data.length < 2) await heard(client, 'data');
      assert.deepEqual(data, [
        { echo: 'before it is open' },
        { echo: { list: [1, null, '\u2028'] } },
      ]);
      const reconnected = heard(client, 'reconnected');
      server.forEach((each) => each.end(undefined, { reconnect: true }));
      await reconnected;
      const ended = heard(client, 'end');
      server.forEach((each) => each.end({ last: 'word' }));
      await ended;
      assert.deepEqual(data.at(-1), { last: 'word' });
      assert.equal(client.readyState, Primus.CLOSED);
    });
  }
});
