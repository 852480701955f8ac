// The chats of examples/ behind AllSpark, played by two clients of Primus from npm: through hooks,
// and published over the API.
'use strict';

const assert = require('node:assert/strict');
const test = require('node:test');

const { COMMANDS, Guest, startChat } = require('./application');

const line = (from, text) => ({ from, text });

for (const name of Object.keys(COMMANDS)) {
  test(`${name}: people chat, and nothing is lost while it restarts`, async (t) => {
    const chat = await startChat(t, name);
    const nobody = new Guest(chat.server, '');
    const refusal = await nobody.line();
    assert.equal(refusal.authorization, 'refused');
    assert.match(refusal.message, /who you are/);
    await nobody.ended;

    const ada = new Guest(chat.server, '?name=Ada');
    assert.deepEqual(await ada.line(), line('chat', 'Ada is here'));
    const bob = new Guest(chat.server, '?name=Bob+B');
    // Those that remember tell him what was said before.
    if (name !== 'curl') assert.deepEqual(await bob.line(), line('chat', 'Ada is here'));
    for (const guest of [ada, bob]) {
      assert.deepEqual(await guest.line(), line('chat', 'Bob B is here'));
    }
    const both = async (expected) => {
      for (const guest of [ada, bob]) assert.deepEqual(await guest.line(), expected);
    };
    ada.say('hello');
    await both(line('Ada', 'hello'));
    bob.say('<b>"hé"</b> \\ & ☃');
    await both(line('Bob B', '<b>"hé"</b> \\ & ☃'));
    ada.primus.write(5);
    assert.deepEqual(await ada.line(), line('chat', 'That was no message.'));

    const body = new URLSearchParams({ text: 'extra, extra' });
    const announced = await fetch(`${chat.url}/announce`, { method: 'POST', body });
    assert.equal(announced.status, 200);
    await both(line('news', 'extra, extra'));
    assert.deepEqual(await (await fetch(`${chat.url}/who`)).json(), { here: 2 });

    await chat.process.end();
    ada.say('is anybody there?');
    bob.say('I am');
    await chat.start();
    const heard = async (guest) => [await guest.line(), await guest.line()];
    const expected = [line('Ada', 'is anybody there?'), line('Bob B', 'I am')];
    for (const guest of [ada, bob]) {
      // Each of them keeps his order; those of two people have none.
      const lines = await heard(guest);
      assert.deepEqual(lines.sort((a, b) => a.from.localeCompare(b.from)), expected);
    }
    if (name !== 'curl') {
      bob.primus.end();
      assert.deepEqual(await ada.line(), line('chat', 'Bob B has left'));
    }
  });
}

for (const name of ['python', 'express']) {
  test(`${name}: who can't sign is not AllSpark`, async (t) => {
    const chat = await startChat(t, name);
    const events = [{ id: 'x-0-1', event: 'message', spark: 'x', data: { text: 'I am Ada' } }];
    const body = JSON.stringify({ events });
    const headers = {
      'content-type': 'application/json',
      'webhook-id': 'x',
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
    };
    for (const given of [headers, { 'content-type': 'application/json' }]) {
      const answer = await fetch(`${chat.url}/hooks`, { method: 'POST', headers: given, body });
      assert.equal(answer.status, 401);
    }
  });
}
