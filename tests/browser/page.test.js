// The page at `/` in a real browser: what a person can do on it, and what it then shows.
'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { freePort, startServer } = require('../interop/server');
const { entry, inState, number, openPage, reached, send, startBrowser } = require('./browser');

test('what is written comes back, with its round trip', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t, { app: 'echo' }));
  await send(page, '{"greeting": "hällo", "list": [1, 2]}');
  const answer = entry(page, 'in', '{"greeting":"hällo","list":[1,2]}');
  await answer.waitFor();
  assert.match(await answer.locator('.badge').innerText(), /^\d+(\.\d)? ms round trip$/);

  await send(page, '{"not": JSON', 'Text');
  await entry(page, 'in', '{"not": JSON').waitFor();
  await reached(page, 'received', 2);
  assert.equal(await number(page, 'sent'), 2);
});

test('every parser is spoken, and transports that carry it are offered', async (t) => {
  const browser = await startBrowser(t);
  for (const parser of ['ejson', 'msgpack', 'binary', 'raw']) {
    const server = await startServer(t, { app: 'echo', transformer: 'any', parser });
    const page = await openPage(browser, server);
    assert.equal(await page.locator('#parser').textContent(), parser);
    await send(page, '{"list":[1,"zwölf",null]}');
    await entry(page, 'in', '{"list":[1,"zwölf",null]}').waitFor();
    const offered = await page.locator('input[value="sockjs"]').count();
    assert.equal(offered, ['msgpack', 'binary'].includes(parser) ? 0 : 1, parser);
  }
});

test('what is not JSON is not sent as JSON, and the page says why', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t, { app: 'echo' }));
  await send(page, '{oops');
  await page.getByText('This is not JSON').waitFor();
  assert.equal(await number(page, 'sent'), 0);
});

test('a spark has an id, and another one after it was ended and opened again', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t));
  const id = await sparkId(page);
  await page.getByRole('button', { name: 'Disconnect' }).click();
  await inState(page, 'Disconnected');
  assert.ok(await page.getByRole('button', { name: 'Send' }).isDisabled());
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await inState(page, 'Connected');
  assert.notEqual(await sparkId(page), id);
});

test('a broadcast reaches a second page, on whatever shard', async (t) => {
  const server = await startServer(t, { app: 'broadcast', shards: 2 });
  const browser = await startBrowser(t);
  const [writer, ...readers] = [
    await openPage(browser, server),
    await openPage(browser, server),
    await openPage(browser, server),
  ];
  await send(writer, '"to all of you"');
  for (const page of [writer, ...readers]) await entry(page, 'in', 'to all of you').waitFor();
  assert.equal(await entry(readers[0], 'in', 'to all of you').locator('.badge').count(), 0);
});

test('heartbeats arrive, are answered and keep the spark alive', async (t) => {
  // The page takes a connection for lost that is half an interval late, as a busy machine can be.
  const server = await startServer(t, { pingIntervalMs: 2_000 });
  const page = await openPage(await startBrowser(t), server);
  await page.getByRole('button', { name: 'Heartbeats' }).click();
  await reached(page, 'pings', 3);
  assert.equal(await page.locator('#ping-interval').innerText(), '2.0 s');
  assert.match(await page.locator('#ping-value').innerText(), /^\d{13}$/);
  await entry(page, 'beat', 'answered').first().waitFor();
  assert.equal(await entry(page, 'down', '').count(), 0);
});

test('a page that was cut off comes back by itself', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t));
  const id = await sparkId(page);
  await page.getByRole('button', { name: 'Drop the line' }).click();
  await inState(page, 'Reconnecting');
  await inState(page, 'Connected');
  await entry(page, 'note', 'Reconnected after').waitFor();
  assert.notEqual(await sparkId(page), id);
  assert.equal(await number(page, 'reconnects'), 1);
});

