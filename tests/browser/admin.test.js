// The dashboard in a real browser: what an operator sees and does.
'use strict';

const assert = require('node:assert/strict');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { randomBytes, scryptSync } = require('node:crypto');
const { test } = require('node:test');

const WebSocket = require('ws');

const { afterwards } = require('../interop/afterwards');
const { listen } = require('../interop/ports');
const { startServer } = require('../interop/server');
const { inState, startBrowser } = require('./browser');

const PASSWORD = 'correct horse battery';
const MARKUP = '<img src=x onerror=alert(1)>';

/** A file of users, with a hash that costs little. */
function usersFile(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-admin-'));
  afterwards(t, () => fs.rmSync(folder, { recursive: true, force: true }));
  const salt = randomBytes(16);
  const hash = scryptSync(PASSWORD, salt, 32, { N: 16, r: 8, p: 1 });
  const [first, second] = [salt, hash].map((part) => part.toString('base64').replace(/=+$/, ''));
  const file = path.join(folder, 'users');
  fs.writeFileSync(file, `ann:$scrypt$ln=4,r=8,p=1$${first}$${second}\n`);
  return file;
}

async function startShown(t, options = {}) {
  const further = ['--admin-users-file', usersFile(t), ...(options.further ?? [])];
  return startServer(t, { app: 'echo', ...options, further });
}

