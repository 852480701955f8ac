// What is particular to engine.io.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { NodeWebSocket } from '../../src/node/websocket.js';
import { engineIo } from '../../src/transports/engine-io.js';
import { startProxy } from './support/proxy.js';
import { startEcho } from './support/servers.js';
import { Session, eventually, sleep } from './support/session.js';

const start = async (t, { interfere, options, ...server } = {}) => {
  const echo = await startEcho(t, { transformer: 'engine.io', ...server });
  const sparks = [];
  echo.primus.on('connection', (spark) => sparks.push(spark));
  const proxy = await startProxy(t, echo.port, interfere);
  const session = new Session(t, engineIo, proxy.port, { WebSocket: NodeWebSocket, ...options });
  return { echo, proxy, session, sparks };
};

const isSocket = ({ query }) => query.transport === 'websocket';
const isPoll = ({ method, query }) => method === 'GET' && !isSocket({ query });
const isPost = ({ method }) => method === 'POST';

// The socket of engine.io to which a spark belongs.
const engineSocket = (echo, { id }) => echo.primus.transformer.service.clients[id];

suite('engine.io', { concurrency: 4 }, () => {
  test('requests say what engine.io-client says', async (t) => {
    const { proxy, session, sparks } = await start(t);
    await session.opened();
    assert.equal(session.connection.id, sparks[0].id);
    session.send('a');
    await eventually(() => proxy.requests.some(isSocket), 'a WebSocket');
    await session.take(1);
    const { path, query } = proxy.requests[0];
    const { t: time, ...others } = query;
    assert.equal(path, '/primus/');
    assert.deepEqual(others, {
      who: 'a b', _primuscb: 'x.1', EIO: '4', transport: 'polling', b64: '1',
    });
    assert.match(time, /^\w+$/);
    const { query: upgrade } = proxy.requests.find(isSocket);
    assert.deepEqual([upgrade.sid, upgrade.b64], [session.connection.id, '1']);
    const times = proxy.requests.map((request) => request.query.t);
    assert.equal(new Set(times).size, times.length);
    const post = proxy.requests.find(isPost);
    if (post) assert.equal(post.headers['content-type'], 'text/plain;charset=UTF-8');
    assert.equal(sparks[0].query.who, 'a b');
  });

  test('nothing is lost or reordered by the upgrade', async (t) => {
    const { echo, proxy, session, sparks } = await start(t, {
      interfere: (seen) => (isSocket(seen) ? 100 : 2),
    });
    await session.opened();
    const sent = Array.from({ length: 300 }, (_, index) => `from server ${index}`);
    const echoed = Array.from({ length: 300 }, (_, index) => `echo ${index}`);
    for (let index = 0; index < 300; index += 1) {
      sparks[0].write(sent[index]);
      session.send(echoed[index]);
      if (index % 3 === 0) await sleep(1);
    }
    const packets = await session.take(600);
    assert.deepEqual(packets.filter((packet) => packet.startsWith('from')), sent);
    assert.deepEqual(packets.filter((packet) => packet.startsWith('echo')), echoed);
    assert.ok(proxy.requests.some(isPost), 'the session began with polling');
    const isUpgraded = () => engineSocket(echo, sparks[0]).transport.name === 'websocket';
    await eventually(isUpgraded, 'the upgrade');
    const before = proxy.requests.length;
    await session.echo('over the WebSocket');
    assert.equal(proxy.requests.length, before);
  });

  test('a text with a separator arrives as bytes, and ends nothing', async (t) => {
    const { session, sparks } = await start(t, { options: { websockets: false } });
    await session.opened();
    const heard = [];
    sparks[0].on('data', (data) => heard.push(data));
    for (const text of ['a', 'b\x1e1', '\x1e', 'é']) session.send(text);
    await eventually(() => heard.length === 4, 'four messages');
    assert.deepEqual(heard, ['a', Buffer.from('b\x1e1'), Buffer.from('\x1e'), 'é']);
  });

  test('polls and POSTs go one at a time', async (t) => {
    let most = 0;
    const { proxy, session } = await start(t, {
      interfere({ method }) {
        const isOther = (request) => request.method === method && !request.isOver;
        most = Math.max(most, proxy.requests.filter(isOther).length);
        return 5;
      },
      options: { transport: { transports: ['polling'] } },
    });
    await session.opened();
    for (let index = 0; index < 20; index += 1) {
      session.send(`${index}`);
      await sleep(2);
    }
    await session.take(20);
    assert.equal(most, 1);
    assert.ok(!proxy.requests.some(isSocket));
  });

  for (const order of ['refuse', 'ignore']) {
    test(`a WebSocket to which the network says ${order} leaves it at polling`, async (t) => {
      const { proxy, session } = await start(t, {
        interfere: (seen) => (isSocket(seen) ? order : undefined),
      });
      await session.opened();
      await eventually(() => proxy.requests.some(isSocket), 'a WebSocket');
      await sleep(50);
      await session.echo('a', 'b');
      const bytes = new Uint8Array([0, 255]).buffer;
      await session.echo(bytes);
      assert.deepEqual(session.events, ['opened']);
    });
  }

  test('without WebSockets none is tried', async (t) => {
    const { proxy, session } = await start(t, { options: { websockets: false } });
    await session.opened();
    await session.echo('a');
    await sleep(100);
    assert.ok(!proxy.requests.some(isSocket));
  });

  test('a POST holds no more than the server takes', async (t) => {
    const { proxy, session } = await start(t, {
      maxLength: 1000,
      options: { transport: { transports: ['polling'] } },
    });
    await session.opened();
    await session.echo(...Array.from({ length: 60 }, (_, index) => `${index}`.padEnd(40, 'é')));
    const sizes = proxy.requests.filter(isPost).map(({ body }) => Buffer.byteLength(body));
    assert.ok(Math.max(...sizes) <= 1000 && Math.max(...sizes) > 900, `${sizes}`);
  });

  test('pings are answered on both carriers', async (t) => {
    for (const transports of [['polling'], ['websocket']]) {
      const { echo, session, sparks } = await start(t, {
        transport: { pingInterval: 200, pingTimeout: 20_000 },
        options: { transport: { transports } },
      });
      await session.opened();
      let answers = 0;
      engineSocket(echo, sparks[0]).on('heartbeat', () => { answers += 1; });
      await eventually(() => answers >= 5, 'answers to pings');
      await session.echo('still here');
      assert.deepEqual(session.events, ['opened']);
    }
  });

  test('a server that falls silent is gone', async (t) => {
    let isSilent = false;
    const { session } = await start(t, {
      transport: { pingInterval: 200, pingTimeout: 200 },
      interfere: () => (isSilent ? 'ignore' : undefined),
      options: { transport: { transports: ['polling'] } },
    });
    await session.opened();
    isSilent = true;
    await session.ended();
    assert.deepEqual(session.events, ['opened', 'ended']);
  });

  test('close during the upgrade ends the spark at once', async (t) => {
    for (const wait of [0, 10, 20, 30, 40]) {
      const { session, sparks } = await start(t, {
        interfere: (seen) => (isSocket(seen) || isPoll(seen) ? 15 : undefined),
      });
      await session.opened();
      await sleep(wait);
      session.send('last words');
      session.close();
      const heard = [];
      sparks[0].on('data', (data) => heard.push(data));
      await eventually(() => sparks[0].readyState !== 3, 'the end of the spark');
      assert.deepEqual(heard, ['last words']);
    }
  });

  test('a session that the server has forgotten fails', async (t) => {
    const { echo, session, sparks } = await start(t, {
      options: { transport: { transports: ['polling'] } },
    });
    await session.opened();
    const { clients } = echo.primus.transformer.service;
    const { [sparks[0].id]: client } = clients;
    delete clients[sparks[0].id];
    session.send('a');
    await session.ended();
    clients[sparks[0].id] = client;
    assert.deepEqual(session.events, ['opened', 'failed', 'ended']);
    assert.equal(session.error.status, 400);
    assert.match(session.error.answer, /Session ID unknown/);
  });
});
