// docs/INTEGRATION.md, played as it stands by somebody who does what it says and knows nothing
// else: its files are written, its commands run, and two browsers chat.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const test = require('node:test');

const { startBrowser } = require('../browser/browser');
const { allsparkBinary, freePort } = require('../interop/server');
const { adapted, folder, Process, ROOT } = require('./application');

/**
 * What the page has somebody do, in order: `file` with a name and a text, `run` a command, `start`
 * one in a terminal of its own. Files are named right before their text, and the first line of what
 * stays in a terminal says so.
 */
function steps(page) {
  const begun = page.slice(0, page.indexOf('\n## What has happened'));
  const blocks = begun.matchAll(/(?:\*\*(\S+)\*\*[^\n]*\n\n)?```(\w+)\n(.*?)```/gs);
  return [...blocks].map(([, name, language, text]) => {
    if (language !== 'sh') return { act: 'file', name, text };
    return { act: text.startsWith('# In a terminal') ? 'start' : 'run', text };
  });
}

/** Somebody's clone, with what takes most of the time: the release build. */
function clone(t) {
  const made = folder(t);
  fs.mkdirSync(path.join(made, 'target/release'), { recursive: true });
  fs.symlinkSync(path.resolve(allsparkBinary()), path.join(made, 'target/release/allspark'));
  return made;
}

test('two browsers chat, backed by a Python file of one\'s own', async (t) => {
  const page = fs.readFileSync(path.join(ROOT, 'docs/INTEGRATION.md'), 'utf8');
  const ports = { allspark: await freePort(), application: await freePort() };
  const root = clone(t);
  const place = path.join(root, 'chat');
  const env = { PATH: process.env.PATH };
  const shell = (text) => ['bash', '-euc', text];
  const run = (text, cwd) => {
    const [command, ...args] = shell(text);
    const stdio = ['ignore', 'pipe', 'pipe'];
    return execFileSync(command, args, { cwd, env, encoding: 'utf8', stdio });
  };
  const all = steps(adapted(page, ports));
  assert.deepEqual(all.map((step) => step.act).sort(), [
    'file', 'file', 'file', 'run', 'run', 'run', 'start', 'start',
  ]);
  const [build, prepare, publish] = all.filter((step) => step.act === 'run');
  assert.equal(build.text, 'cargo build --release\n');
  // The one line that is not run as it stands: the environment has Flask already, and pip finds it.
  const [make, made] = ['python3 -m venv env\n', path.join(ROOT, 'target/applications/env')];
  assert.ok(prepare.text.includes(make));
  run(prepare.text.replace(make, `ln -s ${made} env\n`), root);
  for (const { name, text } of all.filter((step) => step.act === 'file')) {
    fs.writeFileSync(path.join(place, name), text);
  }
  for (const { text } of all.filter((step) => step.act === 'start')) {
    new Process(t, shell(text), { cwd: place, env });
  }
  const application = `http://127.0.0.1:${ports.application}`;
  const guard = new Process(t, ['sleep', '1000'], { env });
  await guard.answers(application);
  await guard.answers(`http://127.0.0.1:${ports.allspark}/healthz`);

  const context = await startBrowser(t);
  const guests = [];
  for (const name of ['Ada', 'Bob']) {
    const guest = await context.newPage();
    await guest.goto(`${application}/?name=${name}`);
    await guest.getByText(`${name} is here`).waitFor();
    guests.push(guest);
  }
  const [ada, bob] = guests;
  await ada.getByLabel('Message').fill('Hello, <b>Bob</b>');
  await ada.getByRole('button', { name: 'Say' }).click();
  for (const guest of guests) await guest.getByText('Ada: Hello, <b>Bob</b>').waitFor();
  await bob.getByLabel('Message').fill('Hello, Ada');
  await bob.keyboard.press('Enter');
  for (const guest of guests) await guest.getByText('Bob: Hello, Ada').waitFor();
  assert.equal(run(publish.text, place).trim(), '{"ok":true}');
  for (const guest of guests) await guest.getByText('curl: extra, extra').waitFor();
});