async function logIn(page, password = PASSWORD) {
  await page.getByLabel('Name').fill('ann');
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

async function openDashboard(browser, server) {
  const page = await browser.newPage();
  await page.goto(`${server.url}/admin/`);
  await logIn(page);
  await inState(page, 'Live');
  return page;
}

/** A client of the server that is shown: its id is the last one that connected. */
async function connect(t, server, query = '') {
  const socket = new WebSocket(`${server.webSocketUrl}?${query}`);
  afterwards(t, () => socket.terminate());
  await once(socket, 'open');
  socket.send('"primus::id::"');
  const [message] = await once(socket, 'message');
  return { socket, id: JSON.parse(message).replace('primus::id::', '') };
}

const sheet = (page) => page.getByRole('dialog');

async function find(page, text) {
  await page.keyboard.press('/');
  await page.getByLabel('Find a spark').fill(text);
  await page.keyboard.press('Enter');
}

test('an operator logs in, sees a spark, says something to it and ends it', async (t) => {
  const server = await startShown(t);
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  await page.goto(`${server.url}/admin/`);
  assert.match(page.url(), /\/admin\/login$/);
  await logIn(page, 'wrong password');
  await page.getByRole('alert').filter({ hasText: 'not right' }).waitFor();
  await logIn(page);
  await inState(page, 'Live');
  await page.getByText('Nobody is connected.').waitFor();

  const { socket, id } = await connect(t, server, `name=${encodeURIComponent(MARKUP)}&token=hush`);
  await page.locator('[data-metric="sparks"] .value', { hasText: /^1$/ }).waitFor();
  assert.match(await page.title(), /^1 sparks/);
  await find(page, id);
  await sheet(page).getByText('Connected', { exact: true }).first().waitFor();
  // What a client says is text, and no secret.
  const query = sheet(page).locator('dd.mono, .mono dd', { hasText: 'name=' });
  assert.equal(await query.innerText(), `name=${encodeURIComponent(MARKUP)}&token=…`);
  assert.equal(await sheet(page).locator('img').count(), 0);

  const said = once(socket, 'message');
  await sheet(page).getByLabel('Say something to it').fill('{"notice": [1, "zwölf"]}');
  await sheet(page).getByRole('button', { name: 'Say it' }).click();
  assert.deepEqual(JSON.parse((await said)[0]), { notice: [1, 'zwölf'] });
  await sheet(page).getByText('It was written to by ann').waitFor();

  const closed = once(socket, 'close');
  await sheet(page).getByRole('button', { name: 'End this spark' }).click();
  await sheet(page).getByRole('button', { name: 'End it for good' }).click();
  await closed;
  await sheet(page).getByRole('status').filter({ hasText: 'Ended' }).waitFor();
  await sheet(page).getByText('ended by the application').waitFor();
  await page.keyboard.press('Escape');
  await sheet(page).waitFor({ state: 'hidden' });

  await standsOut(page);

  // It has ended, and is still found.
  await find(page, id.slice(0, 8));
  await page.getByText(`One spark for ${id.slice(0, 8)}`).waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByText('You are logged out.').waitFor();
  await page.goto(`${server.url}/admin/`);
  assert.match(page.url(), /\/admin\/login$/);
});

test('rooms, refusals and shards are shown, on a telephone too', async (t) => {
  const join = 'rooms.join=["*"]';
  const further = ['--plugin', 'emit', '--plugin', join];
  const server = await startShown(t, { shards: 2, further });
  const { socket } = await connect(t, server);
  for (const room of ['news', '<b>bold</b>']) socket.send(JSON.stringify({ emit: ['join', room] }));
  const viewport = { width: 360, height: 740 };
  const browser = await startBrowser(t, { viewport, colorScheme: 'dark' });
  const page = await openDashboard(browser, server);
  const stranger = net.connect(server.port, '127.0.0.1').on('error', () => {});
  stranger.end('this is no request\r\n\r\n');
  await page.getByRole('cell', { name: '<b>bold</b>', exact: true }).waitFor();
  await page.getByRole('cell', { name: 'What came is no request' }).waitFor();
  assert.equal(await page.locator('#shards tbody tr').count(), 2);
  assert.equal(await page.locator('main img, main b').count(), 0);
  await standsOut(page);
  await page.locator('[data-metric="messages"]').click();
  await page.getByRole('heading', { name: 'Messages a second' }).waitFor();
  await page.locator('#chart').press('ArrowLeft');
  await page.getByText('From clients', { exact: false }).first().waitFor();
  for (const [width, height] of [[360, 740], [768, 1024], [1440, 900]]) {
    await page.setViewportSize({ width, height });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(overflow, 0, `${width}x${height}`);
  }
  // Nobody who looks is a spark of the application.
  const stats = await (await fetch(`${server.url}/stats`)).json();
  assert.equal(stats.sparks, 1);
});

test('who reads slowly is shown for as long as that is so', async (t) => {
  const server = await startShown(t);
  const { socket, id } = await connect(t, server);
  const page = await openDashboard(await startBrowser(t), server);
  await page.getByText('Everybody reads as fast as they are written to.').waitFor();
  // It is an echo: what the client does not read waits behind what the kernel keeps for it.
  socket.pause();
  for (let sent = 0; sent < 64; sent += 1) socket.send(JSON.stringify('x'.repeat(500_000)));
  const row = page.locator('#slow tbody tr');
  await row.getByRole('button', { name: `Show spark ${id}` }).waitFor();
  assert.match(await row.locator('td').nth(3).innerText(), /^[\d.]+ [KM]B$/);
  await page.getByText('1 of 1 have something waiting').waitFor();
  const bytes = page.locator('#about div', { hasText: 'Bytes so far' }).locator('dd');
  await bytes.filter({ hasText: /^[\d.]+ MB in, [\d.]+ MB out$/ }).waitFor();
  await page.locator('[data-metric="bytes"]').click();
  await page.getByRole('heading', { name: 'Bytes a second' }).waitFor();
  socket.resume();
  await page.getByText('Everybody reads as fast as they are written to.').waitFor();
});

test('hooks are shown: how fast they are told, what waits, and that they fail', async (t) => {
  let status = 204;
  const application = http.createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end());
  });
  const url = `http://127.0.0.1:${await listen(application)}/`;
  const server = await startShown(t, { further: ['--hooks-url', url] });
  // Later than the server, which tells it of the end.
  afterwards(t, () => application.close().closeAllConnections());
  const page = await openDashboard(await startBrowser(t), server);
  const card = page.locator('#hooks-card');
  await card.getByText('The application takes everything at once.').waitFor();
  const { socket } = await connect(t, server);
  const half = card.locator('div', { hasText: 'half within' }).locator('dd');
  await half.filter({ hasText: /ms$/ }).waitFor();
  status = 503;
  socket.send('1');
  await card.getByRole('cell', { name: 'fails', exact: true }).waitFor();
  await card.getByText('its last request failed').waitFor();
  status = 204;
  await card.getByText('The application takes everything at once.').waitFor();
  const failed = card.locator('div', { hasText: 'Failed requests' }).locator('dd');
  assert.match(await failed.innerText(), /, [1-9]\d* so far$/);
});

/** WCAG 2.2, 1.4.3, for the smaller words of a page. */
async function standsOut(page) {
  const pairs = await page.evaluate(() => {
    const shown = ['.tile .name', '.tile .more', '.hint', '.state-detail', '.about dt', 'h2'];
    return shown.map((selector) => {
      const element = document.querySelector(selector);
      const ground = (node) => getComputedStyle(node).backgroundColor;
      let behind = element;
      while (behind !== document.documentElement && /, 0\)$/.test(ground(behind))) {
        behind = behind.parentElement;
      }
      return [selector, getComputedStyle(element).color, ground(behind)];
    });
  });
  for (const [selector, text, ground] of pairs) {
    assert.ok(contrast(text, ground) >= 4.5, `${selector}: ${text} on ${ground}`);
  }
}

/** How much two opaque colours differ (WCAG 2.2, "contrast ratio"). */
function contrast(...colours) {
  const luminance = (colour) => {
    const linear = colour.match(/[\d.]+/g).slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
    });
    return .2126 * linear[0] + .7152 * linear[1] + .0722 * linear[2];
  };
  const [dark, light] = colours.map(luminance).sort((a, b) => a - b);
  return (light + .05) / (dark + .05);
}
