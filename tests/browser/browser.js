// Starts Chromium with a profile of its own and opens the page of a server in it.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const { chromium } = require('playwright-core');

const { afterwards } = require('../interop/afterwards');

const WAIT_MS_MAX = 60_000;
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A browser that is closed with the test. Its pages must not have reported an error by then. */
async function startBrowser(t, options = {}) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.ALLSPARK_CHROMIUM || '/usr/bin/chromium',
    args: FLAGS,
    ...options,
  });
  const problems = [];
  afterwards(t, async () => {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
    assert.deepEqual(problems, []);
  });
  context.setDefaultTimeout(WAIT_MS_MAX);
  context.on('weberror', (error) => problems.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message.text())) problems.push(message.text());
  });
  return context;
}

/** A server that is not there is what some tests are about. */
const isExpected = (text) => /^(WebSocket connection to|Failed to load resource)/.test(text);

/** Opens the page of the server and waits until it is connected. */
async function openPage(context, server) {
  const page = await context.newPage();
  await page.goto(server.url);
  await inState(page, 'Connected');
  return page;
}

/** Resolves once the page says that it is in this state. */
async function inState(page, name) {
  await page.getByRole('status').filter({ hasText: new RegExp(`^${name}$`) }).waitFor();
}

/** Writes into the field as a person would, and sends it. */
async function send(page, text, mode = 'JSON') {
  await page.getByRole('group', { name: 'How the message is sent' }).getByText(mode).click();
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** The entry of the list that has this text, of this kind: `in`, `out`, `wait`, `down`, `note`. */
function entry(page, kind, text) {
  return page.locator(`#log .entry.${kind}`, { hasText: text });
}

/** A number that the page shows. */
async function number(page, id) {
  return Number(await page.locator(`#${id}`).innerText());
}

/** Resolves once the number that the page shows has reached `least`. */
async function reached(page, id, least) {
  await page.waitForFunction(
    ([id, least]) => Number(document.getElementById(id).textContent) >= least,
    [id, least],
  );
}

module.exports = { entry, inState, number, openPage, reached, send, startBrowser };
