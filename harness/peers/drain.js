// What the end of a server costs its clients: node drain.js SERVER CLIENTS SECONDS PORT
//
// SERVER is the program of AllSpark, which hands over to a second one and drains over SECONDS, or
// "primus": npm's Primus, whose server ends with destroy({ reconnect: true }) and is started again
// at once. The clients are npm's own, all in this process. It prints one line of JSON: how long
// clients were away, how many came back in the busiest tenth of a second, and how many attempts
// failed. It ends with 1 if one of them is not back after a minute.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Primus from 'primus';

/** Clients that are opened at a time, so that nothing but the end is a storm. */
const OPENED_AT_ONCE = 20;

/** When those who are not back yet are given up. */
const BACK_WITHIN_MS = 60_000;

const Socket = Primus.createSocket({ transformer: 'websockets', pingInterval: false });

/** The servers, which must not outlive this program. */
const started = [];

const [server, clients, seconds, port] = process.argv.slice(2);
if (server === '--serve') serve(Number(clients));
else if (!port) refuse();
else {
  process.once('exit', () => started.forEach((child) => child.kill('SIGKILL')));
  process.once('SIGTERM', () => process.exit(1));
  await run();
}

function refuse() {
  process.stderr.write('usage: node drain.js SERVER|primus CLIENTS SECONDS PORT\n');
  process.exit(2);
}

/** npm's Primus, which sends everybody elsewhere when it is told to end. */
function serve(port) {
  const http = createServer();
  const primus = new Primus(http, { transformer: 'websockets', pingInterval: false });
  process.once('SIGTERM', () => primus.destroy({ reconnect: true }, () => process.exit(0)));
  // The port of the one before is free in a moment.
  http.on('error', () => setTimeout(() => listen(), 20));
  const listen = () => http.listen({ port, host: '127.0.0.1', backlog: 65535 });
  listen();
}

async function run() {
  const folder = mkdtempSync(join(tmpdir(), 'drain-'));
  const start = starter(folder);
  const first = start();
  const crowd = [];
  for (let number = 0; number < Number(clients); number += 1) {
    crowd.push(connect());
    if (number % OPENED_AT_ONCE === 0) await sleep(20);
  }
  await until(() => crowd.every((client) => client.isOpen));
  crowd.forEach((client) => client.begin());
  if (server === 'primus') first.kill('SIGTERM');
  start();
  const areBack = await until(() => crowd.every((client) => client.back > 0 && client.isOpen));
  report(crowd);
  crowd.forEach((client) => client.end());
  rmSync(folder, { recursive: true });
  process.exit(areBack ? 0 : 1);
}

/** Starts a server; of AllSpark the next one takes over from the one before. */
function starter(folder) {
  const own = [fileURLToPath(import.meta.url), '--serve', port];
  const theirs = [
    'serve', '--listen', port, '--handover', join(folder, 'handover'), '--log', 'warn',
    '--transformer', 'websockets', '--app', 'none', '--ping-interval', 'off', '--shards', '1',
    '--drain-seconds', seconds, '--drain-rate', '1',
  ];
  const [program, words] = server === 'primus' ? [process.execPath, own] : [server, theirs];
  return () => {
    const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
    started.push(child);
    return child;
  };
}

/** A client that knows when it lost its server, and when it was back. */
function connect() {
  const socket = new Socket(`http://127.0.0.1:${port}`);
  const client = { isOpen: false, left: 0, back: 0, failed: 0, begin, end: () => socket.end() };
  let counts = false;
  function begin() {
    counts = true;
  }
  socket.on('open', () => {
    client.isOpen = true;
    if (client.left && !client.back) client.back = performance.now();
  });
  socket.on('close', () => {
    client.isOpen = false;
    if (counts) client.left ||= performance.now();
  });
  // The first of all servers may not listen yet.
  socket.on('error', () => {});
  socket.on('reconnect scheduled', ({ attempt }) => {
    if (counts && attempt > 1) client.failed += 1;
  });
  return client;
}

/** Waits until it is so, but not for ever. Returns whether it is. */
async function until(isSo) {
  const end = performance.now() + BACK_WITHIN_MS;
  while (!isSo()) {
    if (performance.now() > end) return false;
    await sleep(20);
  }
  return true;
}

function report(crowd) {
  const gone = crowd.filter((client) => client.back > 0);
  const away = gone.map((client) => client.back - client.left).sort((a, b) => a - b);
  const tenths = new Map();
  for (const { back } of gone) {
    const tenth = Math.floor(back / 100);
    tenths.set(tenth, (tenths.get(tenth) ?? 0) + 1);
  }
  const last = away.length - 1;
  const part = (share) => Math.round(away[Math.min(last, Math.floor(away.length * share))]);
  console.log(JSON.stringify({
    server: server === 'primus' ? 'primus' : 'allspark',
    clients: crowd.length,
    back: gone.length,
    awayMs: { p50: part(0.5), p99: part(0.99), max: part(1) },
    backPer100msMax: Math.max(...tenths.values()),
    failedAttempts: crowd.reduce((sum, client) => sum + client.failed, 0),
  }));
}