test('a server that is killed and started again gets its page back', async (t) => {
  const port = await freePort();
  const first = await startServer(t, { port });
  const page = await openPage(await startBrowser(t), first);
  await first.kill('SIGKILL');
  await inState(page, 'Reconnecting');
  await entry(page, 'wait', 'Reconnect scheduled: attempt 1 of 10 in 500 ms').waitFor();
  await page.getByText(/^Attempt 2 of 10 in \d/).waitFor();
  await entry(page, 'wait', 'Reconnect: attempt 2').waitFor();

  await startServer(t, { port, app: 'echo' });
  await inState(page, 'Connected');
  await send(page, '"still here"');
  await entry(page, 'in', 'still here').waitFor();
});

test('a server that drains sends its page away to come back', async (t) => {
  const port = await freePort();
  const first = await startServer(t, { port });
  const page = await openPage(await startBrowser(t), first);
  assert.deepEqual(await first.kill('SIGTERM'), { code: 0, signal: null });
  await inState(page, 'Reconnecting');
  await startServer(t, { port });
  await inState(page, 'Connected');
});

const TRANSFORMERS = [
  'websockets', 'faye', 'uws', 'engine.io', 'sockjs', 'browserchannel',
];

test('every transformer can be chosen where the server offers all', async (t) => {
  const server = await startServer(t, { app: 'echo', transformer: 'any' });
  const page = await openPage(await startBrowser(t), server);
  const carriers = { browserchannel: 'HTTP' };
  for (const transformer of [...TRANSFORMERS].reverse()) {
    await choose(page, transformer);
    const text = `by ${transformer}`;
    await send(page, text, 'Text');
    await entry(page, 'in', text).waitFor();
    const carrier = carriers[transformer] ?? 'WebSocket';
    await page.locator('#carrier', { hasText: carrier }).waitFor();
  }
  await choose(page, 'sockjs');
  await page.reload();
  await inState(page, 'Connected');
  assert.ok(await page.getByLabel('sockjs').isChecked(), 'the choice outlives a reload');
});

for (const transformer of TRANSFORMERS) {
  test(`a server of ${transformer} offers that alone, and comes back`, async (t) => {
    // A lost session of browserchannel is looked for a while; the heartbeat is faster.
    const pingIntervalMs = transformer === 'browserchannel' ? 2_000 : 30_000;
    const options = { port: await freePort(), transformer, pingIntervalMs, app: 'echo' };
    const first = await startServer(t, options);
    const page = await openPage(await startBrowser(t), first);
    const offered = await page.getByRole('radio', { name: /^[a-z.]+$/ }).all();
    const names = await Promise.all(offered.map((radio) => radio.getAttribute('value')));
    assert.deepEqual(names, [transformer]);
    await first.kill('SIGKILL');
    await inState(page, 'Reconnecting');
    await entry(page, 'wait', 'Reconnect scheduled').first().waitFor();
    await startServer(t, options);
    await inState(page, 'Connected');
    await send(page, '"back"');
    await entry(page, 'in', 'back').waitFor();
  });
}

test('without a network it waits, and with one it comes back', async (t) => {
  const browser = await startBrowser(t);
  const page = await openPage(browser, await startServer(t, { app: 'echo' }));
  await browser.setOffline(true);
  await inState(page, 'Offline');
  await browser.setOffline(false);
  await entry(page, 'note', 'Online again').waitFor();
  await inState(page, 'Connected');
  await entry(page, 'note', 'Reconnected after').waitFor();
});

const SCREENS = [
  [390, 844], [412, 915], [768, 1024], [1024, 768], [1280, 720], [1366, 768], [1440, 900],
  [1920, 1080],
];

test('the field is on the first screen, and every name fits its pill', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t, { transformer: 'any' }));
  for (const [width, height] of SCREENS) {
    await page.setViewportSize({ width, height });
    const size = `${width}x${height}`;
    for (const id of ['write', 'send']) {
      const box = await page.locator(`#${id}`).boundingBox();
      const end = box.y + box.height;
      assert.ok(box.y >= 0 && end <= height, `${id} at ${box.y} to ${end} of ${size}`);
    }
    for (const transformer of TRANSFORMERS) {
      // The name of the one that is chosen is wider.
      await page.getByRole('radio', { name: transformer, exact: true }).check();
      const pill = page.locator('.choices input:checked + span');
      const fit = await pill.evaluate((pill) => {
        const text = document.createRange();
        text.selectNodeContents(pill);
        const [inner, outer] = [text, pill].map((part) => part.getBoundingClientRect());
        const fits = pill.scrollWidth <= pill.clientWidth;
        return { fits, margin: Math.min(inner.left - outer.left, outer.right - inner.right) };
      });
      assert.ok(fit.fits && fit.margin >= 4, `${transformer} at ${size}: ${JSON.stringify(fit)}`);
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(overflow, 0, size);
  }
});

