// The servers that transports are tested against: npm Primus in this process, and AllSpark as a
// process of its own if ALLSPARK_BIN names it. Both pass messages through as they are.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { freePort, listen } from '../../../../../tests/interop/ports.js';
import { atEnd } from './cleanup.js';

const Primus = createRequire(import.meta.url)('primus');

export const kinds = process.env.ALLSPARK_BIN ? ['node', 'allspark'] : ['node'];

// Starts a server that echoes what it is sent; it ends with the test. `end(how)` ends all sparks,
// `{ reconnect: true }` or not; `vanish()` drops all connections and takes no others.
export const startEcho = async (t, { kind = 'node', ...options }) => {
  const server = await (kind === 'node' ? startNode(options) : startAllspark(options));
  atEnd(t, () => server.stop());
  return server;
};

// No parser: text stays text, and bytes bytes, for which browserchannel has a form of its own.
const rawParser = {
  encoder: (data, done) => done(null, data),
  decoder: (data, done) => done(null, data?.type === 'Buffer' ? Buffer.from(data.data) : data),
  library: '',
};

const startNode = async ({ transformer, transport = {}, ...options }) => {
  const http = createServer();
  const primus = new Primus(http, {
    transformer,
    parser: rawParser,
    pingInterval: false,
    iknowhttpsisbetter: true,
    // Some transformers write into it.
    transport: { ...transport },
    ...options,
  });
  primus.on('connection', (spark) => {
    spark.on('error', () => {});
    spark.on('data', (data) => spark.write(data));
  });
  const sockets = new Set();
  http.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))));
  const port = await listen(http);
  const vanish = () => {
    http.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    primus,
    port,
    end: (how) => primus.forEach((spark) => spark.end(undefined, how)),
    vanish,
    stop() {
      // engine.io waits half a minute for the next poll of a client that is gone.
      const { clients = {} } = primus.transformer.service;
      for (const client of Object.values(clients)) client.close(true);
      // So does browserchannel, for the goodbye.
      if (transformer === 'browserchannel') primus.forEach((spark) => spark.socket.close());
      primus.destroy({ close: false });
      vanish();
    },
  };
};

const startAllspark = async ({ transformer, transport = {} }) => {
  const at = `127.0.0.1:${await freePort()}`;
  const flags = ['--listen', at, '--app', 'echo', '--parser', 'raw', '--shards', '2'];
  flags.push('--transformer', transformer, '--ping-interval', 'off');
  for (const [name, value] of Object.entries(transport)) {
    flags.push('--transport', `${name}=${value}`);
  }
  const child = spawn(process.env.ALLSPARK_BIN, ['serve', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const port = await new Promise((resolve, reject) => {
    let output = '';
    const take = (text) => {
      output += text;
      const [, found] = /\b127\.0\.0\.1:([1-9]\d*)\b/.exec(output) ?? [];
      if (found) resolve(Number(found));
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('exit', () => reject(new Error(`AllSpark did not start: ${output}`)));
  });
  return {
    port,
    end: () => child.kill('SIGTERM'),
    vanish: () => child.kill('SIGKILL'),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
};
