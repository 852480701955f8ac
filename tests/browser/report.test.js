// A report of the harness on a phone: whatever is wider than the screen says so and can be reached.
'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');

const { afterwards } = require('../interop/afterwards');
const { binary } = require('../interop/server');
const { startBrowser } = require('./browser');

const RUN_MS_MAX = 120_000;

// One with wide charts, one with small ones.
for (const scenario of ['heartbeat', 'backoff']) {
  test(`the charts of ${scenario} are whole, or say that they go on`, async (t) => {
    const page = await (await startBrowser(t)).newPage();
    await page.goto(pathToFileURL(report(t, scenario)).href);
    for (const width of [390, 600, 1280]) {
      await page.setViewportSize({ width, height: 844 });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.equal(overflow, 0, `the page at ${width}`);
      const plots = await page.locator('.plot').all();
      assert.ok(plots.length > 0);
      for (const plot of plots) {
        const { title, isCut, isScrolled, isSaid } = await plot.evaluate(look);
        assert.equal(isCut, isScrolled, `${title} at ${width}`);
        assert.equal(isCut, isSaid, `${title} at ${width}`);
        if (width === 1280) assert.ok(!isCut, title);
      }
    }
  });
}

/** What a person finds of a picture. Runs in the page. */
function look(plot) {
  const picture = plot.querySelector('svg').getBoundingClientRect();
  const isCut = picture.right > plot.getBoundingClientRect().right + 1;
  plot.scrollLeft = plot.scrollWidth;
  const isScrolled = plot.scrollLeft > 0;
  plot.scrollLeft = 0;
  const figure = plot.closest('figure');
  const isSaid = figure.querySelector('.sideways').checkVisibility();
  return { title: figure.querySelector('h3').textContent, isCut, isScrolled, isSaid };
}

/** The page of a small run. */
function report(t, scenario) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'allspark-report-'));
  afterwards(t, () => fs.rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'report.html');
  const args = ['sim', '--scenario', scenario, '--clients', '1000', '--seed', '1', '--html', file];
  execFileSync(binary('ALLSPARK_HARNESS_BIN', 'harness'), args, { timeout: RUN_MS_MAX });
  return file;
}