test('a transformer is changed without a word of failure', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t, { transformer: 'any' }));
  await page.evaluate(() => {
    window.states = [];
    const note = () => window.states.push(document.getElementById('state').dataset.state);
    new MutationObserver(note).observe(document.getElementById('state'), { attributes: true });
  });
  for (const transformer of [...TRANSFORMERS.slice(1), TRANSFORMERS[0]]) {
    await choose(page, transformer);
  }
  assert.deepEqual(await entry(page, 'down', '').allInnerTexts(), []);
  const states = await page.evaluate(() => window.states);
  assert.deepEqual([...new Set(states)].sort(), ['open', 'opening']);

  await page.getByRole('button', { name: 'Disconnect' }).click();
  await inState(page, 'Disconnected');
  assert.deepEqual(await entry(page, 'down', '').allInnerTexts(), []);
});

test('what was sent leaves the field, and what was not stays', async (t) => {
  const page = await openPage(await startBrowser(t), await startServer(t, { app: 'echo' }));
  const field = page.getByLabel('Message', { exact: true });
  await send(page, '"gone"');
  await entry(page, 'in', 'gone').waitFor();
  assert.equal(await field.inputValue(), '');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Write something first.').waitFor();
  await send(page, '{oops');
  await page.getByText('This is not JSON').waitFor();
  assert.equal(await field.inputValue(), '{oops');
  assert.equal(await number(page, 'sent'), 1);
});

const CARDS = { light: 'rgb(255, 255, 255)', dark: 'rgb(21, 24, 35)' };

for (const colorScheme of ['light', 'dark']) {
  test(`it fits a narrow ${colorScheme} screen and works by keyboard alone`, async (t) => {
    const viewport = { width: 360, height: 740 };
    const browser = await startBrowser(t, { viewport, colorScheme });
    const page = await openPage(browser, await startServer(t, { app: 'echo' }));
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+A');
    await page.keyboard.type(`"${'wide'.repeat(50)}"`);
    await page.keyboard.press('Enter');
    await entry(page, 'in', 'widewide').waitFor();

    const look = await page.evaluate(() => ({
      overflow: document.documentElement.scrollWidth - innerWidth,
      background: getComputedStyle(document.querySelector('.card')).backgroundColor,
    }));
    assert.equal(look.overflow, 0);
    assert.equal(look.background, CARDS[colorScheme]);
  });

  test(`what is chosen stands out on a ${colorScheme} screen`, async (t) => {
    const browser = await startBrowser(t, { colorScheme });
    const page = await openPage(browser, await startServer(t, { transformer: 'any' }));
    await page.getByRole('radio', { name: 'sockjs', exact: true }).check();
    const pill = page.locator('.choices input:checked + span');
    // Not while a colour is on its way.
    const settled = (pill) => Promise.all(pill.getAnimations().map(({ finished }) => finished));
    await pill.evaluate(settled);
    const [ground, behind, text] = await pill.evaluate((pill) => {
      const [own, list] = [pill, pill.closest('.choices')].map((part) => getComputedStyle(part));
      return [own.backgroundColor, list.backgroundColor, own.color];
    });
    // WCAG 2.2: 1.4.11 for the pill, 1.4.3 for its name.
    assert.ok(contrast(ground, behind) >= 3, `${ground} on ${behind}`);
    assert.ok(contrast(text, ground) >= 4.5, `${text} on ${ground}`);
  });
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

/** Chooses a transformer as a person would, and waits until it is in use. */
async function choose(page, transformer) {
  await page.getByRole('radio', { name: transformer, exact: true }).check();
  await entry(page, 'note', `Connected by ${transformer}`).last().waitFor();
  await inState(page, 'Connected');
}

async function sparkId(page) {
  const field = page.locator('#spark-id', { hasText: /^[\w-]{21}$/ });
  return field.innerText();
}
