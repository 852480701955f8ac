// What is particular to sockjs.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NodeWebSocket } from '../../src/node/websocket.js';
import { sockjs } from '../../src/transports/sockjs.js';
import { startProxy } from './support/proxy.js';
import { startEcho } from './support/servers.js';
import { Session, eventually, sleep } from './support/session.js';

const start = async (t, { interfere, options, ...server } = {}) => {
  const echo = await startEcho(t, { transformer: 'sockjs', ...server });
  const sparks = [];
  echo.primus.on('connection', (spark) => sparks.push(spark));
  const proxy = await startProxy(t, echo.port, interfere);
  // By default a carrier has three seconds to open, which a busy machine may need.
  const transport = { timeout: 20_000, ...options?.transport };
  const patient = { WebSocket: NodeWebSocket, ...options, transport };
  const session = new Session(t, sockjs, proxy.port, patient);
  return { echo, proxy, session, sparks };
};

const forced = (...transports) => ({ transport: { transports } });
const ends = (...paths) => ({ path }) => paths.some((end) => path.endsWith(`/${end}`));
const carriersOf = ({ requests }) => requests.map(({ path }) => path.split('/').at(-1));

suite('sockjs', { concurrency: 4 }, () => {
  test('a session stands between the path and the query', async (t) => {
    const { proxy, session, sparks } = await start(t);
    await session.opened();
    await session.echo('a');
    assert.deepEqual(carriersOf(proxy), ['websocket']);
    const [{ path, query }] = proxy.requests;
    assert.match(path, /^\/primus\/\d{3}\/[a-z0-5]{8}\/websocket$/);
    assert.deepEqual(query, { who: 'a b', _primuscb: 'x.1' });
    assert.equal(sparks[0].query.who, 'a b');
  });

  test('a refused WebSocket is followed by streaming', async (t) => {
    const { proxy, session } = await start(t, {
      interfere: (seen) => (ends('websocket')(seen) ? 'refuse' : undefined),
    });
    await session.opened();
    await session.echo('a', 'b');
    assert.deepEqual(carriersOf(proxy).slice(0, 3), ['websocket', 'xhr_streaming', 'xhr_send']);
    assert.equal(proxy.requests.at(-1).headers['content-type'], 'text/plain');
  });

  test('where answers are held back, polling is left', async (t) => {
    const { proxy, session } = await start(t, {
      interfere(seen) {
        if (ends('websocket')(seen)) return 'ignore';
        if (ends('xhr_streaming', 'eventsource')(seen)) return 'buffer';
      },
      options: { transport: { timeout: 4_000 } },
    });
    await session.opened();
    await session.echo('a', 'b');
    const names = carriersOf(proxy).filter((name) => name !== 'xhr_send');
    assert.deepEqual(names.slice(0, 3), ['websocket', 'xhr_streaming', 'xhr']);
    const sessions = proxy.requests.map(({ path }) => path.split('/')[3]);
    assert.equal(new Set(sessions).size, 3);
  });

  test('WebSockets can be switched off', async (t) => {
    const { proxy, session } = await start(t, { options: { websockets: false } });
    await session.opened();
    assert.deepEqual(carriersOf(proxy), ['xhr_streaming']);
  });

  test('when nothing opens, that is the error', async (t) => {
    const { proxy, session } = await start(t, { interfere: () => 'refuse' });
    await session.ended();
    assert.deepEqual(session.events, ['failed', 'ended']);
    const { message, code, reason } = session.error;
    assert.deepEqual([message, code, reason], ['All transports failed', 2000, message]);
    assert.deepEqual(carriersOf(proxy), ['websocket', 'xhr_streaming', 'xhr']);
  });

  test('no carrier at all fails too, and later', async (t) => {
    const session = new Session(t, sockjs, 1, forced('iframe-htmlfile'));
    assert.deepEqual(session.events, []);
    await session.ended();
    assert.equal(session.error.code, 2000);
  });

  for (const name of ['websocket', 'xhr-streaming', 'xhr-polling']) {
    test(`${name}: codes above 1000 are errors`, async (t) => {
      const { session, sparks } = await start(t, { options: forced(name) });
      await session.opened();
      await session.echo('a');
      sparks[0].socket.close(3210, 'so it is');
      await session.ended();
      assert.deepEqual(session.events, ['opened', 'failed', 'ended']);
      const { message, code, reason } = session.error;
      assert.deepEqual([message, code, reason], ['so it is', 3210, 'so it is']);
    });
  }

  test('answers that have become long are followed by others', async (t) => {
    const { proxy, session, sparks } = await start(t, {
      transport: { response_limit: 4096 },
      options: forced('xhr-streaming'),
    });
    await session.opened();
    const sent = Array.from({ length: 300 }, (_, index) => `${index} `.padEnd(100, '.'));
    for (const packet of sent) {
      sparks[0].write(packet);
      if (sent.indexOf(packet) % 10 === 0) await sleep(2);
    }
    assert.deepEqual(await session.take(300), sent);
    assert.ok(carriersOf(proxy).filter((name) => name === 'xhr_streaming').length > 3);
  });

  test('a lost answer to messages ends the session', async (t) => {
    const { session } = await start(t, {
      interfere: (seen) => (ends('xhr_send')(seen) ? 'lose' : undefined),
      options: forced('xhr-polling'),
    });
    await session.opened();
    session.send('a');
    await session.ended();
    assert.deepEqual(session.events, ['opened', 'failed', 'ended']);
    assert.equal(session.error.code, 1006);
  });

  test('messages are sent by one request at a time', async (t) => {
    const { proxy, session } = await start(t, {
      interfere: (seen) => (ends('xhr_send')(seen) ? 20 : undefined),
      options: forced('xhr-streaming'),
    });
    await session.opened();
    await session.echo(...Array.from({ length: 100 }, (_, index) => `${index}`));
    const sends = proxy.requests.filter(ends('xhr_send'));
    assert.deepEqual(sends.map(({ body }) => JSON.parse(body).length), [1, 99]);
  });

  test('bytes become text', async (t) => {
    const { session } = await start(t);
    await session.opened();
    session.send(Buffer.from('é'));
    assert.deepEqual(await session.take(1), ['é']);
  });

  test('close ends the spark at once over a WebSocket, and waits for a request', async (t) => {
    for (const name of ['websocket', 'xhr-streaming']) {
      const { session, sparks } = await start(t, {
        interfere: (seen) => (ends('xhr_send')(seen) ? 50 : undefined),
        options: forced(name),
      });
      await session.opened();
      const heard = [];
      sparks[0].on('data', (data) => heard.push(data));
      session.send('last');
      session.send('words');
      session.close();
      await eventually(() => heard.length === 2, 'what was sent');
      assert.deepEqual(heard, ['last', 'words']);
    }
  });
});
